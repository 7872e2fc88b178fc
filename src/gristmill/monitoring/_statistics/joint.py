"""Can a classifier tell the window's rows from the reference's? It sees what single columns do not.

A classifier two-sample test (Lopez-Paz and Oquab, ICLR 2017) on the bins of a fair sample of rows.
Whole days are held out, never single rows, so that a day's weather is not recognised by its other
rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FOLDS = 5
FLOOR = 0.6
Rows = tuple[NDArray[np.int32], NDArray[np.int64]]


@dataclass(frozen=True)
class Joint:
    """The area under the ROC curve of telling the two apart (0.5: it cannot), and its p-value."""

    area: float
    p: float


def significant_joint_drift(
    reference: Rows, window: Rows, alpha: float, seed: int = 0
) -> Joint | None:
    """A difference of rows (bins, and the day of each) that is beyond chance at `alpha` and whose
    area is at least FLOOR; else None."""
    if not alpha or not len(reference[0]) or not len(window[0]):
        return None
    joint = joint_drift(*reference, *window, seed)
    return joint if joint and joint.p <= alpha and joint.area >= FLOOR else None


def joint_drift(
    reference: NDArray[np.int32],
    reference_days: NDArray[np.int64],
    window: NDArray[np.int32],
    window_days: NDArray[np.int64],
    seed: int = 0,
) -> Joint | None:
    """Judge rows of bins, each of shape (n, features), by the days they are of, shape (n,).

    The p-value is a t-test over held-out days on how highly their rows were ranked, days being
    what is independent. None with fewer than five days on either side.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    days = [np.unique(d) for d in (reference_days, window_days)]
    if min(d.size for d in days) < FOLDS:
        return None
    rows = np.vstack([reference, window]).astype(float)
    side = np.r_[np.zeros(len(reference)), np.ones(len(window))]
    day = np.r_[reference_days, window_days + 10_000_000]
    chance = np.random.default_rng(seed)
    fold = np.zeros(day.size, dtype=int)
    for unique in (days[0], days[1] + 10_000_000):
        order = chance.permutation(unique)
        places = {d: i % FOLDS for i, d in enumerate(order)}
        of_side = np.isin(day, unique)
        fold[of_side] = [places[d] for d in day[of_side]]
    score = np.zeros(day.size)
    for i in range(FOLDS):
        model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=15, random_state=seed)
        held_out = fold == i
        with threadpool_limits(1):  # so small a problem is slower on many cores
            model.fit(rows[~held_out], side[~held_out])
            chances = model.predict_proba(rows[held_out])[:, 1]
        score[held_out] = stats.rankdata(chances) / held_out.sum()
    means = [np.array([score[day == d].mean() for d in np.unique(day[side == s])]) for s in (0, 1)]
    p = float(stats.ttest_ind(means[1], means[0], equal_var=False, alternative="greater").pvalue)
    order = stats.rankdata(score)
    n, m = len(reference), len(window)
    area = (order[side == 1].sum() - m * (m + 1) / 2) / (n * m)
    return Joint(float(area), 1.0 if np.isnan(p) else p)
