"""Laws of sketches and drift tests, on random data and on real flights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gristmill.monitoring._statistics.distance import Thresholds, distances, kullback_leibler, psi
from gristmill.monitoring._statistics.drift import Column, detect_drift, importance
from gristmill.monitoring._statistics.significance import (
    chi_square,
    ks_test,
    kuiper_test,
    pool,
    range_test,
)
from gristmill.monitoring._statistics.sketch import Binning, Sketch, fix_bins, merge
from gristmill.monitoring._windows.reference import columns_of

from .world import FEATURES, flights

numbers = st.lists(
    st.one_of(st.floats(-1e6, 1e6), st.just(float("nan")), st.integers(-3, 3).map(float)),
    min_size=1,
    max_size=80,
)
categories = st.lists(st.one_of(st.none(), st.sampled_from("abcdefgh")), min_size=1, max_size=80)


def same(left: Sketch, right: Sketch) -> bool:
    return (
        np.array_equal(left.counts, right.counts)
        and np.isclose(left.total, right.total)
        and np.isclose(left.squares, right.squares)
        and (left.low, left.high) == (right.low, right.high)
    )


@given(numbers, numbers, st.integers(0, 80))
def test_sketch_of_parts_merges_to_sketch_of_the_whole(
    reference: list[float], values: list[float], cut: int
) -> None:
    binning = fix_bins("x", np.array(reference), "number", bins=8)
    whole = binning.sketch(np.array(values))
    parts = [binning.sketch(np.array(v)) for v in (values[:cut], values[cut:])]
    assert same(merge(binning, parts), whole)
    assert whole.rows == len(values)


@given(categories, categories, st.integers(0, 80))
def test_category_sketches_merge(
    reference: list[str | None], values: list[str | None], cut: int
) -> None:
    binning = fix_bins("x", reference, "category", bins=4)
    parts = [binning.sketch(v) for v in (values[:cut], values[cut:])]
    assert same(merge(binning, parts), binning.sketch(values))


@given(numbers, st.randoms(use_true_random=False))
def test_order_of_rows_changes_nothing(values: list[float], random: Any) -> None:
    shuffled = list(values)
    random.shuffle(shuffled)
    binning = fix_bins("x", np.array(values), "number", bins=8)
    assert binning == fix_bins("x", np.array(shuffled), "number", bins=8)
    assert same(binning.sketch(np.array(values)), binning.sketch(np.array(shuffled)))


@given(numbers)
def test_every_value_has_one_bin_and_the_range_is_kept(values: list[float]) -> None:
    array = np.array(values)
    binning = fix_bins("x", array, "number", bins=8)
    sketch = binning.sketch(array)
    assert sketch.missing == int(np.isnan(array).sum())
    if sketch.present:
        assert sketch.counts[1] == 0 and sketch.counts[-1] == 0
        beyond = binning.sketch(np.array([sketch.low - 1e9, sketch.high + 1e9, np.inf]))
        assert (beyond.counts[1], beyond.counts[-1], beyond.missing) == (1, 1, 1)


@given(numbers, numbers)
def test_binnings_survive_their_record(reference: list[float], values: list[float]) -> None:
    binning = fix_bins("x", np.array(reference), "number", bins=8)
    again = Binning.from_record(binning.record())
    assert again == binning
    assert same(again.sketch(np.array(values)), binning.sketch(np.array(values)))


bins = st.lists(st.tuples(st.integers(1, 400), st.integers(0, 60)), min_size=2, max_size=10)


@given(bins.filter(lambda b: sum(w for _, w in b) > 0), st.integers(2, 5))
def test_repeating_rows_moves_psi_only_through_empty_bins(
    counts: list[tuple[int, int]], times: int
) -> None:
    reference, window = (np.array(c) for c in zip(*counts, strict=True))
    once, _ = psi(reference, window)
    often, _ = psi(reference * times, window * times)
    share = (reference / reference.sum())[window == 0]

    def of_empty_bins(rows: int) -> float:
        half_a_row = 0.5 / rows
        return float(((half_a_row - share) * np.log(half_a_row / share)).sum())

    moved = of_empty_bins(window.sum() * times) - of_empty_bins(window.sum())
    assert often - once == pytest.approx(moved, abs=1e-9)


def test_repeated_flights_have_the_psi_of_the_flights() -> None:
    rows = np.random.default_rng(0).permutation(len(flights()))
    columns = _columns(rows[:4000])
    once, often = (_window(columns, np.repeat(rows[4000:6000], n)) for n in (1, 7))
    for column in columns:
        first, again = (
            distances(column.reference, w[column.name], column.binning) for w in (once, often)
        )
        assert abs(first.psi - again.psi) <= first.psi_noise
        assert again.moved == pytest.approx(first.moved)


@given(st.floats(0.0, 0.5), st.floats(0.01, 0.5))
def test_a_larger_shift_lies_further(shift: float, more: float) -> None:
    values = np.linspace(0, 1, 400)
    binning = fix_bins("x", values, "number")
    reference = binning.sketch(values)
    near = distances(reference, binning.sketch(values + shift), binning)
    far = distances(reference, binning.sketch(values + shift + more), binning)
    assert far.moved >= near.moved
    assert (far.wasserstein or 0) > (near.wasserstein or 0)
    assert far.psi >= near.psi - 1e-9


def test_tests_agree_with_scipy_on_unbinned_samples() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 40, 900), rng.integers(0, 42, 700)
    left, right = np.bincount(a, minlength=42), np.bincount(b, minlength=42)
    oracle = stats.ks_2samp(a, b, method="asymp").pvalue
    assert ks_test(left, right) == pytest.approx(oracle, rel=1e-6)
    oracle = stats.ks_2samp(np.tile(a, 4), np.tile(b, 4), method="asymp").pvalue
    assert ks_test(left * 4, right * 4) == pytest.approx(oracle, rel=0.1)
    kept, other = pool(left, right)
    oracle = stats.chi2_contingency(np.array([kept, other]), correction=False).pvalue
    assert chi_square(left, right) == pytest.approx(oracle, rel=1e-9)


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), min_size=2, max_size=40),
       st.integers(0, 40))  # fmt: skip
def test_kuipers_test_knows_no_first_bin(counts: list[tuple[int, int]], turn: int) -> None:
    left, right = (np.array(side, dtype=float) for side in zip(*counts, strict=True))
    turned = kuiper_test(np.roll(left, turn), np.roll(right, turn))
    assert kuiper_test(left, right) == pytest.approx(turned, abs=1e-9)


def test_kuipers_test_keeps_its_level_and_sees_a_wider_spread() -> None:
    rng = np.random.default_rng(6)
    cuts = np.linspace(-4, 4, 400)
    sides = [
        [np.bincount(np.searchsorted(cuts, rng.normal(0, s, 300)), minlength=401) for s in (1, w)]
        for w in (1.0, 1.4)
        for _ in range(400)
    ]
    p_values = np.array([kuiper_test(*map(np.asarray, pair)) for pair in sides])
    assert stats.binom.ppf(0.001, 400, 0.05) <= (p_values[:400] < 0.05).sum()
    assert (p_values[:400] < 0.05).sum() <= stats.binom.ppf(0.999, 400, 0.05)
    plain = np.array([ks_test(*map(np.asarray, pair)) for pair in sides[400:]])
    assert (p_values[400:] < 0.01).mean() > 0.8 > (plain < 0.01).mean()


@given(st.lists(st.tuples(st.integers(1, 900), st.integers(1, 900)), min_size=2, max_size=12))
def test_divergences_agree_with_scipy(rows: list[tuple[int, int]]) -> None:
    reference, window = np.array(rows).T
    there, back = stats.entropy(window, reference), stats.entropy(reference, window)
    assert kullback_leibler(window, reference) == pytest.approx(there, abs=1e-12)
    assert psi(reference, window)[0] == pytest.approx(there + back, abs=1e-12)


def test_wasserstein_agrees_with_scipy_on_distinct_values() -> None:
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 30, 500).astype(float), rng.integers(2, 30, 400).astype(float)
    binning = fix_bins("x", a, "number")
    distance = distances(binning.sketch(a), binning.sketch(b), binning).wasserstein
    assert distance == pytest.approx(stats.wasserstein_distance(a, b) / a.std(), rel=0.06)


def test_range_test_is_exact() -> None:
    rng = np.random.default_rng(3)
    beyond = []
    for _ in range(4000):
        sample = rng.permutation(30)
        beyond.append(int((sample[20:] > sample[:20].max()).sum()))
    for k in (1, 2, 3):
        assert range_test(20, 10, k) == pytest.approx(np.mean(np.array(beyond) >= k), abs=0.03)


def _columns(rows: np.ndarray[Any, Any]) -> tuple[Column, ...]:
    table = flights().iloc[rows]
    return columns_of({n: _values(n, table) for n in FEATURES}, None)


def _values(name: str, table: Any) -> Any:
    if name in ("carrier", "origin"):
        return "category", table[name].to_numpy(dtype=object)
    return "number", table[name].to_numpy(dtype=float)


def _window(columns: tuple[Column, ...], rows: np.ndarray[Any, Any]) -> dict[str, Sketch]:
    table = flights().iloc[rows]
    return {c.name: c.binning.sketch(_values(c.name, table)[1]) for c in columns}


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "trials"), [(500, 200), (4000, 60)])
def test_halves_of_the_same_flights_alarm_in_at_most_one_of_twenty(rows: int, trials: int) -> None:
    """Without the thresholds of effect: the tests alone must keep the budget."""
    rng = np.random.default_rng(4)
    bare = Thresholds(moved=0.0, missing=0.0, outside=0.0)
    alarms = 0
    for _ in range(trials):
        chosen = rng.permutation(len(flights()))
        columns = _columns(chosen[:rows])
        drift = detect_drift(columns, _window(columns, chosen[rows : 2 * rows]), bare)
        alarms += any(f.drifted for f in drift.features)
    budget = stats.binom.ppf(0.999, trials, 0.05)
    assert alarms <= budget, f"{alarms} of {trials}"


def test_a_real_shift_is_found_every_time_and_named() -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        chosen = rng.permutation(len(flights()))
        columns = _columns(chosen[:1000])
        window = _window(columns, chosen[1000:2000])
        temp = next(c for c in columns if c.name == "temp")
        warmer = flights().iloc[chosen[1000:2000]].temp.to_numpy() + 10
        window["temp"] = temp.binning.sketch(warmer)
        drift = detect_drift(columns, window, Thresholds())
        assert drift.features[0].name == "temp" and drift.features[0].drifted
        assert drift.features[0].change.startswith("mean up")


def test_a_trifle_at_a_million_rows_is_no_alarm() -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(size=1_000_000)
    binning = fix_bins("x", values, "number")
    column = Column(binning, binning.sketch(values))
    window = {"x": binning.sketch(rng.normal(0.02, 1, 1_000_000))}
    drift = detect_drift([column], window, Thresholds())
    assert drift.features[0].p < 1e-6
    assert drift.verdict == "stable"


def test_too_few_rows_are_not_judged() -> None:
    binning = fix_bins("x", np.arange(1000.0), "number")
    column = Column(binning, binning.sketch(np.arange(1000.0)))
    few = detect_drift([column], {"x": binning.sketch(np.full(49, 5000.0))}, Thresholds())
    assert few.verdict == "inconclusive" and not few.features[0].drifted
    some = detect_drift([column], {"x": binning.sketch(np.full(50, 5000.0))}, Thresholds())
    assert some.verdict == "drift"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.r_[np.arange(900.0), np.full(100, np.nan)], "missing 0 % to 10 %"),
        (np.r_[np.arange(950.0), np.full(50, 2e4)], "5 % above the largest of training, 999"),
        (np.arange(1000.0) - 300, "below the least of training, 0"),
    ],
)
def test_words_say_what_happened(values: Any, expected: str) -> None:
    binning = fix_bins("x", np.arange(1000.0), "number")
    column = Column(binning, binning.sketch(np.arange(1000.0)))
    drift = detect_drift([column], {"x": binning.sketch(values)}, Thresholds())
    assert drift.features[0].drifted
    assert expected in drift.features[0].change


def test_a_new_category_is_named_as_new() -> None:
    (column,) = columns_of({"c": ("category", np.array(["a", "b"] * 500, dtype=object))}, None)
    sketch = column.binning.sketch(["a"] * 450 + ["b"] * 450 + ["z"] * 100)
    drift = detect_drift([column], {"c": sketch}, Thresholds())
    assert "10 % never seen in training" in drift.features[0].change


def test_importance_ranks_the_features_that_move_the_prediction() -> None:
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=4000), rng.normal(size=4000)
    columns = columns_of({"a": ("number", a), "b": ("number", b)}, a + 0.1 * b)
    weight = {c.name: c.importance for c in columns}
    assert weight["a"] > 0.9 > 0.1 > weight["b"]
    assert importance([0] * 4000, np.ones(4000), 1) == 0.0
    shifted = {c.name: c.binning.sketch(v + 1) for c, v in zip(columns, (a, b), strict=True)}
    assert detect_drift(columns, shifted, Thresholds()).features[0].name == "a"


def test_thresholds_are_what_decides() -> None:
    rng = np.random.default_rng(8)
    values = rng.normal(size=20_000)
    binning = fix_bins("x", values, "number")
    column = Column(binning, binning.sketch(values))
    window = {"x": binning.sketch(rng.normal(0.3, 1, 20_000))}
    assert detect_drift([column], window, Thresholds()).features[0].drifted
    assert not detect_drift([column], window, replace(Thresholds(), moved=0.2)).features[0].drifted
