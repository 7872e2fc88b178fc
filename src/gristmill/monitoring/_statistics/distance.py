"""How far a window lies from the reference, whatever chance says. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gristmill.monitoring._statistics.sketch import Binning, Counts, Floats, Sketch

Aspect = Literal["values", "missing", "range"]


@dataclass(frozen=True)
class Distances:
    """How far a window lies from the reference.

    `moved` is the KS distance (numbers) or the total variation (categories): the least share of
    rows that lie elsewhere. `psi` is over at most ten bins with `psi_noise` expected of it from
    sampling alone; over the same bins `kl` is the Kullback-Leibler divergence of the window from
    the reference (nats) and `js` the Jensen-Shannon distance (base 2, 0 to 1); `wasserstein` is in
    units of the reference's standard deviation (None for categories). `missing` and `outside` are
    changes of shares.
    """

    moved: float
    psi: float
    psi_noise: float
    kl: float
    js: float
    wasserstein: float | None
    missing: float
    outside: float

    @property
    def largest(self) -> float:
        """The share of rows that moved or went missing."""
        return max(self.moved, abs(self.missing))


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

    def exceeded(
        self, distances: Distances, binning: Binning, floor: float | None = None
    ) -> dict[Aspect, bool]:
        """Which aspects of a column differ by enough to count; `floor` replaces `moved`."""
        beyond = distances.outside >= self.outside
        return {
            "values": distances.moved >= (self.moved if floor is None else floor)
            or (beyond and binning.kind == "category"),  # its test counts what is new
            "missing": abs(distances.missing) >= self.missing,
            "range": beyond,
        }


def distances(reference: Sketch, window: Sketch, binning: Binning) -> Distances:
    """How far the window lies from the reference; zeros when either is empty."""
    n, m = reference.present, window.present
    missing = 0.0
    if reference.rows and window.rows:
        missing = window.missing / window.rows - reference.missing / reference.rows
    if not n or not m:
        return Distances(0.0, 0.0, 0.0, 0.0, 0.0, None, missing, 0.0)
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
        kl=kullback_leibler(coarse_right, coarse_left),
        js=jensen_shannon(coarse_left / n, coarse_right / m),
        wasserstein=wasserstein(reference, window, binning) if number else None,
        missing=missing,
        outside=outside,
    )


def ks_distance(reference: Counts | Floats, window: Counts | Floats) -> float:
    n, m = reference.sum(), window.sum()
    if not n or not m:
        return 0.0
    return float(np.abs(np.cumsum(reference) / n - np.cumsum(window) / m).max())


def coarsen(
    reference: Counts, window: Counts, *, ordered: bool, bins: int = 10
) -> tuple[Counts, Counts]:
    """At most `bins` bins that the reference alone fixes: of about equal share when `ordered`,
    else its most frequent ones and the rest."""
    group = groups(reference, ordered=ordered, bins=bins)
    keep = np.unique(group)
    left = np.bincount(group, weights=reference, minlength=bins)[keep]
    right = np.bincount(group, weights=window, minlength=bins)[keep]
    return left.astype(np.int64), right.astype(np.int64)


def groups(reference: Counts, *, ordered: bool, bins: int = 10) -> NDArray[np.intp]:
    """The coarse bin of each bin: of ordered ones by the share that lies below, so that a value
    which most rows have is one by itself."""
    if ordered:
        below = (np.cumsum(reference) - reference) / max(1, reference.sum())
        by_share: NDArray[np.intp] = np.minimum((below * bins + 1e-9).astype(int), bins - 1)
        return by_share
    ranks = np.empty(reference.size, dtype=int)
    ranks[np.argsort(-reference, kind="stable")] = np.arange(reference.size)
    return np.minimum(ranks, bins - 1)


def psi(reference: Counts, window: Counts) -> tuple[float, float]:
    """The population stability index and what sampling alone makes of it.

    An empty bin counts as half a row. Otherwise it depends on shares alone, so that the same rows
    twice give the same index.
    The noise (k - 1)(1/n + 1/m) follows from 2 n m / (n + m) times the index being about twice
    chi-square with k - 1 degrees (Yurdakul and Naranjo, J. Risk Model Validation 14, 2020).
    """
    n, m, k = reference.sum(), window.sum(), reference.size
    both = kullback_leibler(window, reference) + kullback_leibler(reference, window)
    return both, float((k - 1) * (1 / n + 1 / m))


def kullback_leibler(window: Counts, reference: Counts) -> float:
    """The divergence of the window's shares from the reference's, in nats; an empty bin counts as
    half a row."""
    q, p = np.maximum(window, 0.5) / window.sum(), np.maximum(reference, 0.5) / reference.sum()
    return float((q * np.log(q / p)).sum())


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
