"""References, segments, estimates, control charts: what is believed of a window, and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from gristmill.cli import main
from gristmill.errors import Invalid
from gristmill.monitoring import monitor
from gristmill.monitoring._settings import MonitoringSettings
from gristmill.monitoring._statistics.control import (
    ewma,
    initial_baseline,
    limit,
    run_length,
    western_electric,
)
from gristmill.monitoring._statistics.distance import Thresholds, groups
from gristmill.monitoring._statistics.drift import detect_drift
from gristmill.monitoring._statistics.estimate import estimate, expect
from gristmill.monitoring._statistics.joint import joint_drift
from gristmill.monitoring._statistics.performance import SCORE_BINS, score_bin
from gristmill.monitoring._statistics.significance import (
    effective_days,
    inflation,
    intraclass_correlation,
)
from gristmill.monitoring._statistics.sketch import Sketch, fix_bins
from gristmill.monitoring._windows.budget import allocate, budget_text
from gristmill.monitoring._windows.business import value_of
from gristmill.monitoring._windows.reference import columns_of
from gristmill.records import to_record

from .conftest import World
from .test_drift import FEATURES, _values
from .world import MODEL, flights

YEAR = datetime(2014, 1, 1, tzinfo=UTC)


def settings(world: World, text: str) -> None:
    path = world.root / "gristmill.toml"
    path.write_text(path.read_text().replace('window = "month"', f'window = "month"\n{text}'))


def test_the_budget_is_shared_and_said() -> None:
    plain = MonitoringSettings(window="7d", budget="52w")
    assert sum(allocate(plain).values()) == pytest.approx(1 / 52)
    more = MonitoringSettings(window="7d", segments=("a",), joint=True)
    assert sum(allocate(more).values()) == pytest.approx(1 / 52)
    assert allocate(more)["drift"] == allocate(plain)["drift"]
    assert sum(allocate(MonitoringSettings(window="52w")).values()) == pytest.approx(0.05)
    assert budget_text(plain).startswith("At most one false alarm in 52 weeks")


@pytest.mark.slow
def test_days_not_rows_are_what_chance_deals_out() -> None:
    """A month split in two by days: the weather differs, and is no alarm."""
    table = flights()
    table = table[table.scheduled.dt.month.isin([1, 2, 3])].reset_index(drop=True)
    day = (table.scheduled.astype("int64") // 86_400_000_000).to_numpy()
    day = day // 10 ** (len(str(day[0])) - 5)
    chance, alarms, naive = np.random.default_rng(0), 0, 0
    for _ in range(40):
        chosen = chance.permutation(np.unique(day))[: len(np.unique(day)) // 2]
        half = np.isin(day, chosen)
        left, right = table[half], table[~half]
        for aware in (True, False):
            columns = columns_of(
                {n: _values(n, left) for n in FEATURES}, None, day=day[half] if aware else None
            )
            window = {c.name: c.binning.sketch(_values(c.name, right)[1]) for c in columns}
            bare = Thresholds(alpha=0.05, moved=0, missing=0, outside=0)
            days = len(np.unique(day)) - len(chosen) if aware else 0
            drift = detect_drift(columns, window, bare, days=days)
            if any(f.drifted for f in drift.features):
                alarms, naive = alarms + aware, naive + (not aware)
    assert naive >= 35
    assert alarms <= 6


def test_a_change_of_one_kind_does_not_lend_its_significance_to_another() -> None:
    """That rows lack a value as they never did in the reference is certain and small; that the
    window's few days lie elsewhere is large and chance."""
    chance = np.random.default_rng(2)
    day = np.repeat(np.arange(60), 40)
    then, now = (chance.normal(size=60)[day] + 0.1 * chance.normal(size=2400) for _ in range(2))
    now[: int(0.015 * 2400)] = np.nan
    (column,) = columns_of({"temp": ("number", then)}, None, day=day)
    window = {"temp": column.binning.sketch(now)}
    drift = detect_drift([column], window, Thresholds(missing=0.02), days=60).features[0]
    assert drift.p < 1e-6 and drift.distances.moved > 0.05 and not drift.drifted
    assert detect_drift([column], window, Thresholds(missing=0.01), days=60).features[0].drifted


def test_a_value_that_most_rows_have_is_a_bin_by_itself() -> None:
    """Rain: none on most days. Else no cut is looked at, and rows of a day seem unlike."""
    assert list(groups(np.array([0, 930, 40, 30]), ordered=True)) == [0, 0, 9, 9]
    chance = np.random.default_rng(3)
    day = np.repeat(np.arange(90), 50)
    rain = np.where((chance.random(90) < 0.07)[day], chance.exponential(size=4500), 0.0)
    (column,) = columns_of({"rain": ("number", rain)}, None, day=day)
    assert column.correlation.values > 0.9


def test_likeness() -> None:
    assert effective_days([50] * 7) == pytest.approx(7)
    assert 1 < effective_days([1000, 1, 1, 1]) < 1.1 and effective_days([]) == 0
    chance = np.random.default_rng(1)
    alone = chance.multinomial(200, [0.25] * 4, size=30).astype(float)
    assert intraclass_correlation(alone) == 0
    shares = chance.dirichlet([2] * 4, size=30)
    alike = np.array([chance.multinomial(200, s) for s in shares], float)
    assert 0.05 < intraclass_correlation(alike) < 0.2
    assert inflation(6000, 30, 0.1) == pytest.approx(1 + 199 * 0.1)
    assert inflation(6000, 0, 0.1) == 1


def test_a_segment_that_moves_alone_is_found(world: World) -> None:
    settings(world, 'segments = ["origin"]\nfloors = {wind_speed = 0.25}')
    table = flights()
    rows = table[table.scheduled.dt.month == 2].copy()
    answers = world.answers(rows)
    here = rows.origin == "LGA"
    rows.loc[here, "wind_speed"] *= 0.4
    world.traffic.send(rows, version=1, prediction=answers)
    (window,) = monitor(world.project, MODEL, now=YEAR).report.windows
    reasons = {f.rule: f.reason for f in window.findings}
    assert "wind_speed" not in {f.name for f in window.drift.features if f.drifted}
    assert "origin=LGA, wind_speed: mean down" in reasons["segment"]
    assert "origin=JFK" not in reasons["segment"]
    text = (world.root / "gristmill.toml").read_text()
    (world.root / "gristmill.toml").write_text(text.replace('["origin"]', '["temp"]'))
    with pytest.raises(Invalid, match="temp"):
        monitor(world.project, MODEL, now=YEAR)


def test_a_rolling_reference_follows_the_season(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    for month in (4, 5, 6, 7, 8):
        world.month(month)
    fixed = monitor(world.project, MODEL, now=YEAR).report.windows
    settings(world, 'reference = "rolling"\nrolling = 2')
    report = monitor(world.project, MODEL, now=YEAR).report
    starts = [w.start for w in report.windows]
    assert [list(w.against_windows) for w in report.windows] == [
        [], [], starts[:2], starts[1:3], starts[2:4],
    ]  # fmt: skip
    last = [
        next(f for f in w[-1].drift.features if f.name == "temp") for w in (fixed, report.windows)
    ]
    assert last[0].drifted and last[0].distances.moved > 2 * last[1].distances.moved

    assert all("roc_auc" in w.estimated for w in report.windows)
    assert report.charts["roc_auc"] and report.charts["roc_auc"][0].limit > 0
    assert main(["monitor", MODEL, "--now", "2014-01-01"]) == 0
    shown = capsys.readouterr().out
    assert "At most one false alarm in 52 weeks" in shown and "estimated without labels" in shown


def test_matched_references_and_what_they_need(world: World) -> None:
    settings(world, 'reference = "month"')
    world.month(2)
    world.month(6)
    february, june = monitor(world.project, MODEL, now=YEAR).report.windows
    assert february.against_parts == ("month=2",)
    assert june.against_parts == ()
    assert not [f.name for f in february.drift.features if f.drifted]


def test_estimates_are_right_where_the_world_has_not_changed() -> None:
    chance = np.random.default_rng(2)
    truth = chance.random(40_000)
    label = (chance.random(40_000) < truth).astype(float)
    predictions = np.sqrt(truth)  # ranks well, is not calibrated
    learned = expect("binary", predictions[:20_000], label[:20_000], None)
    assert learned is not None
    counts = np.bincount(score_bin(predictions[20_000:]), minlength=SCORE_BINS).astype(np.int64)
    metrics = estimate("binary", learned, Sketch(counts), {})
    from sklearn.metrics import brier_score_loss, roc_auc_score

    assert metrics["roc_auc"].value == pytest.approx(
        roc_auc_score(label[20_000:], predictions[20_000:]), abs=0.01
    )
    assert metrics["brier"].value == pytest.approx(
        brier_score_loss(label[20_000:], predictions[20_000:]), abs=0.01
    )

    x = chance.random(20_000) * 10
    y = x + chance.normal(0, 0.2 + x / 5)
    binning = fix_bins("prediction", x, "number")
    learned = expect("regression", x, y, binning)
    assert learned is not None
    later = x[x > 7]
    metrics = estimate("regression", learned, binning.sketch(later), {})
    assert metrics["rmse"].value == pytest.approx(
        np.sqrt(np.mean((0.2 + later / 5) ** 2)), rel=0.05
    )


def test_control_charts_keep_their_run_length() -> None:
    far = limit(100.0)
    assert run_length(far) == pytest.approx(100, rel=0.01)
    chance, lengths = np.random.default_rng(3), []
    sigma = np.sqrt(0.2 / 1.8)
    for _ in range(400):
        value, n = 0.0, 0
        while True:
            n += 1
            value = 0.8 * value + 0.2 * chance.normal()
            if value > far * sigma:
                break
        lengths.append(n)
    assert np.mean(lengths) == pytest.approx(100, rel=0.15)
    assert ewma([1.0] * 50)[-1] == pytest.approx(1 / sigma, rel=0.01)
    assert western_electric([0.1] * 7 + [0.1, 4.0, 2.1, 2.5])[7:] == [(4,), (1, 4), (2, 4), (2, 4)]
    assert initial_baseline([1.0] * 20) is None and initial_baseline([1.0, 2.0]) is None


def test_a_classifier_sees_what_columns_do_not() -> None:
    chance = np.random.default_rng(4)
    x = chance.integers(1, 20, 1500)
    apart = np.column_stack([x, chance.integers(1, 20, 1500)]).astype(np.int32)
    bound = np.column_stack([x, np.clip(x + chance.integers(-2, 3, 1500), 1, 19)]).astype(np.int32)
    days = np.arange(1500) % 30
    same = joint_drift(apart[:700], days[:700], apart[700:], days[700:])
    other = joint_drift(apart, days, bound, days)
    assert same is not None and same.p > 0.01
    assert other is not None and other.p < 1e-6 and other.area > 0.75
    assert joint_drift(apart, days % 3, bound, days) is None


def test_business_metrics(world: World) -> None:
    settings(world, "[models.delay.monitoring.value]\ntrue_positive = 10\nfalse_negative = -5\n"
             '[models.delay.monitoring.business.orders]\nfile = "orders.csv"')  # fmt: skip
    times = pd.date_range("2013-03-01", "2013-12-31", tz="UTC")
    pd.DataFrame({"time": times, "value": 1.0}).to_csv(world.root / "orders.csv", index=False)
    for month in (4, 5):
        world.month(month)
    report = monitor(world.project, MODEL, now=YEAR).report
    first = report.windows[0]
    assert sum(first.outcomes.values()) == first.labelled
    worth = {"true_positive": 10.0, "false_negative": -5.0}
    expected = 10 * first.outcomes["true_positive"] - 5 * first.outcomes["false_negative"]
    assert value_of(first.outcomes, worth) == pytest.approx(expected / first.labelled)
    assert json.dumps(to_record(report))
    (world.root / "orders.csv").write_text("when,what\n1,2\n")
    with pytest.raises(Invalid, match="orders"):
        monitor(world.project, MODEL, now=YEAR)
