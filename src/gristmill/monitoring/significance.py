"""Could chance alone explain a difference? Two-sample tests on binned counts. Pure."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from gristmill.monitoring.distance import ks_distance
from gristmill.monitoring.sketch import Binning, Counts, Sketch

EXPECTED = 5.0
EXACT = 500


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

    With ties or bins the test is conservative: true false alarms are rarer than stated. Large
    samples take the limiting distribution with Stephens' correction (JRSS B 32, 1970), which is
    a thousand times faster there than the exact one.
    """
    n, m = int(reference.sum()), int(window.sum())
    if not n or not m:
        return 1.0
    distance, size = ks_distance(reference, window), n * m / (n + m)
    if size < EXACT:
        return float(stats.kstwo.sf(distance, max(1, round(size))))
    root = math.sqrt(size)
    return float(stats.kstwobign.sf((root + 0.12 + 0.11 / root) * distance))


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
