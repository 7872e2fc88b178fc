"""From alert to a new champion: what is decided, and the real run of it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gristmill.cli import main
from gristmill.errors import Conflict, Invalid
from gristmill.files import append_journal, exclusive_lock, read_journal
from gristmill.monitoring import (
    Alert,
    MonitorReport,
    Repair,
    WindowReport,
    monitor,
    read_repairs,
    repair,
)
from gristmill.monitoring._alerts.alerts import fold, next_records
from gristmill.monitoring._alerts.notifications import alert_messages
from gristmill.monitoring._repair.repair import next_repair, over_budget
from gristmill.monitoring._repair.undo import undoes
from gristmill.monitoring._settings import RetrainSettings, directory
from gristmill.monitoring._statistics.drift import WindowDrift
from gristmill.monitoring._windows.report import Finding
from gristmill.runner import RunRequest
from tests.waiting import eventually

from .conftest import World
from .world import MODEL, add_step, commit, flights

NOW = datetime(2013, 9, 1, tzinfo=UTC)
JULY = datetime(2013, 7, 1, tzinfo=UTC)
REGISTER = (
    'from gristmill import Input, Output\n\nmodel: Input = "models/best"\n'
    'scores: Input = "metrics.json"\nreference: Input = "data/reference.parquet"\n'
    'holdout: Input = "data/holdout.parquet"\nsaid: Output = "version.json"',
    "from pathlib import Path\nfrom gristmill import Project, register\n"
    f'done = register(Project.find(), "{MODEL}")\nPath(version_file).write_text(str(done.version))',
)


def window(month: int, *rules: str, version: int = 1, closed: bool = True) -> WindowReport:
    start = datetime(2013, month, 1, tzinfo=UTC)
    return WindowReport(
        start=start,
        end=datetime(2013, month + 1, 1, tzinfo=UTC),
        version=version,
        rows=1000,
        labelled=1000,
        closed=closed,
        basis="",
        drift=WindowDrift(1000, "drift" if rules else "stable", 0.5, (), None),
        performance={},
        findings=tuple(Finding(r, "warning", f"{r} happened") for r in rules),
    )


def run_of(*windows: WindowReport, champion: int = 1) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for i in range(len(windows)):
        records += next_records(MODEL, records, windows[: i + 1], champion, NOW)
    return records


def test_one_trouble_is_one_alert_until_it_ends() -> None:
    records = run_of(window(4, "drift"), window(5, "drift"), window(6), window(7, "drift"))
    first, second = fold(records).values()
    assert (first.state(NOW), first.windows, first.closing) == (
        "resolved",
        2,
        "the window from 2013-06-01 no longer shows it",
    )
    assert (second.state(NOW), second.windows) == ("open", 1)


def test_all_windows_at_once_or_one_after_another_tell_the_same() -> None:
    windows = [window(4, "drift"), window(5, "drift", "quality"), window(6), window(7, "drift")]
    once = next_records(MODEL, [], windows, 1, NOW)
    assert fold(once) == fold(run_of(*windows))
    assert next_records(MODEL, once, windows, 1, NOW) == []


def test_open_windows_say_nothing_and_a_new_champion_closes() -> None:
    assert run_of(window(4, "drift", closed=False)) == []
    (alert,) = fold(run_of(window(4, "drift"), champion=2)).values()
    assert (alert.state(NOW), alert.closing) == ("resolved", "version 2 is champion now")


def alert(**changes: Any) -> Alert:
    start = datetime(2013, 6, 1, tzinfo=UTC)
    values: dict[str, Any] = {
        "id": "a1",
        "model": MODEL,
        "version": 1,
        "rule": "drift",
        "severity": "warning",
        "reason": "much moved",
        "first": start,
        "last": start,
        "windows": 1,
        "opened": NOW,
    }
    return Alert(**{**values, **changes})


def done(outcome: str, number: int = 1, end: str = "2013-07-01", champion: int = 1) -> Repair:
    begin = (datetime.fromisoformat(end) - timedelta(days=90)).date().isoformat()
    return Repair(f"v{champion}-{number}", champion, ("a1",), "x", begin, end, NOW, outcome)


def decide(alerts: list[Alert], repairs: list[Repair], **settings: Any) -> Repair | None:
    report = MonitorReport(MODEL, "month", "roc_auc", NOW, (), (window(6, "drift"),))
    return next_repair(RetrainSettings(**settings), alerts, repairs, report, 1, NOW)


def test_what_is_decided() -> None:
    task = decide([alert()], [])
    assert task is not None
    assert (task.id, task.start, task.end) == ("v1-1", "2013-04-02", "2013-07-01")
    assert decide([], []) is None
    assert decide([alert(resolved=NOW)], []) is None
    assert decide([alert(version=2)], []) is None
    assert decide([alert(rule="quality")], []) is None
    assert decide([alert()], [done("kept")]) is None
    again = decide([alert()], [done("failed")])
    assert again is not None and again.id == "v1-2"
    assert decide([alert()], [done("gave-up")]) is None
    under_way = done("", number=7)
    assert decide([alert()], [under_way]) == under_way
    assert decide([alert()], [done("promoted", end="2013-06-01", champion=9)]) is not None
    earlier = [done("promoted", end="2013-06-15", champion=9)]
    assert decide([alert()], earlier, cooldown="30d") is None


def test_a_torn_journal_line_is_dropped_and_mended(tmp_path: Any) -> None:
    path = tmp_path / "journal.jsonl"
    append_journal(path, [{"a": 1}])
    with path.open("a") as file:
        file.write('{"a": 2')
    assert read_journal(path) == [{"a": 1}]
    append_journal(path, [{"a": 3}])
    assert read_journal(path) == [{"a": 1}, {"a": 3}]


def champion(world: World) -> int:
    from gristmill.registry import Registry

    return Registry(world.project).version(MODEL, "champion").version


def test_drift_leads_to_a_new_champion(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    from gristmill.registry import Registry

    for month in (4, 5, 6):
        world.month(month)
    assert main(["monitor", MODEL, "--now", "2013-07-01", "--repair"]) == 0
    assert "replaced version 1" in capsys.readouterr().out
    (outcome,) = read_repairs(world.project, MODEL)
    assert (outcome.outcome, outcome.version, outcome.end) == ("promoted", 2, "2013-07-01")
    version = Registry(world.project).version(MODEL, "champion")
    assert version.version == 2
    assert version.params["end"] == "2013-07-01"
    assert not monitor(world.project, MODEL, now=JULY).alerts
    assert repair(world.project, MODEL, now=JULY) is None
    assert main(["monitor", MODEL, "--now", "2013-07-01", "--repair"]) == 0
    assert "No open alert" in capsys.readouterr().out


def test_a_person_decides_where_the_policy_says_so(world: World) -> None:
    from gristmill.registry import Registry

    world.settings('approve = "person"\n')
    world.month(6)
    monitor(world.project, MODEL, now=JULY)
    outcome = repair(world.project, MODEL, now=JULY)
    assert outcome is not None and outcome.outcome == "waiting"
    assert f"gristmill model promote {MODEL} 2" in outcome.summary
    assert champion(world) == 1
    assert Registry(world.project).version(MODEL, "challenger").version == 2
    assert repair(world.project, MODEL, now=JULY) is None


def test_a_worse_model_never_replaces_the_champion(world: World) -> None:
    text = (world.root / "gristmill.toml").read_text().replace("value = 0.55", "value = 0.99")
    (world.root / "gristmill.toml").write_text(text)
    commit(world.root)
    world.month(6)
    monitor(world.project, MODEL, now=JULY)
    outcome = repair(world.project, MODEL, now=JULY)
    assert outcome is not None and outcome.outcome == "kept"
    assert "0.99" in outcome.summary and champion(world) == 1
    (heard,) = alert_messages(MODEL, "", [], [outcome], JULY)
    assert heard.severity == "warning" and "did not pass its gates" in heard.text


def test_a_run_that_fails_is_told_and_given_up_after_enough_tries(world: World) -> None:
    world.settings("attempts = 2\n")
    world.month(6)
    monitor(world.project, MODEL, now=JULY)
    (world.root / "flights.parquet").write_bytes(b"not parquet")
    first = repair(world.project, MODEL, now=JULY)
    assert first is not None and first.outcome == "failed" and "train.ipynb" in first.summary
    executed = [Path(word) for word in first.summary.split() if word.endswith("/train.ipynb")]
    assert executed and all(path.is_file() for path in executed), first.summary
    second = repair(world.project, MODEL, now=JULY)
    assert second is not None and second.outcome == "gave-up"
    assert repair(world.project, MODEL, now=JULY) is None
    assert champion(world) == 1


@pytest.mark.kill
def test_killed_repairs_are_resumed_and_nothing_is_double(world: World) -> None:
    from gristmill.registry import Registry

    world.month(6)
    monitor(world.project, MODEL, now=JULY)
    code = (
        "from datetime import datetime, UTC; from gristmill.project import Project\n"
        "from gristmill.monitoring import repair\n"
        f"repair(Project.find(), {MODEL!r}, now=datetime(2013, 7, 1, tzinfo=UTC))\n"
    )
    journal = directory(world.project, MODEL) / "repairs.jsonl"

    def reached(process: subprocess.Popen[bytes], step: str) -> bool:
        return process.poll() is not None or any(r["step"] == step for r in read_journal(journal))

    for step in ("began", "ran", "registered", "gated"):
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=world.root, stderr=subprocess.DEVNULL
        )
        eventually(partial(reached, process, step), every=0.005)
        process.kill()
        process.wait()
    repair(world.project, MODEL, now=JULY)
    (outcome,) = read_repairs(world.project, MODEL)
    assert outcome.outcome == "promoted"
    registry = Registry(world.project)
    assert [v.version for v in registry.versions(MODEL)] == [1, 2]
    moves = [e for e in registry.ledger.entries(MODEL) if e.alias == "champion"]
    assert [e.after for e in moves] == [1, 2]
    steps = [json.loads(line)["step"] for line in journal.read_text().splitlines()]
    assert steps.count("began") == steps.count("promoted") == 1

    doubles = world.project.state / "repairs" / MODEL
    assert list(doubles.iterdir()) == []
    run = doubles / "v1-1/.gristmill/runs/r-late"
    for left in (run, doubles / f".v1-1.{process.pid}.0.tmp/half"):
        left.mkdir(parents=True)
    assert repair(world.project, MODEL, now=JULY) is None
    assert list(doubles.iterdir()) == []
    assert (world.project.state / "runs/r-late").is_dir()


def test_two_repairs_at_once_and_no_policy(world: World) -> None:
    with (
        exclusive_lock(directory(world.project, MODEL) / "repair.lock", "a repair"),
        pytest.raises(Conflict),
    ):
        repair(world.project, MODEL)
    text = (world.root / "gristmill.toml").read_text().split("[models.delay.retrain]")[0]
    (world.root / "gristmill.toml").write_text(text)
    with pytest.raises(Invalid, match="retrain"):
        repair(world.project, MODEL)


def test_a_repair_leaves_what_a_person_edits_alone(world: World) -> None:
    """Half-made edits are neither trained with nor overwritten, and every step is in the ledger. A
    step that registers the model by itself makes no second version."""
    from gristmill.registry import Registry

    add_step(world.root, "record", REGISTER)
    commit(world.root)
    world.month(6)
    monitor(world.project, MODEL, now=JULY)
    book = world.root / "train.ipynb"
    book.write_text(book.read_text().replace("max_iter=300", "max_iter=this_is_half_made"))
    (world.root / "new.ipynb").write_text("{")
    kept = {p: p.stat().st_mtime_ns for p in world.root.rglob("*")
            if p.is_file() and ".gristmill" not in p.parts and ".git" not in p.parts}  # fmt: skip
    outcome = repair(world.project, MODEL, now=JULY)
    assert outcome is not None and outcome.outcome == "promoted", outcome
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    registry = Registry(world.project)
    version = registry.version(MODEL, "champion")
    assert version.lineage is not None and version.lineage.dirty is False
    assert "train" in version.origins
    assert (world.root / str(version.lineage.executed)).is_file()
    assert [v.version for v in registry.versions(MODEL)] == [1, 2]
    steps = [e.detail["event"] for e in registry.ledger.entries(MODEL, action="repair")]
    assert steps == ["began", "ran", "registered", "gated", "promoted"]


def test_a_repair_that_made_it_worse_is_taken_back(world: World) -> None:
    """Not before labelled rows show that the version before does better on them."""
    from gristmill.registry import champion as holder
    from gristmill.registry import promote, register

    world.settings("rollback = true\nmost = 1\n")
    world.month(6)
    monitor(world.project, MODEL, now=JULY)
    assert undoes(1, [], [alert(rule="performance")]) is None
    mended = replace(done("promoted", champion=1), version=2)
    assert undoes(2, [mended], [alert(rule="performance", version=2)]) == mended
    assert undoes(2, [mended], [alert(rule="drift", version=2)]) is None
    later = replace(done("promoted", champion=2), version=3)
    assert undoes(2, [mended, later], [alert(rule="performance", version=2)]) is None
    assert over_budget(RetrainSettings(most=1), [mended], JULY)
    assert not over_budget(RetrainSettings(most=1, per="30d"), [mended], NOW)

    first = holder(world.project, MODEL)
    assert first is not None
    (world.root / "models/best/note.txt").write_text("another")
    from gristmill.runner import run

    commit(world.root)
    shutil.rmtree(world.root / "models/best")
    few = {"train.start": "2013-04-29", "train.end": "2013-05-01"}
    run(world.project, RunRequest(overrides=few)).raise_for_status()
    second = register(world.project, MODEL).version
    promote(world.project, MODEL, second, reason="a repair", override=True)
    folder = directory(world.project, MODEL)
    begin = {"repair": "v1-1", "at": JULY.isoformat()}
    more = {"champion": 1, "alerts": ["x"], "trigger": "drift", "start": "2013-04-01"}
    append_journal(folder / "repairs.jsonl", [
        {**begin, "step": "began", **more, "end": "2013-05-01"},
        {**begin, "step": "registered", "version": second},
        {**begin, "step": "promoted", "summary": "x"},
    ])  # fmt: skip
    opened = {"event": "opened", "id": "bad", "model": MODEL, "version": second,
              "rule": "performance", "severity": "critical", "reason": "worse",
              "window": JULY.isoformat(), "at": JULY.isoformat()}  # fmt: skip
    append_journal(folder / "alerts.jsonl", [opened])
    messages: list[str] = []
    hear = [lambda event: messages.append(event.message)]
    assert repair(world.project, MODEL, now=JULY, listeners=hear) is None
    assert "0 labelled rows of version 2 since 2013-07-01" in messages[0]

    rows = flights()
    rows = rows[rows.scheduled.dt.month.isin([7, 8])]
    turned = rows[:150].assign(late=1 - rows.late[:150])  # as if version 2 knew better
    world.traffic.send(turned, version=second, prediction=np.zeros(150))
    assert repair(world.project, MODEL, now=JULY, listeners=hear) is None
    assert "version 2 stays: on 1" in messages[1]

    world.traffic.send(rows[150:], version=second, prediction=np.zeros(len(rows) - 150))
    outcome = repair(world.project, MODEL, now=JULY, listeners=hear)
    assert outcome is not None, messages
    assert outcome.outcome == "rolled-back" and len(messages) == 2
    assert "labelled rows since 2013-07-01 version 1 has roc_auc" in outcome.trigger
    back = holder(world.project, MODEL)
    assert back is not None and back.version == first.version
