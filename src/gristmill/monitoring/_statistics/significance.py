"""Could chance alone explain a difference? Two-sample tests on binned counts. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from gristmill.monitoring._statistics.distance import Aspect, ks_distance
from gristmill.monitoring._statistics.sketch import Binning, Floats, Sketch

EXPECTED = 5.0
EXACT = 500
LEAST_DAYS = 5


@dataclass(frozen=True)
class IntraclassCorrelation:
    """How much rows of one day resemble each other: the correlation within a day of a column's
    values, and of their being missing (0: rows are independent)."""

    values: float = 0.0
    missing: float = 0.0


def p_values(
    reference: Sketch,
    window: Sketch,
    binning: Binning,
    correlation: IntraclassCorrelation = IntraclassCorrelation(),
    days: tuple[float, float] = (0, 0),
) -> dict[Aspect, float]:
    """Chance of differences this large between two samples of one distribution: in the values, in
    the share that is missing, and of a number in the range.

    Rows count for less where those of a day are alike (`correlation`): a day of rain is one
    observation of the weather, however many rows it has. `days` are those of the
    reference and of the window, as `effective_days` counts them; 0: unknown, rows are independent.
    """
    if not reference.rows or not window.rows:
        return {"values": 1.0, "missing": 1.0}
    reference_days, window_days = days
    chances: dict[Aspect, float] = {
        "missing": missing_test(
            reference,
            window,
            1 / inflation(reference.rows, reference_days, correlation.missing),
            1 / inflation(window.rows, window_days, correlation.missing),
        )
    }
    left: Floats = reference.counts[1:] / inflation(
        reference.present, reference_days, correlation.values
    )
    right: Floats = window.counts[1:] / inflation(window.present, window_days, correlation.values)
    if binning.kind == "category":
        chances["values"] = chi_square(left, right)
    else:
        chances["values"] = min(1.0, 2 * min(ks_test(left, right), kuiper_test(left, right)))
        ends = [range_test(left.sum(), right.sum(), right[i]) for i in (0, -1)]
        chances["range"] = min(1.0, 2 * min(ends))
    return chances


def effective_days(rows: Any) -> float:
    """How many days of equal size tell as much as those with `rows` rows, shape (days,); 0 of none.

    (sum m)^2 / sum m^2, so that rows over it is the size of the day that a row is in on average:
    of unequal clusters that size makes the design effect (Kish, Survey Sampling, 1965).
    """
    m = np.asarray(rows, dtype=np.float64)
    return float(m.sum() ** 2 / (m**2).sum()) if m.any() else 0.0


def inflation(rows: int, days: float, correlation: float) -> float:
    """By how much the variance of a share exceeds that of as many independent rows, at least 1.

    The design effect 1 + (m - 1) rho of m rows a day (Kish, Survey Sampling, 1965), by which
    counts are divided before a test, after Rao and Scott (Ann. Stat. 12, 1984).
    """
    return max(1.0, 1 + (rows / days - 1) * correlation) if days else 1.0


def intraclass_correlation(table: Floats) -> float:
    """The correlation within a day from counts by day and bin, shape (days, bins); 0 to 1.

    From the overdispersion of the table, Pearson's chi-square over its degrees of freedom.
    """
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if table.shape[0] < LEAST_DAYS or table.shape[1] < 2:
        return 0.0
    days, whole = table.sum(axis=1), table.sum()
    expected = np.outer(days, table.sum(axis=0)) / whole
    degrees = (table.shape[0] - 1) * (table.shape[1] - 1)
    excess = float(((table - expected) ** 2 / expected).sum()) / degrees - 1
    size = float((whole - (days**2).sum() / whole) / (days.size - 1))
    # what chance alone makes of the excess is no likeness
    if size <= 1 or excess < 2 * math.sqrt(2 / degrees):
        return 0.0
    return float(min(1.0, excess / (size - 1)))


def ks_test(reference: Floats, window: Floats) -> float:
    """p-value of the two-sample Kolmogorov-Smirnov test on binned counts of ordered bins.

    With ties or bins the test is conservative: true false alarms are rarer than stated. Large
    samples take the limiting distribution with Stephens' correction (JRSS B 32, 1970), which is
    a thousand times faster there than the exact one.
    """
    n, m = float(reference.sum()), float(window.sum())
    if not n or not m:
        return 1.0
    distance, size = ks_distance(reference, window), n * m / (n + m)
    if size < EXACT:
        return float(stats.kstwo.sf(distance, max(1, round(size))))
    root = math.sqrt(size)
    return float(stats.kstwobign.sf((root + 0.12 + 0.11 / root) * distance))


def kuiper_test(reference: Floats, window: Floats) -> float:
    """p-value of Kuiper's two-sample test on binned counts of ordered bins.

    It adds the largest gaps to either side, so that a wider spread, which moves half as many rows
    each way, counts as much as a shift. The limiting distribution with Stephens' correction (JRSS B
    32, 1970); conservative with ties, as `ks_test`.
    """
    n, m = float(reference.sum()), float(window.sum())
    if not n or not m:
        return 1.0
    gap = np.cumsum(reference) / n - np.cumsum(window) / m
    root = math.sqrt(n * m / (n + m))
    size = (root + 0.155 + 0.24 / root) * (max(0.0, gap.max()) + max(0.0, -gap.min()))
    if size < 0.4:
        return 1.0  # the series does not converge there, and its sum is 1
    squares = (size * np.arange(1, 21)) ** 2
    terms = (4 * squares - 1) * np.exp(-2 * squares)
    return float(np.clip(2 * terms.sum(), 0.0, 1.0))


def chi_square(reference: Floats, window: Floats) -> float:
    """p-value of the two-sample chi-square test of homogeneity, rare bins pooled.

    Bins are pooled, rarest first, until each expects at least five rows in both samples. Both
    samples are random here; taking the reference as exact is what makes alarms of nothing.
    """
    n, m = float(reference.sum()), float(window.sum())
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


def pool(reference: Floats, window: Floats) -> tuple[Floats, Floats]:
    """Both samples with rare bins in one; which are rare depends on their sum alone."""
    both = reference + window
    n, m = reference.sum(), window.sum()
    floor = EXPECTED * (n + m) / max(1.0, min(n, m))
    order = np.argsort(both, kind="stable")
    order = order[both[order] > 0]
    rare = order[both[order] < floor]
    common = order[both[order] >= floor]
    if rare.size and both[rare].sum() < floor and common.size:
        rare, common = np.append(rare, common[0]), common[1:]
    groups = [rare] if rare.size else []
    groups += [np.array([i]) for i in common]
    left = np.array([reference[g].sum() for g in groups], dtype=np.float64)
    right = np.array([window[g].sum() for g in groups], dtype=np.float64)
    return left, right


def missing_test(reference: Sketch, window: Sketch, left: float = 1.0, right: float = 1.0) -> float:
    """p-value that the missing shares differ: Fisher's exact test when counts are small.

    A row counts `left` in the reference and `right` in the window.
    """
    table = np.array(
        [
            [reference.missing * left, reference.present * left],
            [window.missing * right, window.present * right],
        ]
    )
    if not table.sum(axis=0).all() or not table.sum(axis=1).all():
        return 1.0
    expected = table.sum(axis=0).min() * table.sum(axis=1).min() / table.sum()
    if expected < EXPECTED:
        return float(stats.fisher_exact(np.rint(table).astype(np.int64)).pvalue)
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def range_test(n: float, m: float, beyond: float) -> float:
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
