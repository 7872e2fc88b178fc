"""Lower bounds against oracles, and by simulation against their promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle
from statsmodels.stats.contingency_tables import mcnemar

from gristmill.errors import Invalid
from gristmill.predictor import prediction, probability
from gristmill.registry import Comparison, Evidence, paired_difference
from gristmill.registry._gates.metrics import Better
from gristmill.registry._gates.statistics import score

ORACLES = {
    "roc_auc": oracle.roc_auc_score,
    "log_loss": oracle.log_loss,
    "brier": oracle.brier_score_loss,
    "accuracy": lambda y, s: oracle.accuracy_score(y, s >= 0.5),
    "f1": lambda y, s: oracle.f1_score(y, s >= 0.5),
    "mae": oracle.mean_absolute_error,
    "rmse": oracle.root_mean_squared_error,
}


def two_models(rng: np.random.Generator, n: int, gap: float = 0.0) -> tuple[np.ndarray, ...]:
    """Labels and two models' probabilities, equally good when `gap` is nought, correlated."""
    signal = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(-1.5 * signal + 1))).astype(float)
    noise = rng.normal(size=(2, n))
    return (
        y,
        1 / (1 + np.exp(-(signal + (1 - gap) * noise[0]))),
        1 / (1 + np.exp(-(signal + noise[1]))),
    )


def test_every_metric_has_an_oracle() -> None:
    assert set(ORACLES) == set(Comparison.METRICS)


@pytest.mark.parametrize("metric", Comparison.METRICS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(5, 200), ties=st.booleans())
def test_values_are_those_of_scikit_learn(metric: str, seed: int, n: int, ties: bool) -> None:
    y, s, _ = two_models(np.random.default_rng(seed), n)
    y[0], y[1] = 0, 1
    s = s.round(1) if ties else s
    assert score(metric, y, s) == pytest.approx(ORACLES[metric](y, s), abs=1e-9)


@pytest.mark.parametrize("metric", Comparison.METRICS)
def test_a_model_is_never_better_than_itself_and_bounds_mirror(metric: str) -> None:
    y, a, b = two_models(np.random.default_rng(3), 400, 0.3)
    same = paired_difference(metric, y, a, a)
    assert (same.difference, same.lower, same.upper) == (0, 0, 0)
    there, back = paired_difference(metric, y, a, b), paired_difference(metric, y, b, a)
    assert there.difference == pytest.approx(-back.difference)
    assert there.lower == pytest.approx(-back.upper, abs=1e-6)
    assert there.lower <= there.difference <= there.upper


def test_accuracy_is_decided_as_the_exact_mcnemar_test() -> None:
    for seed in range(30):
        y, a, b = two_models(np.random.default_rng(seed), 150, 0.8)
        right = [(s >= 0.5) == (y == 1) for s in (a, b)]
        gained, lost = int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum())
        p_two = mcnemar([[0, gained], [lost, 0]], exact=True).pvalue
        result = paired_difference("accuracy", y, a, b)
        assert (result.lower > 0) == (gained > lost and p_two / 2 < 0.05)


@pytest.mark.slow
def test_delong_agrees_with_the_bootstrap() -> None:
    rng = np.random.default_rng(11)
    y, a, b = two_models(rng, 800, 0.4)
    draws = []
    for _ in range(800):
        i = rng.integers(0, len(y), len(y))
        draws.append(oracle.roc_auc_score(y[i], a[i]) - oracle.roc_auc_score(y[i], b[i]))
    result = paired_difference("roc_auc", y, a, b)
    assert result.lower == pytest.approx(np.quantile(draws, 0.05), abs=0.005)


def test_grouping_many_rows_leaves_the_bound_where_it_is() -> None:
    y, a, b = two_models(np.random.default_rng(5), 60_000, 0.1)
    grouped = paired_difference("brier", y, a, b, resamples=8000)
    gain = (b - y) ** 2 - (a - y) ** 2
    normal = gain.mean() - 1.645 * gain.std() / len(gain) ** 0.5
    assert grouped.lower == pytest.approx(normal, abs=0.05 * (gain.mean() - normal))


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "accuracy", "f1", "brier"])
def test_an_equally_good_challenger_passes_at_most_alpha(metric: str) -> None:
    """alpha = 5 %; of 400 trials 20 are expected, and 32 or more have probability 0.007."""
    rng = np.random.default_rng(2026)
    gate = Better(metric=metric, confidence=0.95, resamples=400)
    trials, passed = 400, 0
    for _ in range(trials):
        y, a, b = two_models(rng, 300)
        evidence = Evidence(truth=y, challenger=a, champion=b, champion_version=1)
        passed += gate.evaluate(evidence).verdict == "pass"
    print(metric, passed / trials)
    assert passed <= 31


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "accuracy"])
def test_a_better_challenger_passes(metric: str) -> None:
    y, a, b = two_models(np.random.default_rng(1), 4000, 0.6)
    evidence = Evidence(truth=y, challenger=a, champion=b, champion_version=1)
    assert Better(metric=metric).evaluate(evidence).verdict == "pass"
    assert Better(metric=metric, margin=0.5).evaluate(evidence).verdict == "fail"


def test_what_cannot_be_judged_says_so() -> None:
    y, a, b = two_models(np.random.default_rng(1), 100)
    gate = Better(metric="roc_auc")
    cases = [
        Evidence(champion_version=1, problem="no hold-out"),
        Evidence(truth=y[:20], challenger=a[:20], champion=b[:20], champion_version=1),
        Evidence(truth=y * 0, challenger=a, champion=b, champion_version=1),
        Evidence(truth=y + 3, challenger=a, champion=b, champion_version=1),
    ]
    assert [gate.evaluate(e).verdict for e in cases] == ["inconclusive"] * 4
    with pytest.raises(Invalid):
        Better(metric="roc_auc", confidence=1.0)


def test_accuracy_of_class_names() -> None:
    y = np.array(["a", "b", "c"] * 40)
    good, bad = y.copy(), np.roll(y, 1)
    assert paired_difference("accuracy", y, good, bad).lower > 0.9


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ([[0.9, 0.1], [0.2, 0.8]], [0.1, 0.8]),
        ([[0.3], [0.4]], [0.3, 0.4]),
        ([0.3, 0.4], [0.3, 0.4]),
        ([True, False], [1.0, 0.0]),
        ([], []),
    ],
)
def test_a_probability_is_read_from_every_shape(raw: list[object], expected: list[float]) -> None:
    assert probability(raw).tolist() == expected


@pytest.mark.parametrize("raw", [[1.2], [-0.1], [float("nan")], ["late"], [[0.1, 0.2, 0.7]], 0.5])
def test_what_is_no_probability_is_refused(raw: object) -> None:
    with pytest.raises(Invalid):
        probability(raw)


def test_a_prediction_is_one_value_a_row() -> None:
    assert prediction([[1.0], [2.0]]).tolist() == [1.0, 2.0]
    with pytest.raises(Invalid):
        prediction([[1.0, 2.0]])
