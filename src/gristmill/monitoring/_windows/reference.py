"""The profile of a version, computed from its evidence once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gristmill.errors import Invalid
from gristmill.files import write_json
from gristmill.monitoring._model import MonitoredModel
from gristmill.monitoring._settings import MonitoringSettings
from gristmill.monitoring._statistics.distance import groups
from gristmill.monitoring._statistics.drift import Column, importance
from gristmill.monitoring._statistics.estimate import Expected, expect
from gristmill.monitoring._statistics.performance import Metric, Task, measure, tally
from gristmill.monitoring._statistics.significance import (
    IntraclassCorrelation,
    effective_days,
    intraclass_correlation,
)
from gristmill.monitoring._statistics.sketch import (
    Binning,
    CategoryCodes,
    Floats,
    Kind,
    category_label,
    factorize,
    fix_bins,
)
from gristmill.monitoring._store.profile import FORMAT, PREDICTION, Profile
from gristmill.registry import Version

if TYPE_CHECKING:
    import pandas as pd

    from gristmill.registry import ModelSettings, Registry, Version

SEGMENT_VALUES = 8
SAMPLE = 2000
Days = NDArray[np.int64]


class ProfileCache:
    """The profiles of a model's versions, each read once. `loaded` are those asked for so far."""

    def __init__(self, model: MonitoredModel) -> None:
        self._model = model
        self.loaded: dict[int, Profile] = {}

    def get(self, number: int) -> Profile | None:
        """The profile of a version; None for one that nobody registered."""
        version = self._model.versions.get(number)
        if version is not None and number not in self.loaded:
            self.loaded[number] = profile_of(self._model, version)
        return self.loaded.get(number)


def profile_of(model: MonitoredModel, version: Version) -> Profile:
    """The profile of a version, computed once for the segments and the kind of reference that the
    settings ask for, and kept."""
    settings = model.settings
    variant = hashlib.sha256(f"{settings.segments} {settings.reference}".encode()).hexdigest()[:8]
    path = model.directory / "profiles" / f"{version.version}-{variant}.json"
    if path.is_file():
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] == FORMAT:
            return Profile.from_record(record)
    profile = _build(model.registry, model.declared, settings, version)
    write_json(path, profile.record())
    return profile


def columns_of(
    values: Mapping[str, tuple[Kind, Any]],
    prediction: Floats | None,
    seed: int = 0,
    day: Days | None = None,
) -> tuple[Column, ...]:
    """Fix bins and count the reference: `values` maps a name to its kind and values, shape (n,).

    Names of categories are taken from one random half of the rows and counted in the other: taken
    and counted on the same rows, frequent names would look more frequent than they are, and rare
    ones of the window like new ones. `day` numbers the day of each row, where it is known.
    """
    columns = []
    days_of_rows = None if day is None else np.unique(day, return_inverse=True)[1]
    for name, (kind, column) in values.items():
        half: Any = slice(None)
        if kind == "category":
            half = np.random.default_rng(seed).random(len(column)) >= 0.5
            binning = fix_bins(name, column[~half], kind)
        else:
            binning = fix_bins(name, column, kind)
        counted = column[half]
        places, weight = binning.place(counted), 0.0
        if prediction is not None:
            weight = importance(_coarse(binning, places), prediction[half], binning.size)
        correlation, days = IntraclassCorrelation(), 0.0
        if days_of_rows is not None:
            correlation = _within_day_correlation(binning, places, days_of_rows[half])
            days = effective_days(np.bincount(days_of_rows[half]))
        columns.append(Column(binning, binning.sketch(counted, places), weight, correlation, days))
    return tuple(columns)


def _coarse(binning: Binning, places: NDArray[np.intp]) -> NDArray[np.intp]:
    """Bins of about twenty to a number, so that importance is not fitted noise."""
    if binning.kind == "number" and binning.size > 22:
        return np.where(places > 0, 1 + places // (binning.size // 20), 0)
    return places


def _within_day_correlation(
    binning: Binning, places: NDArray[np.intp], where: NDArray[np.intp]
) -> IntraclassCorrelation:
    """How alike rows of one day are in the column's coarse bins, and in missing it; `where` counts
    the days from nought.

    Of a number, in lying below the cut where they are most alike: that is what its test looks at.
    """
    days, present = int(where.max()) + 1, places > 0
    group = groups(
        np.bincount(places, minlength=binning.size)[1:], ordered=binning.kind == "number"
    )
    values = _table(where[present], group[places[present] - 1], days, int(group.max(initial=0)) + 1)
    missing = _table(where, present.astype(np.intp), days, 2)
    if binning.kind == "category":
        return IntraclassCorrelation(
            intraclass_correlation(values), intraclass_correlation(missing)
        )
    below = np.cumsum(values, axis=1)[:, :-1]
    above = values.sum(axis=1, keepdims=True) - below
    cuts = [
        intraclass_correlation(np.column_stack([below[:, i], above[:, i]]))
        for i in range(below.shape[1])
    ]
    return IntraclassCorrelation(max(cuts, default=0.0), intraclass_correlation(missing))


def _worth(day: Days) -> float:
    return effective_days(np.unique(day, return_counts=True)[1])


def _table(row: NDArray[np.intp], column: NDArray[np.intp], rows: int, columns: int) -> Floats:
    """How many pairs of row and column there are, shape (rows, columns)."""
    tally = np.bincount(row * columns + column, minlength=rows * columns)
    return tally.reshape(rows, columns).astype(np.float64)


def _build(
    registry: Registry, settings: ModelSettings, watched: MonitoringSettings, version: Version
) -> Profile:
    baseline = {k: Metric(v, v, v) for k, v in version.metrics.items()}
    task: Task = "binary"
    predicted = truth = None
    if Version.HOLDOUT in version.evidence and settings.target:
        task, predicted, truth = _holdout(registry, settings, version)
        codes = {w: i for i, w in enumerate(sorted({str(v) for v in [*truth, *predicted]}))}
        as_codes = task == "labels"
        sides = [
            np.array([codes[str(v)] for v in side] if as_codes else side, dtype=float)
            for side in (predicted, truth)
        ]
        baseline |= measure(tally(task, *sides))
    if Version.REFERENCE not in version.evidence:
        return Profile(version.version, task, 0, (), None, baseline)
    frame = reference_rows(registry, settings, version, task)
    times = times_of(frame, settings.time)
    day = None if times is None else (times.asi8 // 86_400_000_000).astype(np.int64)
    aside = {settings.target, settings.time, PREDICTION}
    values = {str(n): values_of(frame[n]) for n in frame if n not in aside}
    output = values_of(frame[PREDICTION]) if PREDICTION in frame else None
    weights = output[1] if output and output[0] == "number" else None
    usable = {n: v for n, v in values.items() if v is not None}
    features = columns_of(usable, weights, day=day)
    prediction = columns_of({PREDICTION: output}, None, day=day)[0] if output else None
    columns = (*features, *([prediction] if prediction else []))
    everything = {**usable, **({PREDICTION: output} if output else {})}
    segments = _segments(watched.segments, features)
    masks = _masks(watched, segments, usable, times)
    expected: Expected | None = None
    if predicted is not None and truth is not None and (task == "binary" or prediction):
        expected = expect(task, predicted, truth, prediction.binning if prediction else None)
    rows = np.sort(
        np.random.default_rng(0).choice(len(frame), min(SAMPLE, len(frame)), replace=False)
    )
    sample = [c.binning.place(usable[c.name][1][rows]) for c in features]
    return Profile(
        version.version,
        task,
        len(frame),
        features,
        prediction,
        baseline,
        expected,
        segments,
        {p: {c.name: c.binning.sketch(everything[c.name][1][m]) for c in columns}
         for p, m in masks.items()},
        {p: 0 if day is None else _worth(day[m]) for p, m in masks.items()},
        np.array(sample, np.int32).T if sample else np.zeros((0, 0), np.int32),
        (rows * 0 if day is None else day[rows]).reshape(-1, 1).astype(np.int32),
    )  # fmt: skip


def reference_rows(
    registry: Registry, settings: ModelSettings, version: Version, task: Task
) -> pd.DataFrame:
    """The reference that the version kept, with what the version says of each row. Raises Invalid
    for one without rows."""
    import pandas as pd

    frame = pd.read_parquet(registry.evidence(version, Version.REFERENCE))
    if not len(frame):
        raise Invalid(
            "monitoring.reference",
            f"the reference of {version.model} version {version.version} has no rows.",
            hint="Write features and prediction of the training window into it.",
        )
    if PREDICTION not in frame and settings.target:
        from gristmill.registry import model_outputs

        frame[PREDICTION] = model_outputs(
            registry, version, frame, settings, binary=task == "binary"
        )
    return frame


def _holdout(
    registry: Registry, settings: ModelSettings, version: Version
) -> tuple[Task, Any, Any]:
    import pandas as pd

    from gristmill.registry import model_outputs, truth_labels

    holdout = pd.read_parquet(registry.evidence(version, Version.HOLDOUT))
    truth, binary = truth_labels(holdout[settings.target])
    predicted = model_outputs(registry, version, holdout, settings, binary=binary)
    if binary:
        return "binary", np.asarray(predicted, float), np.asarray(truth, float)
    number = np.asarray(truth).dtype.kind in "if"
    return ("regression" if number else "labels"), predicted, truth


def times_of(frame: pd.DataFrame, column: str) -> pd.DatetimeIndex | None:
    """When each row was, in UTC; None when that is not known of all."""
    import pandas as pd

    if not column or column not in frame:
        return None
    times = pd.DatetimeIndex(pd.to_datetime(frame[column], utc=True)).as_unit("us")
    return None if times.hasnans else times


def _segments(names: Sequence[str], features: Sequence[Column]) -> dict[str, tuple[str, ...]]:
    """The most frequent values of each segment's column. Raises Invalid for one that has none."""
    binnings = {c.name: c.binning for c in features}
    for name in names:
        if name not in binnings or binnings[name].kind != "category":
            categories = [n for n, b in binnings.items() if b.kind == "category"]
            raise Invalid(
                "monitoring.segments",
                f"segments: the reference has no category column {name!r}.",
                hint=f"Categories: {', '.join(categories) or 'none'}.",
            )
    return {n: binnings[n].categories[:SEGMENT_VALUES] for n in names}


def _masks(
    watched: MonitoringSettings,
    segments: Mapping[str, tuple[str, ...]],
    values: Mapping[str, tuple[Kind, Any]],
    times: pd.DatetimeIndex | None,
) -> dict[str, NDArray[np.bool_]]:
    """Which rows of the reference are in each part."""
    masks: dict[str, NDArray[np.bool_]] = {}
    for name, categories in segments.items():
        column = values[name][1]
        masks |= {f"{name}={c}": column.are(c) for c in categories}
    if watched.reference in ("weekday", "month"):
        if times is None:
            raise Invalid(
                "monitoring.matched",
                f"reference = {watched.reference!r} needs a time in every row of the reference.",
                hint="Name its column as `time` of the model, and keep it in the reference.",
            )
        kind = watched.reference
        numbers = _of(times, kind)
        masks |= {f"{kind}={v}": numbers == v for v in np.unique(numbers)}
    return masks


def _of(times: pd.DatetimeIndex, kind: str) -> NDArray[np.int64]:
    return np.asarray(times.weekday if kind == "weekday" else times.month, np.int64)


def matching(frame: pd.DataFrame, column: str, names: Iterable[str]) -> NDArray[np.bool_]:
    """Which rows are of the weekdays or months `names` (`weekday=0`, `month=7`), shape (n,)."""
    times = times_of(frame, column)
    matches = np.zeros(len(frame), dtype=bool)
    for kind, _, value in (n.partition("=") for n in names):
        matches |= times is not None and _of(times, kind) == int(value)
    return matches


def values_of(series: pd.Series[Any]) -> tuple[Kind, Any] | None:
    """Kind and values of a column; None for times, which no test here fits."""
    import pandas as pd

    kind = series.dtype
    if pd.api.types.is_datetime64_any_dtype(kind) or pd.api.types.is_timedelta64_dtype(kind):
        return None
    if pd.api.types.is_bool_dtype(kind) or not pd.api.types.is_numeric_dtype(kind):
        if isinstance(kind, pd.StringDtype):
            codes, different = pd.factorize(series)
            return "category", CategoryCodes(
                codes, [*map(category_label, different), None]
            )  # -1: a missing one
        return "category", CategoryCodes(*factorize(series.astype(object).to_numpy()))
    return "number", series.to_numpy(dtype=np.float64, na_value=np.nan)
