"""Control charts over windows: EWMA for slow decay, Western Electric rules to look at. Pure.

Points are standardised so that in control they have mean 0 and deviation 1, up being worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy import optimize

WEIGHT = 0.2
STATES = 101
WARM = 8


@cache
def limit(run: float, weight: float = WEIGHT) -> float:
    """How many of its own deviations the EWMA may leave 0 so that a false alarm comes once in `run`
    points on average (one-sided alarms; two-sided ones would come twice as often)."""
    run = max(run, 2.0)
    return float(optimize.brentq(lambda x: run_length(x, weight) - run, 0.05, 6.0, xtol=1e-4))


@cache
def run_length(limit_: float, weight: float = WEIGHT) -> float:
    """Mean number of points until the EWMA of standard normal points first exceeds its upper limit.

    By a Markov chain over STATES values (Brook and Evans, Biometrika 59, 1972), reflecting far
    below, where an alarm is of no concern.
    """
    from scipy.stats import norm

    sigma = np.sqrt(weight / (2 - weight))
    top, bottom = limit_ * sigma, -4.5 * sigma
    edges = np.linspace(bottom, top, STATES + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    need = (edges[None, :] - (1 - weight) * middle[:, None]) / weight
    chance = np.diff(norm.cdf(need), axis=1)
    chance[:, 0] += norm.cdf(need[:, 0])
    lengths = np.linalg.solve(np.eye(STATES) - chance, np.ones(STATES))
    return float(lengths[np.abs(middle).argmin()])


def ewma(points: Sequence[float], weight: float = WEIGHT) -> list[float]:
    """The average of the points so far, later ones weighing more, in its own deviations."""
    averages, value, remaining = [], 0.0, 1.0
    for point in points:
        value = (1 - weight) * value + weight * point
        remaining *= (1 - weight) ** 2
        averages.append(value / float(np.sqrt(weight / (2 - weight) * (1 - remaining))))
    return averages


def western_electric(points: Sequence[float]) -> list[tuple[int, ...]]:
    """Which of the four rules (Statistical Quality Control Handbook, 1956) each point completes, on
    the worse side: one beyond 3, two of three beyond 2, four of five beyond 1, eight beyond 0.

    Together they are wrong about once in 180 points on one side, so they mark and do not alarm.
    """
    rules = ((1, 1, 3.0), (2, 3, 2.0), (4, 5, 1.0), (8, 8, 0.0))
    completed = []
    for i in range(len(points)):
        broken = []
        for name, (least, span, far) in enumerate(rules, 1):
            last = points[max(0, i - span + 1) : i + 1]
            if points[i] > far and sum(p > far for p in last) >= least:
                broken.append(name)
        completed.append(tuple(broken))
    return completed


def initial_baseline(values: Sequence[float]) -> tuple[float, float] | None:
    """Centre and deviation of a metric from its first WARM values; None while there are fewer.

    The deviation is that of moving ranges, which a trend hardly widens.
    """
    if len(values) < WARM:
        return None
    first = np.asarray(values[:WARM], dtype=float)
    deviation = float(np.abs(np.diff(first)).mean() / 1.128)
    return (float(first.mean()), deviation) if deviation > 0 else None
