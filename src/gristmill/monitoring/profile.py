"""What a version promised: bins and sketches of its reference, its score on the hold-out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gristmill.errors import Invalid
from gristmill.files import write_json
from gristmill.monitoring.drift import Column, importance
from gristmill.monitoring.performance import Metric, Task, measure, tally
from gristmill.monitoring.sketch import Binning, Floats, Kind, Sketch, fix_bins, word
from gristmill.project import Project

if TYPE_CHECKING:
    import pandas as pd

    from gristmill.registry.settings import ModelSettings
    from gristmill.registry.store import Registry
    from gristmill.registry.version import Version

REFERENCE = "reference.parquet"
HOLDOUT = "holdout.parquet"
PREDICTION = "prediction"
FORMAT = 1


@dataclass(frozen=True)
class Profile:
    """The reference of a version; `rows` is 0 when it kept none.

    `promised` are its metrics on the hold-out, `target` its reference's label when numeric.
    """

    version: int
    task: Task
    rows: int
    features: tuple[Column, ...]
    prediction: Column | None
    promised: Mapping[str, Metric]

    @property
    def columns(self) -> tuple[Column, ...]:
        return (*self.features, *([self.prediction] if self.prediction else []))

    def record(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": self.version,
            "task": self.task,
            "rows": self.rows,
            "features": [_column_record(c) for c in self.features],
            "prediction": _column_record(self.prediction) if self.prediction else None,
            "promised": {k: vars(m) for k, m in self.promised.items()},
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Profile:
        output = record["prediction"]
        return cls(
            record["version"],
            record["task"],
            record["rows"],
            tuple(_column_from(c) for c in record["features"]),
            _column_from(output) if output else None,
            {k: Metric(**m) for k, m in record["promised"].items()},
        )


def profile_of(
    project: Project, registry: Registry, settings: ModelSettings, version: Version, folder: Path
) -> Profile:
    """The profile of a version, computed once and kept in `folder`."""
    path = folder / f"{version.version}.json"
    if path.is_file():
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] == FORMAT:
            return Profile.from_record(record)
    profile = _build(registry, settings, version)
    write_json(path, profile.record())
    return profile


def columns_of(
    values: Mapping[str, tuple[Kind, Any]], prediction: Floats | None, seed: int = 0
) -> tuple[Column, ...]:
    """Fix bins and count the reference: `values` maps a name to its kind and values, shape (n,).

    Names of categories are taken from one random half of the rows and counted in the other: taken
    and counted on the same rows, frequent names would look more frequent than they are, and rare
    ones of the window like new ones.
    """
    found = []
    for name, (kind, column) in values.items():
        counted, output = column, prediction
        if kind == "category":
            first = np.random.default_rng(seed).random(len(column)) < 0.5
            binning = fix_bins(name, column[first], kind)
            counted = column[~first]
            output = None if prediction is None else prediction[~first]
        else:
            binning = fix_bins(name, column, kind)
        weight = 0.0
        if output is not None:
            weight = importance(_coarse(binning, counted), output, binning.size)
        found.append(Column(binning, binning.sketch(counted), weight))
    return tuple(found)


def _coarse(binning: Binning, values: Any) -> Sequence[int]:
    """Bins of about twenty to a number, so that importance is not fitted noise."""
    places = binning.place(values)
    if binning.kind == "number" and binning.size > 22:
        places = np.where(places > 0, 1 + places // (binning.size // 20), 0)
    return places  # type: ignore[return-value]


def _build(registry: Registry, settings: ModelSettings, version: Version) -> Profile:
    import pandas as pd

    promised = {k: Metric(v, v, v) for k, v in version.metrics.items()}
    task: Task = "binary"
    output: str | None = None
    if HOLDOUT in version.evidence and settings.target:
        from gristmill.registry.scoring import labels, outputs_of

        holdout = pd.read_parquet(registry.evidence(version, HOLDOUT))
        truth, binary = labels(holdout[settings.target])
        predicted = outputs_of(registry, version, holdout, settings, binary=binary)
        task = _task(truth, binary)
        if task == "labels":
            codes = {w: i for i, w in enumerate(sorted({str(v) for v in [*truth, *predicted]}))}
            truth = np.array([codes[str(v)] for v in truth], dtype=float)
            predicted = np.array([codes[str(v)] for v in predicted], dtype=float)
        promised |= measure(tally(task, np.asarray(predicted, float), np.asarray(truth, float)))
    if REFERENCE not in version.evidence:
        return Profile(version.version, task, 0, (), None, promised)
    frame = pd.read_parquet(registry.evidence(version, REFERENCE))
    if not len(frame):
        raise Invalid(
            "monitoring.reference",
            f"the reference of {version.model} version {version.version} has no rows.",
            hint="Write features and prediction of the training window into it.",
        )
    if PREDICTION not in frame and settings.target:
        from gristmill.registry.scoring import outputs_of

        frame[PREDICTION] = outputs_of(registry, version, frame, settings, binary=task == "binary")
    output = PREDICTION if PREDICTION in frame else None
    aside = {settings.target, settings.time, PREDICTION}
    values = {str(n): _values(frame[n]) for n in frame if n not in aside}
    predicted_column = _values(frame[output]) if output else None
    numeric = predicted_column and predicted_column[0] == "number"
    weights = predicted_column[1] if predicted_column and numeric else None
    features = columns_of({n: v for n, v in values.items() if v is not None}, weights)
    prediction = columns_of({PREDICTION: predicted_column}, None) if predicted_column else (None,)
    return Profile(version.version, task, len(frame), features, prediction[0], promised)


def _task(truth: Any, binary: bool) -> Task:
    if binary:
        return "binary"
    return "regression" if np.asarray(truth).dtype.kind in "if" else "labels"


def _values(series: pd.Series[Any]) -> tuple[Kind, Any] | None:
    """Kind and values of a column; None for times, which no test here fits."""
    import pandas as pd

    kind = series.dtype
    if pd.api.types.is_datetime64_any_dtype(kind) or pd.api.types.is_timedelta64_dtype(kind):
        return None
    if pd.api.types.is_bool_dtype(kind) or not pd.api.types.is_numeric_dtype(kind):
        return "category", np.array([word(v) for v in series.astype(object)], dtype=object)
    return "number", series.to_numpy(dtype=np.float64, na_value=np.nan)


def _column_record(column: Column) -> dict[str, Any]:
    sketch = column.reference
    return {
        "binning": column.binning.record(),
        "counts": sketch.counts.tolist(),
        "total": sketch.total,
        "squares": sketch.squares,
        "range": [sketch.low, sketch.high] if sketch.high >= sketch.low else None,
        "importance": column.importance,
    }


def _column_from(record: Mapping[str, Any]) -> Column:
    low, high = record["range"] or (np.inf, -np.inf)
    counts = np.array(record["counts"], dtype=np.int64)
    sketch = Sketch(counts, record["total"], record["squares"], low, high)
    return Column(Binning.from_record(record["binning"]), sketch, record["importance"])
