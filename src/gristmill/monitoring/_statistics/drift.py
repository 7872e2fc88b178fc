"""Is a window of rows still like the reference? Tests with a stated rate of false alarms.

A column has drifted when two things hold of its values, of what is missing, or of its range: the
test of that says that chance does not explain the difference (p-values of all tests of the window
adjusted by Benjamini and Hochberg, JRSS B 57, 1995), and that difference is large enough to matter
(`Thresholds`). The first keeps the budget of false alarms; the second keeps a trifle at a million
rows from being an alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gristmill.monitoring._statistics.description import describe_change
from gristmill.monitoring._statistics.distance import Aspect, Distances, Thresholds, distances
from gristmill.monitoring._statistics.significance import IntraclassCorrelation, p_values
from gristmill.monitoring._statistics.sketch import Binning, Floats, Sketch

Verdict = Literal["inconclusive", "stable", "watch", "drift"]


@dataclass(frozen=True)
class Column:
    """A column's bins, its reference, and its weight for the model (0 to 1, see `importance`).

    `days` is how many the reference is worth (0: unknown), `correlation` how much rows of one
    resemble each other, `floor` the share of rows that must lie elsewhere for this column
    (None: the common one).
    """

    binning: Binning
    reference: Sketch
    importance: float = 0.0
    correlation: IntraclassCorrelation = IntraclassCorrelation()  # noqa: RUF009  frozen
    days: float = 0
    floor: float | None = None

    @property
    def name(self) -> str:
        return self.binning.name


@dataclass(frozen=True)
class ColumnDrift:
    """The judgement of one column of a window.

    Attributes
    ----------
    name
        The column.
    rows
        Its rows in the window.
    drifted
        Whether chance does not explain the difference, and it is large enough to count.
    p
        The smallest p-value of its tests, adjusted for all tests of the window.
    distances
        How far it lies from the reference, whatever chance says.
    impact
        The share of moved rows times the column's importance to the model.
    change
        What changed, as text.
    """

    name: str
    rows: int
    drifted: bool
    p: float
    distances: Distances
    impact: float
    change: str


@dataclass(frozen=True)
class WindowDrift:
    """The judgement of a window: features, worst impact first, and the prediction."""

    rows: int
    verdict: Verdict
    share: float
    features: tuple[ColumnDrift, ...]
    prediction: ColumnDrift | None


def detect_drift(
    features: Sequence[Column],
    window: Mapping[str, Sketch],
    thresholds: Thresholds,
    prediction: Column | None = None,
    days: float = 0,
) -> WindowDrift:
    """Compare a window's sketches (by column name) with the reference. It is worth `days`.

    `share` is that of drifted features, without the prediction. With fewer than
    `thresholds.judge` rows the verdict is "inconclusive" and nothing counts as drifted.
    """
    columns = [*features, *([prediction] if prediction else [])]
    rows = max((window[c.name].rows for c in columns), default=0)
    enough = rows >= thresholds.judge
    raw = {
        (c.name, aspect): p
        for c in columns
        for aspect, p in p_values(
            c.reference, window[c.name], c.binning, c.correlation, (c.days, days)
        ).items()
    }
    adjusted = stats.false_discovery_control([*raw.values()], method="bh") if raw else []
    p_of: dict[str, dict[Aspect, float]] = {c.name: {} for c in columns}
    for (name, aspect), p in zip(raw, adjusted, strict=True):
        p_of[name][aspect] = float(p)
    distance_of = {c.name: distances(c.reference, window[c.name], c.binning) for c in columns}
    large = {c.name: thresholds.exceeded(distance_of[c.name], c.binning, c.floor) for c in columns}
    judged = [
        ColumnDrift(
            name=c.name,
            rows=window[c.name].rows,
            drifted=enough
            and any(large[c.name][a] and p <= thresholds.alpha for a, p in p_of[c.name].items()),
            p=min(p_of[c.name].values()),
            distances=distance_of[c.name],
            impact=distance_of[c.name].largest * c.importance,
            change=describe_change(c.binning, c.reference, window[c.name]),
        )
        for c in columns
    ]
    by_feature, output = judged[: len(features)], judged[len(features) :]
    share = sum(f.drifted for f in by_feature) / len(by_feature) if by_feature else 0.0
    verdict: Verdict = "stable"
    if not enough:
        verdict = "inconclusive"
    elif share > thresholds.share:
        verdict = "drift"
    elif any(f.drifted for f in judged):
        verdict = "watch"
    ranked = sorted(
        by_feature, key=lambda f: (not f.drifted, -f.impact, -f.distances.moved, f.name)
    )
    return WindowDrift(rows, verdict, share, tuple(ranked), output[0] if output else None)


def importance(column: Sequence[int] | NDArray[np.intp], prediction: Floats, bins: int) -> float:
    """Share of the prediction's variance that the column's bins explain (eta squared), 0 to 1.

    `column` holds each reference row's bin, shape (n,). Needs no model: it measures what the
    prediction varies with, alone, without interactions.
    """
    places = np.asarray(column)
    whole = float(np.var(prediction)) if prediction.size else 0.0
    if whole <= 0.0:
        return 0.0
    n = np.bincount(places, minlength=bins)
    sums = np.bincount(places, weights=prediction, minlength=bins)
    some = n > 0
    between = (n[some] * (sums[some] / n[some] - prediction.mean()) ** 2).sum() / prediction.size
    return float(min(1.0, between / whole))
