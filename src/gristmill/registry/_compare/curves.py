"""ROC, precision-recall and calibration curves of one model. Pure.

A curve is thinned, never smoothed: every point kept is a point of the exact curve, among them those
at the round thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gristmill.registry._gates.groups import reliability
from gristmill.registry._gates.statistics import THRESHOLD

KEPT = 160
ROUND = tuple(round(0.1 * i, 1) for i in range(1, 10))


@dataclass(frozen=True)
class Point:
    """What calling `score >= threshold` positive gives. The first point of a ROC curve calls
    nothing positive: its threshold lies above every score."""

    x: float
    y: float
    threshold: float


@dataclass(frozen=True)
class Bin:
    """Rows of like probability: the mean prediction, the share of positives and its 90 % interval
    (Wilson), the number of rows."""

    predicted: float
    observed: float
    lower: float
    upper: float
    rows: int


@dataclass(frozen=True)
class Curves:
    """`roc`: false positive rate, true positive rate; `pr`: recall, precision."""

    roc: tuple[Point, ...]
    pr: tuple[Point, ...]
    calibration: tuple[Bin, ...]


def curves_of(truth: Any, score: Any, kept: int = KEPT) -> Curves:
    """Curves of probabilities `score` against 0/1 labels `truth`, each of shape (n,).

    Both classes must occur.
    """
    truth, score = np.asarray(truth) == 1, np.asarray(score, np.float64)
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    true = np.cumsum(truth[order])[last].astype(np.float64)
    called = (last + 1).astype(np.float64)
    threshold = ranked[last]
    positives, negatives = float(truth.sum()), float((~truth).sum())
    rate, false = true / positives, (called - true) / negatives
    roc = _thin(
        np.append(0.0, false), np.append(0.0, rate), np.append(threshold[0] + 1, threshold), kept
    )
    pr = _thin(rate, true / called, threshold, kept)
    bins = tuple(
        Bin(said, seen, *_wilson(seen, n), n)
        for said, seen, n in reliability(truth.astype(np.float64), score)
    )
    return Curves(roc, pr, bins)


def point_at(points: tuple[Point, ...], threshold: float = THRESHOLD) -> Point:
    """The point that calls positive what scores `threshold` or more."""
    return [p for p in points if p.threshold >= threshold][-1] if points else Point(0, 0, threshold)


def _thin(
    x: NDArray[np.float64], y: NDArray[np.float64], threshold: NDArray[np.float64], kept: int
) -> tuple[Point, ...]:
    """Points at equal steps along the curve, its ends, and those at the round thresholds."""
    along = np.append(0.0, np.cumsum(np.hypot(np.diff(x), np.diff(y))))
    chosen = np.searchsorted(along, np.linspace(0, along[-1], kept))
    descending = -threshold
    exact = [int(np.searchsorted(descending, -t, side="right")) - 1 for t in ROUND]
    index = sorted({0, len(x) - 1, *map(int, chosen), *(i for i in exact if i >= 0)})
    return tuple(Point(float(x[i]), float(y[i]), float(threshold[i])) for i in index if i < len(x))


def _wilson(share: float, n: int, z: float = 1.645) -> tuple[float, float]:
    """Wilson, JASA 22 (1927)."""
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    return middle - half, middle + half
