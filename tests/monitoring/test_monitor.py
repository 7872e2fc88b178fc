"""The verb `monitor` on a real model, real later flights, and everything that can go wrong."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime

import pandas as pd
import pytest

from gristmill.cli import main
from gristmill.errors import Conflict, Invalid, NotFound
from gristmill.files import exclusive_lock
from gristmill.monitoring import monitor, read_report
from gristmill.monitoring._repair.hindsight import in_hindsight
from gristmill.monitoring._settings import directory
from gristmill.monitoring._store.store import SketchStore
from gristmill.predictions import feedback_directory, predictions_directory

from .conftest import World
from .world import MODEL, flights

JULY = datetime(2013, 7, 1, tzinfo=UTC)


def test_months_are_judged_and_one_alert_stands_for_many_windows(world: World) -> None:
    for month in (4, 5, 6):
        world.month(month)
    first = monitor(world.project, MODEL, now=JULY)
    windows = first.report.windows
    table = flights()
    assert [f"{w.start:%Y-%m}" for w in windows] == ["2013-04", "2013-05", "2013-06"]
    for window, month in zip(windows, (4, 5, 6), strict=True):
        rows = table[table.scheduled.dt.month == month]
        assert window.rows == window.labelled == len(rows)
        assert window.closed and window.coverage == 1
        temp = next(f for f in window.drift.features if f.name == "temp")
        if month == 6:
            assert temp.drifted and temp.words.startswith("mean up")
        answers = world.answers(rows)
        brier = ((answers - rows.late) ** 2).mean()
        assert window.performance["brier"].value == pytest.approx(brier)
    assert {a.rule for a in first.alerts} >= {"quality", "prediction"}
    assert next(a for a in first.alerts if a.rule == "prediction").windows == 3
    assert {a.id for a in first.alerts} <= {a.id for a in first.opened}

    before = (directory(world.project, MODEL) / "report.json").read_bytes()
    journal = (directory(world.project, MODEL) / "alerts.jsonl").read_bytes()
    again = monitor(world.project, MODEL, now=JULY)
    assert again.report == first.report == read_report(world.project, MODEL)
    assert not again.opened
    assert (directory(world.project, MODEL) / "report.json").read_bytes() == before
    assert (directory(world.project, MODEL) / "alerts.jsonl").read_bytes() == journal


def test_a_window_that_runs_is_shown_and_alarms_only_when_it_ends(world: World) -> None:
    world.month(6)
    running = monitor(world.project, MODEL, now=datetime(2013, 6, 20, tzinfo=UTC))
    assert running.report.windows[0].drift.verdict == "watch"
    assert not running.report.windows[0].closed and not running.alerts
    assert monitor(world.project, MODEL, now=JULY).opened


def test_late_rows_labels_and_torn_lines_find_their_place(world: World) -> None:
    table = flights()
    april = table[table.scheduled.dt.month == 4]
    early, late = april.iloc[:1500], april.iloc[1500:]
    send = world.traffic.send
    send(early, version=1, prediction=world.answers(early), labels=False)
    assert monitor(world.project, MODEL, now=JULY).report.windows[0].labelled == 0
    world.month(5)
    monitor(world.project, MODEL, now=JULY)
    send(late, version=1, prediction=world.answers(late), tag="late")
    feedback = world.root / ".gristmill/feedback" / MODEL
    labels = [
        json.dumps({"request_id": f"r1-{i}", "time": "2026-01-01T00:00:00Z", "label": bool(v)})
        for i, v in enumerate(early.late)
    ]
    (feedback / "later.jsonl").write_text("\n".join([*labels, *labels[:9]]) + "\n" + labels[0][:9])
    predictions = world.root / ".gristmill/predictions" / MODEL
    whole = next(iter(sorted(predictions.glob("*.jsonl")))).read_text().splitlines()[0]
    whole = whole.replace("r1-0", "nobody-told")
    torn = predictions / "torn.jsonl"
    torn.write_text('not json at all\n{"version": 1}\n' + whole[:40])
    found = monitor(world.project, MODEL, now=JULY).report
    assert found.windows[0].rows == found.windows[0].labelled == len(april)
    assert found.damaged == 2
    with torn.open("a") as file:
        file.write(whole[40:] + "\n")
    found = monitor(world.project, MODEL, now=JULY).report
    assert found.windows[0].rows == len(april) + 1
    assert found.windows[0].labelled == len(april)


def test_a_label_may_come_before_its_prediction_is_read(world: World) -> None:
    rows = flights().iloc[9000:9200]
    world.traffic.send(rows, version=1, prediction=world.answers(rows))
    log = world.root / ".gristmill/predictions"
    log.rename(log.with_name("aside"))
    assert not monitor(world.project, MODEL).report.windows
    log.with_name("aside").rename(log)
    windows = monitor(world.project, MODEL).report.windows
    assert sum(w.labelled for w in windows) == 200


def test_two_at_once(world: World) -> None:
    with (
        exclusive_lock(directory(world.project, MODEL) / "lock", "monitoring"),
        pytest.raises(Conflict, match=str(os.getpid())),
    ):
        monitor(world.project, MODEL)


def test_windows_are_merges_of_the_same_hours(world: World) -> None:
    world.month(4)
    monitor(world.project, MODEL)
    days = monitor(world.project, MODEL, window="1d").report
    month = read_report(world.project, MODEL)
    assert sum(w.rows for w in days.windows) == month.windows[0].rows
    assert len(days.windows) in (30, 31)
    assert monitor(world.project, MODEL).report.windows == month.windows


def test_rows_of_a_version_nobody_registered_are_counted_as_unreadable(world: World) -> None:
    rows = flights().iloc[9000:9100]
    world.traffic.send(rows, version=7, prediction=world.answers(rows), labels=False)
    found = monitor(world.project, MODEL).report
    assert not found.windows and found.damaged == 100


def test_missing_and_strange_values_are_found(world: World) -> None:
    table = flights()
    rows = table[table.scheduled.dt.month == 2].sample(1500, random_state=1)
    broken = rows.assign(
        visib=rows.visib.mask(rows.index % 4 == 0),
        carrier=rows.carrier.where(rows.index % 10 != 0, "ZZ"),
    )
    world.traffic.send(broken, version=1, prediction=world.answers(rows), labels=False)
    (window,) = monitor(world.project, MODEL).report.windows
    drifted = {f.name: f.words for f in window.drift.features if f.drifted}
    assert "missing" in drifted["visib"]
    assert "never seen in training" in drifted["carrier"]
    assert "quality" in {f.rule for f in window.findings}


def test_figures_are_in_mlflow_once(world: World) -> None:
    import mlflow

    for month in (4, 5):
        world.month(month)
    for _ in range(2):
        monitor(world.project, MODEL)
    client = mlflow.MlflowClient(world.project.tracking_uri)
    experiment = client.get_experiment_by_name(f"{world.project.experiment}-monitoring")
    (run,) = client.search_runs([experiment.experiment_id])
    history = client.get_metric_history(run.info.run_id, "drift.share")
    assert [m.step for m in history] == [0, 1]
    assert client.get_metric_history(run.info.run_id, "roc_auc")


def test_command_line(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor", MODEL]) == 0
    assert "No predictions" in capsys.readouterr().out
    world.month(6)
    assert main(["monitor", MODEL, "--now", "2013-07-01"]) == 0
    shown = capsys.readouterr().out
    assert "2013-06-01" in shown and "temp: mean up" in shown and "prediction" in shown
    assert main(["monitor", MODEL, "--check"]) == 8
    capsys.readouterr()
    assert main(["monitor", MODEL, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["windows"][0]["verdict"] == "watch"
    assert main(["monitor", "nobody"]) == NotFound.exit_code
    assert main(["monitor", MODEL, "--window", "soon"]) == Invalid.exit_code


@pytest.mark.parametrize(
    "line", ['window = "0d"', 'by = "luck"', "share = 2.0", "judge = 0", 'metric = "f99"']
)
def test_bad_settings_are_named(world: World, line: str) -> None:
    text = (world.root / "gristmill.toml").read_text()
    settings = text.replace('[models.delay.monitoring]\nwindow = "month"', "")
    settings += f"\n[models.delay.monitoring]\n{line}\n"
    (world.root / "gristmill.toml").write_text(settings)
    with pytest.raises(Invalid):
        monitor(world.project, MODEL)


def test_the_store_keeps_what_was_counted(world: World) -> None:
    for month in (4, 5, 6):
        world.month(month)
    monitor(world.project, MODEL)
    counted = [(w.start, w.rows) for w in read_report(world.project, MODEL).windows]
    monitor(world.project, MODEL)
    assert [(w.start, w.rows) for w in read_report(world.project, MODEL).windows] == counted
    with SketchStore(directory(world.project, MODEL) / "sketches.db") as store:
        assert store.damaged() == 0
    assert pd.Timestamp(read_report(world.project, MODEL).windows[0].start).month == 4


def test_windows_and_hindsight_judge_the_same_rows(world: World) -> None:
    rows = world.month(4)
    monitor(world.project, MODEL, now=JULY)
    before = read_report(world.project, MODEL).windows[0]
    predictions = predictions_directory(world.project, MODEL)
    first = next(iter(predictions.glob("*.jsonl")))
    again = [json.loads(line) for line in first.read_text().splitlines()[:200]]
    changes = {"time": "2026-01-02T00:00:00.000000Z", "prediction": 0.99}
    retries = [json.dumps(a | changes) for a in again]
    (predictions / "retries.jsonl").write_text("\n".join(retries) + "\n")
    time = "2026-01-03T00:00:00.000000Z"
    corrected = [
        json.dumps({"request_id": f"r1-{i}", "time": time, "label": 1 - int(late)})
        for i, late in enumerate(rows.late[:300])
    ]
    feedback = feedback_directory(world.project, MODEL)
    (feedback / "corrected.jsonl").write_text("\n".join(corrected) + "\n")
    monitor(world.project, MODEL, now=JULY)
    window = read_report(world.project, MODEL).windows[0]
    found = in_hindsight(world.project, MODEL, 1, 1, window.start, "brier", 100)
    assert found.rows == window.rows == window.labelled == len(rows)
    assert found.champion == pytest.approx(window.performance["brier"].value)
    assert found.champion > before.performance["brier"].value
