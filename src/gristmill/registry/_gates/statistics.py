"""Is the challenger better on the same rows? Confidence bounds of paired differences. Pure.

A metric is a function of row means (log loss, Brier, accuracy, F1, MAE, RMSE), or the area under
the ROC curve. Differences are always in the direction in which more is better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gristmill.errors import Invalid

Array = NDArray[np.float64]
GROUPS = 4_000
THRESHOLD = 0.5
METRIC_NAMES = ("roc_auc", "log_loss", "brier", "accuracy", "f1", "mae", "rmse")
LOG_FLOOR = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Comparison:
    """A metric of two models on the same rows.

    Attributes
    ----------
    metric
        Its name.
    challenger, champion
        The metric of each.
    difference
        By how much the challenger is better, in the direction in which more is better.
    lower, upper
        One-sided confidence bounds of the difference.
    rows
        The number of rows.
    method
        How the bounds were computed.
    """

    METRICS: ClassVar[tuple[str, ...]] = METRIC_NAMES

    metric: str
    challenger: float
    champion: float
    difference: float
    lower: float
    upper: float
    rows: int
    method: str

    @property
    def significance(self) -> Literal["better", "worse", "even"]:
        """Whether the bounds exclude that the challenger is no better, or no worse."""
        return "better" if self.lower > 0 else "worse" if self.upper < 0 else "even"


def _log_losses(truth: Array, score: Array) -> Array:
    p = np.clip(score, LOG_FLOOR, 1 - LOG_FLOOR)
    return np.asarray(-(truth * np.log(p) + (1 - truth) * np.log1p(-p)))[:, None]


def _hits(truth: Any, score: Any) -> Array:
    return np.asarray(_labels(truth, score) == truth, np.float64)[:, None]


def _labels(truth: Any, score: Any) -> Any:
    """Class labels: a probability of a 0/1 truth is cut at one half."""
    binary = np.issubdtype(np.asarray(score).dtype, np.floating)
    return (score >= THRESHOLD).astype(truth.dtype) if binary else score


def _confusion(truth: Array, score: Array) -> Array:
    positive = score >= THRESHOLD
    return np.column_stack([positive & (truth == 1), positive != (truth == 1)]).astype(np.float64)


def _f1(means: Array) -> Array:
    tp, wrong = means[..., 0], means[..., 1]
    whole = 2 * tp + wrong
    return np.asarray(np.divide(2 * tp, whole, out=np.zeros_like(whole), where=whole > 0))


@dataclass(frozen=True)
class _Metric:
    """`rows` gives (n, k) statistics of each row, `value` the metric from their means (..., k)."""

    rows: Callable[[Any, Any], Array]
    value: Callable[[Array], Array]
    more_is_better: bool


METRICS = {
    "log_loss": _Metric(_log_losses, lambda m: m[..., 0], False),
    "brier": _Metric(lambda y, s: ((s - y) ** 2)[:, None], lambda m: m[..., 0], False),
    "accuracy": _Metric(_hits, lambda m: m[..., 0], True),
    "f1": _Metric(_confusion, _f1, True),
    "mae": _Metric(lambda y, s: np.abs(s - y)[:, None], lambda m: m[..., 0], False),
    "rmse": _Metric(lambda y, s: ((s - y) ** 2)[:, None], lambda m: np.sqrt(m[..., 0]), False),
}
BINARY = ("roc_auc", "log_loss", "brier", "f1")


def paired_difference(
    metric: str,
    truth: Any,
    challenger: Any,
    champion: Any,
    *,
    confidence: float = 0.95,
    margin: float = 0.0,
    resamples: int = 2000,
    seed: int = 0,
) -> Comparison:
    """Compare two models by a metric on the same rows.

    ROC AUC: DeLong's covariance (DeLong, DeLong & Clarke-Pearson, Biometrics 44, 1988). Accuracy
    with a margin of 0: the exact bound (Clopper & Pearson, Biometrika 26, 1934) on the share of
    discordant rows that the challenger gets right, which is McNemar's exact one-sided test.
    Everything else: the expanded percentile bootstrap of paired rows (Hesterberg, The American
    Statistician 69(4), 2015).

    Parameters
    ----------
    metric
        One of METRIC_NAMES.
    truth
        Labels, shape (n,).
    challenger, champion
        The two models' outputs, shape (n,): probabilities for 0/1 labels.
    confidence
        Of each of the two one-sided bounds.
    margin
        The difference that the bounds will be compared with.
    resamples, seed
        Of the bootstrap.

    Raises
    ------
    Invalid
        `gate.metric`, `gate.rows` or `gate.classes`: an unknown metric, unequal shapes, or labels
        that the metric is not defined for.
    """
    _check(metric, truth, challenger, champion)
    n = len(truth)
    if metric == "roc_auc":
        return _delong(truth, challenger, champion, confidence)
    spec = METRICS[metric]
    sign = 1.0 if spec.more_is_better else -1.0
    new, old = spec.rows(truth, challenger), spec.rows(truth, champion)
    values = [float(spec.value(rows.mean(axis=0))) for rows in (new, old)]
    if metric == "accuracy" and margin == 0:
        lower, upper = _mcnemar(new[:, 0], old[:, 0], confidence)
        method = "exact McNemar"
    else:
        draws = sign * _bootstrap(spec, new, old, resamples, np.random.default_rng(seed))
        lower, upper = _bounds(draws, n, confidence)
        method = f"paired bootstrap, {resamples} resamples"
    return Comparison(
        metric, values[0], values[1], sign * (values[0] - values[1]), lower, upper, n, method
    )


def score(metric: str, truth: Any, output: Any) -> float:
    """A metric of one model.

    Parameters
    ----------
    metric
        One of METRIC_NAMES.
    truth, output
        Labels and the model's outputs, shape (n,).
    """
    _check(metric, truth, output, output)
    if metric == "roc_auc":
        return float(_placements(np.asarray(truth) == 1, [np.asarray(output)])[0].mean())
    spec = METRICS[metric]
    return float(spec.value(spec.rows(truth, output).mean(axis=0)))


@dataclass(frozen=True)
class Interval:
    """A metric of one model with one-sided confidence bounds.

    Attributes
    ----------
    value, lower, upper
        The metric and its bounds.
    more_is_better
        Whether a larger value is better.
    """

    value: float
    lower: float
    upper: float
    more_is_better: bool = True

    def __str__(self) -> str:
        return f"{self.value:.4f} ({self.lower:.4f} to {self.upper:.4f})"


def metric_interval(metric: str, truth: Any, output: Any, *, confidence: float = 0.95) -> Interval:
    """A metric of one model with its confidence bounds.

    ROC AUC: DeLong's variance (DeLong, DeLong & Clarke-Pearson, Biometrics 44, 1988); everything
    else, as a smooth function of row means: the delta method (Oehlert, The American Statistician
    46(1), 1992).

    Parameters
    ----------
    metric
        One of METRIC_NAMES.
    truth, output
        Labels and the model's outputs, shape (n,).
    confidence
        Of each of the two one-sided bounds.

    Raises
    ------
    Invalid
        As `paired_difference`.
    """
    _check(metric, truth, output, output)
    reach = float(stats.norm.ppf(confidence))
    if metric == "roc_auc":
        positive = np.asarray(truth) == 1
        above, below = _placements(positive, [np.asarray(output, np.float64)])
        value = float(above[0].mean())
        parts = [p[0].var(ddof=1) / p.shape[1] for p in (above, below) if p.shape[1] > 1]
        return _within(value, reach * float(sum(parts)) ** 0.5, 0.0, 1.0, better=True)
    spec = METRICS[metric]
    rows = spec.rows(truth, output)
    means, n = rows.mean(axis=0), len(rows)
    step = np.maximum(np.abs(means) * 1e-4, 1e-8)
    slope = np.array(
        [(spec.value(means + d) - spec.value(means - d)) / (2 * d.max()) for d in np.diag(step)]
    )
    deviation = float(((rows - means) @ slope).std()) / n**0.5
    most = float("inf") if metric in {"log_loss", "mae", "rmse"} else 1.0
    value = float(spec.value(means))
    return _within(value, reach * deviation, 0.0, most, better=spec.more_is_better)


def _within(value: float, reach: float, least: float, most: float, *, better: bool) -> Interval:
    return Interval(value, max(least, value - reach), min(most, value + reach), better)


def _check(metric: str, truth: Any, challenger: Any, champion: Any) -> None:
    if metric not in METRIC_NAMES:
        raise Invalid(
            "gate.metric",
            f"{metric!r} is not a metric that models can be compared by.",
            hint=f"Known: {', '.join(METRIC_NAMES)}.",
        )
    if not len(truth) == len(challenger) == len(champion) or not len(truth):
        raise Invalid(
            "gate.rows",
            f"there are {len(truth)} labels, but {len(challenger)} and {len(champion)} "
            "predictions.",
        )
    if metric in BINARY:
        classes = np.unique(truth)
        if not np.isin(classes, [0, 1]).all():
            raise Invalid("gate.classes", f"{metric} is defined for labels 0 and 1 only.")
        if metric == "roc_auc" and len(classes) < 2:
            raise Invalid("gate.classes", "all rows are of one class, so there is no ROC curve.")


def _bootstrap(
    spec: _Metric, new: Array, old: Array, resamples: int, rng: np.random.Generator
) -> Array:
    """Differences of the metric, shape (resamples,), over rows drawn with replacement.

    More than 4,000 rows are first put, at random, into that many groups of nearly equal size
    which are then drawn: sums of independent rows have the same variance either way.
    """
    n = len(new)
    pair = np.hstack([new, old])
    weight = np.ones(n)
    if n > GROUPS:
        group = rng.permutation(n) % GROUPS
        weight = np.bincount(group, minlength=GROUPS).astype(np.float64)
        pair = np.column_stack(
            [np.bincount(group, weights=column, minlength=GROUPS) for column in pair.T]
        )
    m, k = len(pair), new.shape[1]
    out = np.empty(resamples)
    for i in range(resamples):
        times = np.bincount(rng.integers(0, m, m), minlength=m).astype(np.float64)
        means = (times @ pair) / (times @ weight)
        out[i] = spec.value(means[:k]) - spec.value(means[k:])
    return out


def _bounds(draws: Array, n: int, confidence: float) -> tuple[float, float]:
    """One-sided lower and upper bound from resampled differences of n rows.

    The percentiles are moved outwards by what resampling n rows and the normal distribution leave
    out: the expanded percentile interval (Hesterberg, The American Statistician 69(4), 2015).
    """
    freedom = max(n - 1, 1)
    share = stats.norm.cdf(np.sqrt(n / freedom) * stats.t.ppf(1 - confidence, freedom))
    low, high = np.quantile(draws, [share, 1 - share], method="weibull")
    return float(low), float(high)


def _mcnemar(new: Array, old: Array, confidence: float) -> tuple[float, float]:
    """Clopper & Pearson's bounds, Biometrika 26 (1934), on the share of discordant rows gained."""
    gained, lost = int(((new == 1) & (old == 0)).sum()), int(((new == 0) & (old == 1)).sum())
    discordant, n = gained + lost, len(new)
    if not discordant:
        return 0.0, 0.0
    low = stats.beta.ppf(1 - confidence, gained, lost + 1) if gained else 0.0
    high = stats.beta.ppf(confidence, gained + 1, lost) if lost else 1.0
    return float((2 * low - 1) * discordant / n), float((2 * high - 1) * discordant / n)


def _placements(positive: NDArray[np.bool_], outputs: list[Any]) -> tuple[Array, Array]:
    """For each output, the share of negatives below each positive, shape (models, positives), and
    of positives above each negative, shape (models, negatives); ties count one half.

    Sun & Xu, Fast Implementation of DeLong's Algorithm, IEEE Signal Processing Letters 21 (2014).
    """
    m, n = int(positive.sum()), int((~positive).sum())
    above, below = [], []
    for output in outputs:
        x, y = output[positive], output[~positive]
        whole = stats.rankdata(np.concatenate([x, y]))
        above.append((whole[:m] - stats.rankdata(x)) / n)
        below.append(1 - (whole[m:] - stats.rankdata(y)) / m)
    return np.array(above), np.array(below)


def _delong(truth: Any, challenger: Any, champion: Any, confidence: float) -> Comparison:
    """DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988), for two correlated areas."""
    positive = np.asarray(truth) == 1
    outputs = [np.asarray(challenger, np.float64), np.asarray(champion, np.float64)]
    above, below = _placements(positive, outputs)
    areas = above.mean(axis=1)
    variance = 0.0
    for placements in (above, below):
        gap = placements[0] - placements[1]
        variance += float(gap.var(ddof=1)) / len(gap) if len(gap) > 1 else float("inf")
    reach = float(stats.norm.ppf(confidence)) * variance**0.5
    gap_area = float(areas[0] - areas[1])
    return Comparison(
        "roc_auc",
        float(areas[0]),
        float(areas[1]),
        gap_area,
        gap_area - reach,
        gap_area + reach,
        len(positive),
        "DeLong",
    )
