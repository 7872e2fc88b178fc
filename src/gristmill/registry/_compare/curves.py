"""ROC, precision-recall and calibration curves of one model. Pure.

A curve is thinned, never smoothed: every point is one of the exact curve, among them those at the
round thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gristmill.registry._gates.groups import reliability
from gristmill.registry._gates.statistics import THRESHOLD

POINTS = 160
ROUND = tuple(round(0.1 * i, 1) for i in range(1, 10))


@dataclass(frozen=True)
class Point:
    """A point of a curve: what calling `score >= threshold` positive gives.

    The first point of a ROC curve calls nothing positive: its threshold is above every score.
    """

    x: float
    y: float
    threshold: float


@dataclass(frozen=True)
class Bin:
    """Rows with similar predicted probabilities.

    Attributes
    ----------
    predicted
        Their mean prediction.
    observed, lower, upper
        The share of positives and its 90 % interval (Wilson, JASA 22, 1927).
    rows
        How many there are.
    """

    predicted: float
    observed: float
    lower: float
    upper: float
    rows: int


@dataclass(frozen=True)
class Curves:
    """The curves of one model.

    Attributes
    ----------
    roc
        False positive rate (x) and true positive rate (y).
    pr
        Recall (x) and precision (y).
    calibration
        Ten bins of equally many rows.
    """

    roc: tuple[Point, ...]
    pr: tuple[Point, ...]
    calibration: tuple[Bin, ...]

    def roc_at(self, threshold: float = THRESHOLD) -> Point:
        """The ROC curve's point that calls positive what scores `threshold` or more."""
        return _point_at(self.roc, threshold)

    def pr_at(self, threshold: float = THRESHOLD) -> Point:
        """The precision-recall curve's point that calls positive what scores so or more."""
        return _point_at(self.pr, threshold)


def curves_of(truth: Any, score: Any, points: int = POINTS) -> Curves:
    """The curves of a model's probabilities.

    Parameters
    ----------
    truth
        0/1 labels, shape (n,); both classes must occur.
    score
        Probabilities of class 1, shape (n,).
    points
        About how many points of each curve to keep.
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
        np.append(0.0, false), np.append(0.0, rate), np.append(threshold[0] + 1, threshold), points
    )
    pr = _thin(rate, true / called, threshold, points)
    bins = tuple(
        Bin(mean, share, *_wilson(share, n), n)
        for mean, share, n in reliability(truth.astype(np.float64), score)
    )
    return Curves(roc, pr, bins)


def _point_at(points: tuple[Point, ...], threshold: float) -> Point:
    return [p for p in points if p.threshold >= threshold][-1] if points else Point(0, 0, threshold)


def _thin(
    x: NDArray[np.float64], y: NDArray[np.float64], threshold: NDArray[np.float64], points: int
) -> tuple[Point, ...]:
    """Points at equal steps along the curve, its ends, and those at the round thresholds."""
    along = np.append(0.0, np.cumsum(np.hypot(np.diff(x), np.diff(y))))
    chosen = np.searchsorted(along, np.linspace(0, along[-1], points))
    descending = -threshold
    exact = [int(np.searchsorted(descending, -t, side="right")) - 1 for t in ROUND]
    index = sorted({0, len(x) - 1, *map(int, chosen), *(i for i in exact if i >= 0)})
    return tuple(Point(float(x[i]), float(y[i]), float(threshold[i])) for i in index if i < len(x))


def _wilson(share: float, n: int, z: float = 1.645) -> tuple[float, float]:
    """Wilson, JASA 22 (1927)."""
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))) / (1 + z * z / n)
    return middle - half, middle + half
