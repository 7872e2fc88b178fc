"""Is a window of rows still like the reference? Tests with a stated rate of false alarms.

A column has drifted when two things hold: the tests say that chance does not explain the
difference (p-values of all columns of the window adjusted by Benjamini and Hochberg, JRSS B 57,
1995), and the difference is large enough to matter (`Thresholds`). The first keeps the budget of
false alarms; the second keeps a trifle at a million rows from being an alarm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from gristmill.monitoring.sketch import Binning, Counts, Floats, Sketch
from gristmill.monitoring.words import describe

Verdict = Literal["cannot-judge", "steady", "watch", "drift"]

EXPECTED = 5.0


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
    """A column's bins, its reference, and its weight for the model (0 to 1, see `importance`)."""

    binning: Binning
    reference: Sketch
    importance: float = 0.0

    @property
    def name(self) -> str:
        return self.binning.name


@dataclass(frozen=True)
class Distances:
    """How far a window lies from the reference.

    `moved` is the KS distance (numbers) or the total variation (categories): the least share of
    rows that lie elsewhere. `psi` is over at most ten bins with `psi_noise` expected of it from
    sampling alone; `js` the Jensen-Shannon distance (base 2, 0 to 1), `wasserstein` in units of the
    reference's standard deviation (NaN for categories). `missing` and `outside` are changes of
    shares.
    """

    moved: float
    psi: float
    psi_noise: float
    js: float
    wasserstein: float
    missing: float
    outside: float


@dataclass(frozen=True)
class ColumnDrift:
    """The judgement of one column: `p` is adjusted for all columns of the window.

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


def judge(
    features: Sequence[Column],
    window: Mapping[str, Sketch],
    thresholds: Thresholds,
    prediction: Column | None = None,
) -> WindowDrift:
    """Compare a window's sketches (by column name) with the reference.

    `share` is that of drifted features, without the prediction. With fewer than
    `thresholds.judge` rows the verdict is "cannot-judge" and nothing counts as drifted.
    """
    columns = [*features, *([prediction] if prediction else [])]
    rows = max((window[c.name].rows for c in columns), default=0)
    enough = rows >= thresholds.judge
    raw = [p_value(c.reference, window[c.name], c.binning) for c in columns]
    adjusted = stats.false_discovery_control(raw, method="bh") if raw else []
    judged = [
        _column(c, window[c.name], float(p), thresholds, enough)
        for c, p in zip(columns, adjusted, strict=True)
    ]
    found, output = judged[: len(features)], judged[len(features) :]
    share = sum(f.drifted for f in found) / len(found) if found else 0.0
    verdict: Verdict = "steady"
    if not enough:
        verdict = "cannot-judge"
    elif share > thresholds.share:
        verdict = "drift"
    elif any(f.drifted for f in judged):
        verdict = "watch"
    ranked = sorted(found, key=lambda f: (not f.drifted, -f.impact, -f.distances.moved, f.name))
    return WindowDrift(rows, verdict, share, tuple(ranked), output[0] if output else None)


def _column(
    column: Column, window: Sketch, p: float, thresholds: Thresholds, enough: bool
) -> ColumnDrift:
    far = distances(column.reference, window, column.binning)
    matters = (
        far.moved >= thresholds.moved
        or abs(far.missing) >= thresholds.missing
        or far.outside >= thresholds.outside
    )
    return ColumnDrift(
        name=column.name,
        rows=window.rows,
        drifted=enough and matters and p <= thresholds.alpha,
        p=p,
        distances=far,
        impact=max(far.moved, abs(far.missing)) * column.importance,
        words=describe(column.binning, column.reference, window),
    )


def p_value(reference: Sketch, window: Sketch, binning: Binning) -> float:
    """Chance of a difference this large between two samples of one distribution.

    The least of the tests of values, of the missing share and of the range, times their number
    (Bonferroni), at most 1.
    """
    if not reference.rows or not window.rows:
        return 1.0
    found = [missing_test(reference, window)]
    if binning.kind == "category":
        found.append(chi_square(reference.counts[1:], window.counts[1:]))
    else:
        found.append(ks_test(reference.counts[1:], window.counts[1:]))
        found.append(range_test(reference.present, window.present, int(window.counts[1])))
        found.append(range_test(reference.present, window.present, int(window.counts[-1])))
    return min(1.0, min(found) * len(found))


def ks_test(reference: Counts, window: Counts) -> float:
    """p-value of the two-sample Kolmogorov-Smirnov test on binned counts of ordered bins.

    With ties or bins the test is conservative: true false alarms are rarer than stated.
    """
    n, m = int(reference.sum()), int(window.sum())
    if not n or not m:
        return 1.0
    size = max(1, round(n * m / (n + m)))
    return float(stats.kstwo.sf(ks_distance(reference, window), size))


def ks_distance(reference: Counts, window: Counts) -> float:
    n, m = reference.sum(), window.sum()
    if not n or not m:
        return 0.0
    return float(np.abs(np.cumsum(reference) / n - np.cumsum(window) / m).max())


def chi_square(reference: Counts, window: Counts) -> float:
    """p-value of the two-sample chi-square test of homogeneity, rare bins pooled.

    Bins are pooled, rarest first, until each expects at least five rows in both samples. Both
    samples are random here; taking the reference as exact is what makes alarms of nothing.
    """
    n, m = int(reference.sum()), int(window.sum())
    if not n or not m:
        return 1.0
    left, right = pool(reference, window)
    if left.size < 2:
        return 1.0
    both = left + right
    expected_left, expected_right = both * n / (n + m), both * m / (n + m)
    statistic = ((left - expected_left) ** 2 / expected_left).sum()
    statistic += ((right - expected_right) ** 2 / expected_right).sum()
    return float(stats.chi2.sf(statistic, left.size - 1))


def pool(reference: Counts, window: Counts) -> tuple[Counts, Counts]:
    """Both samples with rare bins in one; which are rare depends on their sum alone."""
    both = reference + window
    n, m = reference.sum(), window.sum()
    floor = EXPECTED * (n + m) / max(1, min(n, m))
    order = np.argsort(both, kind="stable")
    order = order[both[order] > 0]
    rare = order[both[order] < floor]
    common = order[both[order] >= floor]
    if rare.size and both[rare].sum() < floor and common.size:
        rare, common = np.append(rare, common[0]), common[1:]
    groups = [rare] if rare.size else []
    groups += [np.array([i]) for i in common]
    left = np.array([reference[g].sum() for g in groups], dtype=np.int64)
    right = np.array([window[g].sum() for g in groups], dtype=np.int64)
    return left, right


def missing_test(reference: Sketch, window: Sketch) -> float:
    """p-value that the missing shares differ: Fisher's exact test when counts are small."""
    table = np.array(
        [[reference.missing, reference.present], [window.missing, window.present]], dtype=np.int64
    )
    if not table.sum(axis=0).all() or not table.sum(axis=1).all():
        return 1.0
    expected = table.sum(axis=0).min() * table.sum(axis=1).min() / table.sum()
    if expected < EXPECTED:
        return float(stats.fisher_exact(table).pvalue)
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def range_test(n: int, m: int, beyond: int) -> float:
    """Chance that the `beyond` most extreme of n + m exchangeable values all lie among the m."""
    if not n or not m or not beyond:
        return 1.0
    logs = [
        math.lgamma(m + 1),
        -math.lgamma(m - beyond + 1),
        -math.lgamma(n + m + 1),
        math.lgamma(n + m - beyond + 1),
    ]
    return math.exp(min(0.0, math.fsum(logs)))


def distances(reference: Sketch, window: Sketch, binning: Binning) -> Distances:
    """How far the window lies from the reference; zeros when either is empty."""
    n, m = reference.present, window.present
    missing = 0.0
    if reference.rows and window.rows:
        missing = window.missing / window.rows - reference.missing / reference.rows
    if not n or not m:
        return Distances(0.0, 0.0, 0.0, 0.0, 0.0, missing, 0.0)
    left, right = reference.counts[1:], window.counts[1:]
    p, q = left / n, right / m
    number = binning.kind == "number"
    outside = float(q[0] + q[-1]) if number else max(0.0, float(q[-1] - p[-1]))
    coarse_left, coarse_right = coarsen(left, right, ordered=number)
    value, noise = psi(coarse_left, coarse_right)
    return Distances(
        moved=ks_distance(left, right) if number else float(np.abs(p - q).sum() / 2),
        psi=value,
        psi_noise=noise,
        js=jensen_shannon(coarse_left / n, coarse_right / m),
        wasserstein=wasserstein(reference, window, binning) if number else float("nan"),
        missing=missing,
        outside=outside,
    )


def coarsen(
    reference: Counts, window: Counts, *, ordered: bool, bins: int = 10
) -> tuple[Counts, Counts]:
    """At most `bins` bins that the reference alone fixes: of about equal share when `ordered`,
    else its most frequent ones and the rest."""
    if ordered:
        share = np.cumsum(reference) / max(1, reference.sum())
        group = np.clip(np.ceil(share * bins - 1e-9).astype(int) - 1, 0, bins - 1)
    else:
        ranks = np.empty(reference.size, dtype=int)
        ranks[np.argsort(-reference, kind="stable")] = np.arange(reference.size)
        group = np.minimum(ranks, bins - 1)
    keep = np.unique(group)
    left = np.bincount(group, weights=reference, minlength=bins)[keep]
    right = np.bincount(group, weights=window, minlength=bins)[keep]
    return left.astype(np.int64), right.astype(np.int64)


def psi(reference: Counts, window: Counts) -> tuple[float, float]:
    """The population stability index and what sampling alone makes of it.

    The noise (k - 1)(1/n + 1/m) follows from 2 n m / (n + m) times the index being about twice
    chi-square with k - 1 degrees (Yurdakul and Naranjo, J. Risk Model Validation 14, 2020).
    """
    n, m, k = reference.sum(), window.sum(), reference.size
    p, q = (reference + 0.5) / (n + 0.5 * k), (window + 0.5) / (m + 0.5 * k)
    return float(((q - p) * np.log(q / p)).sum()), float((k - 1) * (1 / n + 1 / m))


def jensen_shannon(p: Floats, q: Floats) -> float:
    """Square root of the Jensen-Shannon divergence in bits."""
    middle = (p + q) / 2

    def bits(part: Floats) -> float:
        some = part > 0
        return float((part[some] * np.log2(part[some] / middle[some])).sum())

    return math.sqrt(max(0.0, (bits(p) + bits(q)) / 2))


def wasserstein(reference: Sketch, window: Sketch, binning: Binning) -> float:
    """Area between the two distribution functions over the reference's standard deviation."""
    if not reference.spread or not binning.cuts:
        return 0.0
    low = min(reference.low, window.low, binning.cuts[0])
    high = max(reference.high, window.high, binning.cuts[-1])
    widths = np.diff(np.array([low, *binning.cuts, high]))
    gap = np.abs(
        np.cumsum(reference.counts[1:]) / reference.present
        - np.cumsum(window.counts[1:]) / window.present
    )
    before = np.append(0.0, gap[:-1])
    return float(((gap + before) / 2 * widths).sum() / reference.spread)


def importance(column: Sequence[int], prediction: Floats, bins: int) -> float:
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
