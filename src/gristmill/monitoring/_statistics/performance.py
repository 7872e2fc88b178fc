"""How well predictions came true, from mergeable counts, with intervals.

Probabilities are counted in fixed bins by label, so the area under the ROC curve of any window is
a merge; log loss, Brier score, accuracy and errors are sums.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from gristmill.monitoring._statistics.sketch import Counts, Floats

Task = Literal["binary", "regression", "labels"]

SCORE_BINS = 1000
LEAST = 1e-15
HIGHER = {"roc_auc": True, "accuracy": True, "log_loss": False, "brier": False}
HIGHER |= {"mae": False, "rmse": False, "bias": False}
SUMS = {
    "binary": ("brier", "log_loss", "accuracy"),
    "regression": ("mae", "rmse", "bias"),
    "labels": ("accuracy",),
}


def default_metric(task: Task) -> str:
    """The metric that a task is judged by when the settings name none."""
    return {"binary": "roc_auc", "regression": "rmse", "labels": "accuracy"}[task]


@dataclass(frozen=True)
class Metric:
    """A figure with its interval at the confidence asked for."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Scores:
    """Labelled rows, mergeable.

    `counts` has shape (2, SCORE_BINS): rows by label and bin of the probability (binary only).
    `sums` and `squares` are of each row's part of the metrics in `SUMS[task]`.
    """

    task: Task
    rows: int
    counts: Counts
    sums: Floats
    squares: Floats

    @classmethod
    def empty(cls, task: Task) -> Scores:
        k = len(SUMS[task])
        return cls(task, 0, np.zeros((2, SCORE_BINS), np.int64), np.zeros(k), np.zeros(k))

    @property
    def positive(self) -> float | None:
        """Share of labels that are true (0 unless binary); None without any."""
        return float(self.counts[1].sum() / self.rows) if self.rows else None

    def __add__(self, other: Scores) -> Scores:
        return Scores(
            self.task,
            self.rows + other.rows,
            self.counts + other.counts,
            self.sums + other.sums,
            self.squares + other.squares,
        )


def score_bin(prediction: Floats) -> Counts:
    """The bin of each probability, shape (n,)."""
    return np.clip((prediction * SCORE_BINS).astype(np.int64), 0, SCORE_BINS - 1)


def parts(task: Task, prediction: Floats, label: Floats) -> Floats:
    """Each row's part of the metrics in `SUMS[task]`, shape (k, n).

    Binary predictions are probabilities, cut at one half for the accuracy; `labels` are codes that
    are equal or not.
    """
    if task == "labels":
        return np.array([prediction == label], dtype=np.float64)
    error = prediction - label
    if task == "regression":
        return np.array([np.abs(error), error**2, error])
    chance = np.clip(np.where(label > 0.5, prediction, 1 - prediction), LEAST, 1.0)
    right = (prediction >= 0.5) == (label > 0.5)
    return np.array([error**2, -np.log(chance), right.astype(np.float64)])


def tally(task: Task, prediction: Floats, label: Floats) -> Scores:
    """Count predictions and labels, each of shape (n,), without missing values."""
    values = parts(task, prediction, label)
    counts = np.zeros((2, SCORE_BINS), np.int64)
    if task == "binary":
        bins = score_bin(prediction)
        for side in (0, 1):
            mine = bins[(label > 0.5) == bool(side)]
            counts[side] = np.bincount(mine, minlength=SCORE_BINS)
    return Scores(task, label.size, counts, values.sum(axis=1), np.square(values).sum(axis=1))


def measure(scores: Scores, alpha: float = 0.05) -> dict[str, Metric]:
    """Metrics of the labelled rows with intervals at confidence 1 - alpha; empty without rows."""
    if not scores.rows:
        return {}
    z = float(stats.norm.isf(alpha / 2))
    metrics: dict[str, Metric] = {}
    if scores.task == "binary":
        area = roc_auc(scores.counts, z)
        if area is not None:
            metrics["roc_auc"] = area
    n = scores.rows
    for name, total, square in zip(SUMS[scores.task], scores.sums, scores.squares, strict=True):
        mean = float(total / n)
        if name == "accuracy":
            metrics[name] = wilson(float(total), n, z)
            continue
        half = z * math.sqrt(max(float(square / n) - mean**2, 0.0) / n)
        if name == "rmse":
            edges = [math.sqrt(max(mean + d, 0.0)) for d in (0.0, -half, half)]
            metrics[name] = Metric(*edges)
        else:
            metrics[name] = Metric(mean, mean - half, mean + half)
    return metrics


def roc_auc(counts: Counts, z: float) -> Metric | None:
    """Area under the ROC curve of binned probabilities, ties counted half; None with one class.

    The variance is that of DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988).
    """
    negative, positive = counts[0].astype(float), counts[1].astype(float)
    n, p = negative.sum(), positive.sum()
    if n < 2 or p < 2:
        return None
    below = (np.cumsum(negative) - negative / 2) / n
    above = 1 - (np.cumsum(positive) - positive / 2) / p
    area = float((positive * below).sum() / p)
    spread = (positive * (below - area) ** 2).sum() / (p - 1) / p
    spread += (negative * (above - area) ** 2).sum() / (n - 1) / n
    half = z * math.sqrt(spread)
    return Metric(area, max(0.0, area - half), min(1.0, area + half))


def wilson(successes: float, n: int, z: float) -> Metric:
    """A share and its score interval (Wilson, JASA 22, 1927)."""
    share = successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Metric(share, max(0.0, middle - half), min(1.0, middle + half))


def confusion(scores: Scores) -> dict[str, int]:
    """Labelled rows by what was predicted at one half; empty unless binary."""
    if scores.task != "binary" or not scores.rows:
        return {}
    half = SCORE_BINS // 2
    return {
        "true_negative": int(scores.counts[0, :half].sum()),
        "false_positive": int(scores.counts[0, half:].sum()),
        "false_negative": int(scores.counts[1, :half].sum()),
        "true_positive": int(scores.counts[1, half:].sum()),
    }
