"""Figures from mergeable counts against scikit-learn's on the rows, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score

from gristmill.monitoring._statistics.performance import Scores, measure, tally


def sample(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    chance = rng.beta(2, 5, rows)
    return chance, (rng.random(rows) < chance).astype(float)


def test_figures_are_those_of_the_rows() -> None:
    prediction, label = sample(5000, 1)
    metrics = {k: m.value for k, m in measure(tally("binary", prediction, label)).items()}
    assert metrics["roc_auc"] == pytest.approx(roc_auc_score(label, prediction), abs=2e-4)
    assert metrics["brier"] == pytest.approx(brier_score_loss(label, prediction))
    assert metrics["log_loss"] == pytest.approx(log_loss(label, prediction))
    assert metrics["accuracy"] == pytest.approx(accuracy_score(label, prediction >= 0.5))


@given(st.integers(2, 300), st.integers(0, 300), st.integers(0, 1000))
def test_parts_merge_to_the_whole(rows: int, cut: int, seed: int) -> None:
    prediction, label = sample(rows, seed)
    whole = measure(tally("binary", prediction, label))
    parts = Scores.empty("binary")
    for piece in (slice(None, cut), slice(cut, None)):
        parts = parts + tally("binary", prediction[piece], label[piece])
    merged = measure(parts)
    assert merged.keys() == whole.keys()
    for name, metric in whole.items():
        assert merged[name].value == pytest.approx(metric.value)
        assert merged[name].high == pytest.approx(metric.high)


@pytest.mark.parametrize("name", ["roc_auc", "brier", "log_loss", "accuracy"])
def test_intervals_hold_the_truth_as_often_as_they_say(name: str) -> None:
    truth = measure(tally("binary", *sample(400_000, 0)))[name].value
    trials = 300
    held = 0
    for seed in range(1, trials + 1):
        metric = measure(tally("binary", *sample(600, seed)), alpha=0.1)[name]
        held += metric.low <= truth <= metric.high
    assert 0.85 <= held / trials <= 0.95


def test_regression() -> None:
    rng = np.random.default_rng(2)
    label = rng.normal(size=2000)
    prediction = label + rng.normal(0.5, 1, 2000)
    metrics = measure(tally("regression", prediction, label))
    assert metrics["rmse"].value == pytest.approx(np.sqrt(np.mean((prediction - label) ** 2)))
    assert metrics["mae"].value == pytest.approx(np.abs(prediction - label).mean())
    assert metrics["bias"].low < 0.5 < metrics["bias"].high


def test_one_class_has_no_area_and_no_rows_have_no_figure() -> None:
    assert "roc_auc" not in measure(tally("binary", np.full(9, 0.3), np.zeros(9)))
    assert measure(Scores.empty("binary")) == {}
