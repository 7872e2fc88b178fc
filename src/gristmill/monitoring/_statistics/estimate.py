"""How good predictions probably are before their labels come. Pure.

A probability that is calibrated says itself how often it is wrong: each prediction counts as right
with its chance, and the metrics follow (confidence-based estimation, after Garg et al., ICLR
2022, and others). For numbers and classes, what a prediction of this size or name was worth on the
hold-out stands for what it is worth now. Neither sees the relation of features to the label change:
how well it did shows when labels come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gristmill.monitoring._statistics.performance import (
    LEAST,
    SCORE_BINS,
    Metric,
    Scores,
    Task,
    measure,
    parts,
    score_bin,
)
from gristmill.monitoring._statistics.sketch import Binning, Floats, Sketch

PRIOR = 10.0  # rows that a bin's mean is drawn towards the whole's by


@dataclass(frozen=True)
class Expected:
    """What predictions are worth, by bin.

    Binary: `chance` of the label by bin of the score, shape (SCORE_BINS,). Else `means` and
    `squares` of each row's part of the metrics in `SUMS[task]` by bin of the prediction, shape
    (k, bins).
    """

    chance: Floats | None = None
    means: Floats | None = None
    squares: Floats | None = None

    def record(self) -> dict[str, Any]:
        return {k: None if v is None else np.round(v, 6).tolist() for k, v in vars(self).items()}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Expected:
        return cls(**{k: None if v is None else np.array(v, float) for k, v in record.items()})


def expect(task: Task, predicted: Any, truth: Any, binning: Binning | None) -> Expected | None:
    """Learn from the hold-out: predictions and labels, each of shape (n,)."""
    if task == "binary":
        score, label = np.asarray(predicted, float), np.asarray(truth, float)
        bins = score_bin(score)
        rows = np.asarray(np.bincount(bins, minlength=SCORE_BINS), np.float64)
        late = np.asarray(np.bincount(bins, label, SCORE_BINS), np.float64)
        return Expected(chance=isotonic(rows, late))
    if binning is None:
        return None
    if task == "labels":
        row = np.array([[str(a) == str(b) for a, b in zip(predicted, truth, strict=True)]], float)
        places = binning.place(np.asarray(predicted, dtype=object))
    else:
        row = parts(task, np.asarray(predicted, float), np.asarray(truth, float))
        places = _wide(binning, binning.place(np.asarray(predicted, float)))
    n = np.bincount(places, minlength=binning.size)
    means, squares = (
        np.array([
            (np.bincount(places, weights=r, minlength=binning.size) + PRIOR * r.mean())
            / (n + PRIOR)
            for r in values
        ])
        for values in (row, row**2)
    )  # fmt: skip
    if task == "regression":
        spread = _wide(binning, np.arange(binning.size))
        means, squares = means[:, spread], squares[:, spread]
    return Expected(means=means, squares=squares)


def _wide(binning: Binning, places: Any) -> Any:
    """About twenty bins instead of many, so that each holds rows enough."""
    step = max(1, binning.size // 20)
    return np.where(places > 0, (places - 1) // step * step + 1, 0)


def isotonic(n: Floats, late: Floats) -> Floats:
    """Chance of the label by score bin, never falling as the score rises, shape as `n`.

    Pool adjacent violators (Ayer et al., Ann. Math. Stat. 26, 1955); bins without rows lie between
    their neighbours.
    """
    some = np.flatnonzero(n)
    if not some.size:
        return (np.arange(SCORE_BINS) + 0.5) / SCORE_BINS
    blocks: list[list[float]] = []
    for i in some:
        blocks.append([float(late[i]), float(n[i]), 1])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    values = np.repeat([(b[0] + 0.5) / (b[1] + 1) for b in blocks], [int(b[2]) for b in blocks])
    return np.interp(np.arange(n.size), some, np.maximum.accumulate(values))


def estimate(
    task: Task,
    expected: Expected,
    window: Sketch,
    baseline: Mapping[str, Metric],
    alpha: float = 0.05,
) -> dict[str, Metric]:
    """Metrics that the window's predictions suggest; `window` counts them by bin of the score
    (binary, without the bins for missing and beyond) or of the prediction.

    Intervals hold what sampling adds now and added to the hold-out.
    """
    counts = window.counts.astype(float)
    rows = int(counts.sum())
    if not rows:
        return {}
    if task == "binary" and expected.chance is not None:
        chance = expected.chance
        score = (np.arange(SCORE_BINS) + 0.5) / SCORE_BINS
        both = np.array([counts * (1 - chance), counts * chance])
        sums, squares = [], []
        for side in (0.0, 1.0):
            row = parts("binary", np.clip(score, LEAST, 1.0), np.full(SCORE_BINS, side))
            sums.append((row * both[int(side)]).sum(axis=1))
            squares.append((row**2 * both[int(side)]).sum(axis=1))
        scores = Scores(task, rows, both, sums[0] + sums[1], squares[0] + squares[1])
    elif expected.means is not None and expected.squares is not None:
        empty = Scores.empty(task)
        scores = replace(
            empty,
            rows=rows,
            sums=(expected.means * counts).sum(axis=1),
            squares=(expected.squares * counts).sum(axis=1),
        )
    else:
        return {}
    metrics = measure(scores, alpha)
    return {name: _wider(metric, baseline.get(name)) for name, metric in metrics.items()}


def _wider(metric: Metric, baseline: Metric | None) -> Metric:
    if baseline is None:
        return metric
    half = float(np.hypot(metric.high - metric.low, baseline.high - baseline.low)) / 2
    return Metric(metric.value, metric.value - half, metric.value + half)


def compared(pairs: list[tuple[Metric, Metric]]) -> tuple[float, float] | None:
    """How well estimates did: mean distance from the real figure, and the share of windows in which
    the two intervals meet. `pairs` are (estimated, real); None without any."""
    if not pairs:
        return None
    far = [abs(e.value - r.value) for e, r in pairs]
    met = [e.low <= r.high and r.low <= e.high for e, r in pairs]
    return float(np.mean(far)), float(np.mean(met))
