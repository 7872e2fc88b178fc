"""Is a window of rows still like the reference? Tests with a stated rate of false alarms.

A column has drifted when two things hold of its values, of what is missing, or of its range: the
test of that says that chance does not explain the difference (p-values of all tests of the window
adjusted by Benjamini and Hochberg, JRSS B 57, 1995), and that difference is large enough to matter
(`Thresholds`). The first keeps the budget of false alarms; the second keeps a trifle at a million
rows from being an alarm.

What changed in a column, in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gristmill.drawing import format_amount, format_percent
from gristmill.monitoring._statistics.distance import Distances, distances
from gristmill.monitoring._statistics.significance import Aspect, IntraclassCorrelation, p_values
from gristmill.monitoring._statistics.sketch import OTHER, Binning, Floats, Sketch

Verdict = Literal["inconclusive", "stable", "watch", "drift"]


@dataclass(frozen=True)
class Thresholds:
    """When a difference counts.

    `alpha`: chance of any false alarm in one window. `moved`: share of rows that must lie
    elsewhere (the KS distance of a number, the total variation of a category). `missing`: change
    of the missing share. `outside`: share beyond the reference's range. `share`: share of drifted
    features above which the window as a whole has drifted. `judge`, `act`: rows needed to judge
    a window, and to raise an alert on it.
    """

    alpha: float = 0.05
    moved: float = 0.05
    missing: float = 0.02
    outside: float = 0.01
    share: float = 0.3
    judge: int = 50
    act: int = 100


@dataclass(frozen=True)
class Column:
    """A column's bins, its reference, and its weight for the model (0 to 1, see `importance`).

    `days` is how many the reference is worth (0: unknown), `alike` how much rows of one resemble
    each other, `floor` the share of rows that must lie elsewhere for this column (None: the
    common one).
    """

    binning: Binning
    reference: Sketch
    importance: float = 0.0
    alike: IntraclassCorrelation = IntraclassCorrelation()  # noqa: RUF009  frozen
    days: float = 0
    floor: float | None = None

    @property
    def name(self) -> str:
        return self.binning.name


@dataclass(frozen=True)
class ColumnDrift:
    """The judgement of one column: `p` is its least, adjusted for all tests of the window.

    `impact` is the share of moved rows times the column's importance to the model.
    """

    name: str
    rows: int
    drifted: bool
    p: float
    distances: Distances
    impact: float
    words: str


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
            c.reference, window[c.name], c.binning, c.alike, (c.days, days)
        ).items()
    }
    adjusted = stats.false_discovery_control([*raw.values()], method="bh") if raw else []
    told: dict[str, dict[Aspect, float]] = {c.name: {} for c in columns}
    for (name, aspect), p in zip(raw, adjusted, strict=True):
        told[name][aspect] = float(p)
    judged = [_column(c, window[c.name], told[c.name], thresholds, enough) for c in columns]
    found, output = judged[: len(features)], judged[len(features) :]
    share = sum(f.drifted for f in found) / len(found) if found else 0.0
    verdict: Verdict = "stable"
    if not enough:
        verdict = "inconclusive"
    elif share > thresholds.share:
        verdict = "drift"
    elif any(f.drifted for f in judged):
        verdict = "watch"
    ranked = sorted(found, key=lambda f: (not f.drifted, -f.impact, -f.distances.moved, f.name))
    return WindowDrift(rows, verdict, share, tuple(ranked), output[0] if output else None)


def _column(
    column: Column,
    window: Sketch,
    p: Mapping[Aspect, float],
    thresholds: Thresholds,
    enough: bool,
) -> ColumnDrift:
    far = distances(column.reference, window, column.binning)
    beyond = far.outside >= thresholds.outside
    matters: dict[Aspect, bool] = {
        "values": far.moved >= (thresholds.moved if column.floor is None else column.floor)
        or (beyond and column.binning.kind == "category"),  # its test counts what is new
        "missing": abs(far.missing) >= thresholds.missing,
        "range": beyond,
    }
    return ColumnDrift(
        name=column.name,
        rows=window.rows,
        drifted=enough and any(matters[a] and p[a] <= thresholds.alpha for a in p),
        p=min(p.values()),
        distances=far,
        impact=max(far.moved, abs(far.missing)) * column.importance,
        words=describe(column.binning, column.reference, window),
    )


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


def describe(binning: Binning, reference: Sketch, window: Sketch) -> str:
    """The largest change, its direction, then and now: "mean up 3.1 (12.6 to 15.7)"."""
    if not window.rows:
        return "no rows"
    if not reference.rows:
        return "no reference"
    parts = []
    before, after = reference.missing / reference.rows, window.missing / window.rows
    if abs(after - before) >= 0.01:
        parts.append(f"missing {format_percent(before)} to {format_percent(after)}")
    if window.present and reference.present:
        parts += _category(binning, reference, window) if binning.kind == "category" else []
        parts += _number(reference, window) if binning.kind == "number" else []
    return "; ".join(parts) or "no change to speak of"


def _number(reference: Sketch, window: Sketch) -> list[str]:
    shift = window.mean - reference.mean
    parts = []
    if abs(shift) >= 0.05 * reference.spread and shift != 0:
        way = "up" if shift > 0 else "down"
        then, now = format_amount(reference.mean), format_amount(window.mean)
        parts.append(f"mean {way} {format_amount(abs(shift))} ({then} to {now})")
    elif reference.spread and abs(window.spread / reference.spread - 1) >= 0.1:
        way = "wider" if window.spread > reference.spread else "narrower"
        then, now = format_amount(reference.spread), format_amount(window.spread)
        parts.append(f"spread {way} (deviation {then} to {now})")
    else:
        peak = _peak(reference.counts[1:], window.counts[1:])
        if peak >= 0.02:
            parts.append(f"same mean, other shape ({format_percent(peak)} of rows moved)")
    below, above = window.counts[1] / window.present, window.counts[-1] / window.present
    if above >= 0.001:
        parts.append(
            f"{format_percent(above)} above the largest of training, "
            f"{format_amount(reference.high)}"
        )
    if below >= 0.001:
        parts.append(
            f"{format_percent(below)} below the least of training, {format_amount(reference.low)}"
        )
    return parts


def _peak(left: np.ndarray, right: np.ndarray) -> float:
    gap = np.cumsum(left) / left.sum() - np.cumsum(right) / right.sum()
    return float(np.abs(gap).max())


def _category(binning: Binning, reference: Sketch, window: Sketch) -> list[str]:
    p = reference.counts[1:] / reference.present
    q = window.counts[1:] / window.present
    names = (*binning.categories, OTHER)
    parts = []
    order = np.argsort(-np.abs(q - p), kind="stable")
    for i in order[:2]:
        if abs(q[i] - p[i]) < 0.005:
            continue
        if names[i] == OTHER and p[i] == 0:
            parts.append(f"{format_percent(q[i])} never seen in training")
        else:
            parts.append(f"{names[i]} {format_percent(p[i])} to {format_percent(q[i])}")
    return parts
