"""How often is a challenger promoted that is no better than the champion?

Two models with the same distribution of errors judge the same rows; a rule says whether the second
is promoted. Whatever it promotes, it promotes by luck. The gate `better` promises that this happens
in at most 1 - confidence of the cases; the other rules are what people write without one.

    python benchmarks/promotions.py [--trials 1000]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from scipy.stats import binomtest

from gristmill.registry import Evidence
from gristmill.registry._gates.metrics import Better
from gristmill.registry._gates.statistics import score

CONFIDENCE = 0.95
ROWS = (200, 2000)
METRICS = ("roc_auc", "accuracy", "log_loss", "f1")


def models(
    rng: np.random.Generator, rows: int, better: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and two models' probabilities, each of shape (rows,): the same signal under noise of
    their own, that of the first weaker by the share `better`."""
    signal = rng.normal(size=rows)
    truth = (rng.random(rows) < 1 / (1 + np.exp(1 - 1.5 * signal))).astype(float)
    noise = rng.normal(size=(2, rows)) * [[1 - better], [1]]
    challenger, champion = 1 / (1 + np.exp(-(signal + noise)))
    return truth, challenger, champion


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    trials = parser.parse_args().trials
    began = time.monotonic()
    print(f"promoted of {trials:,} challengers        equally good            surely better")
    print("rows   metric    higher score   +0.01   gate (95 % interval)        gate")
    surely = 1 - 0.05 / (len(ROWS) * len(METRICS))  # all intervals hold together with 95 %
    most = 0.0
    for rows in ROWS:
        for metric in METRICS:
            rng = np.random.default_rng(7)
            gate = Better(metric=metric, confidence=CONFIDENCE, resamples=500)
            higher = point = passed = detected = 0
            for trial in range(trials):
                truth, challenger, champion = models(rng, rows)
                ours, theirs = (score(metric, truth, m) for m in (challenger, champion))
                gain = theirs - ours if metric == "log_loss" else ours - theirs
                higher += gain > 0
                point += gain >= 0.01
                passed += verdict(gate, truth, challenger, champion)
                detected += trial < trials // 5 and verdict(gate, *models(rng, rows, 0.5))
            share = binomtest(passed, trials).proportion_ci(0.95)
            most = max(most, binomtest(passed, trials).proportion_ci(surely).low)
            print(
                f"{rows:<6} {metric:<9} {higher / trials:>12.1%} {point / trials:>7.1%} "
                f"{passed / trials:>6.1%} ({share.low:.1%} to {share.high:.1%}) "
                f"{detected / (trials // 5):>17.1%}"
            )
    kept = "kept" if most <= 1 - CONFIDENCE else "BROKEN"
    print(f"alpha = {1 - CONFIDENCE:.0%}: {kept} ({time.monotonic() - began:.0f} s)")


def verdict(gate: Better, truth: np.ndarray, challenger: np.ndarray, champion: np.ndarray) -> bool:
    evidence = Evidence(truth=truth, challenger=challenger, champion=champion, champion_version=1)
    return gate.judge(evidence).verdict == "pass"


if __name__ == "__main__":
    main()
