"""The loop of monitoring and repair, killed at random moments: what it did is there, once.

GRISTMILL_KILLS says how often (2), GRISTMILL_KILLS_SEED from which seed (printed).
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gristmill.files import read_journal
from gristmill.monitoring import monitor, read_repairs, read_report, unsent_messages
from gristmill.monitoring._alerts.alerts import journal_path as alerts_path
from gristmill.monitoring._repairs import journal_path as repairs_path
from gristmill.monitoring._settings import directory
from gristmill.project import Project
from gristmill.registry import Registry

from .conftest import World
from .test_routes import ROUTES, Receiver, receiver
from .world import MODEL

pytestmark = pytest.mark.kill

__all__ = ["receiver"]

JULY = datetime(2013, 7, 1, tzinfo=UTC)
KILLS = int(os.environ.get("GRISTMILL_KILLS", "2"))
SEED = int(os.environ.get("GRISTMILL_KILLS_SEED", "5"))
LOOP = (
    "import sys; from gristmill.cli import main\n"
    f"sys.exit(main(['monitor', {MODEL!r}, '--now', '2013-07-01', '--repair']))"
)


def begin(root: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", LOOP],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def agree(root: Path, receiver: Receiver, rows: int, attempts: list[str]) -> None:
    """What was counted, decided, written down and sent is there, and once."""
    project = Project.load(root)
    registry = Registry(project)
    windows = read_report(project, MODEL).windows
    assert [(w.rows, w.labelled) for w in windows] == [(rows, rows)], attempts

    (repair,) = read_repairs(project, MODEL)
    assert (repair.outcome, repair.version) == ("promoted", 2), attempts
    steps = [r["step"] for r in read_journal(repairs_path(project, MODEL))]
    assert [steps.count(s) for s in ("began", "registered", "promoted")] == [1, 1, 1], attempts
    assert [v.version for v in registry.versions(MODEL)] == [1, 2], attempts
    entries = registry.ledger.entries(MODEL)
    assert [e.after for e in entries if e.alias == "champion"] == [1, 2], attempts

    alerts = [(r["event"], r["id"], r.get("window")) for r in
              read_journal(alerts_path(project, MODEL))]  # fmt: skip
    assert alerts and len(alerts) == len(set(alerts)), attempts
    written = [(e.detail["event"], e.detail["about"]) for e in entries if e.action == "alert"]
    assert sorted(written) == sorted((event, about) for event, about, _ in alerts), attempts
    written = [e.detail["event"] for e in entries if e.action == "repair"]
    assert sorted(written) == sorted(steps), attempts

    client = registry.client
    experiment = client.get_experiment_by_name(f"{project.experiment}-monitoring")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    for name in run.data.metrics:
        assert len(client.get_metric_history(run.info.run_id, name)) == 1, (name, attempts)
    assert run.data.metrics["rows"] == rows

    folder = directory(project, MODEL)
    assert unsent_messages(project, MODEL, JULY) == [], attempts
    sent = [r["key"] for r in read_journal(folder / "deliveries.jsonl") if r["route"] == "ops"]
    heard = {json.loads(body)["key"] for path, _, body in receiver.heard if path == "/ops"}
    assert len(sent) == len(set(sent)), attempts
    assert {k for k in heard if not k.startswith("ledger/")} == set(sent), attempts
    assert [p.name for p in folder.iterdir() if p.name.endswith(".tmp")] == [], attempts
    assert list((project.state / "repairs" / MODEL).glob("*")) == [], attempts


@pytest.mark.timeout(600 + 120 * KILLS)
def test_whenever_it_is_killed_nothing_is_double_and_nothing_lost(
    world: World, receiver: Receiver, tmp_path: Path
) -> None:
    print(f"GRISTMILL_KILLS_SEED={SEED}")
    world.settings(ROUTES)
    rows = len(world.month(6))
    chance, longest = random.Random(SEED), 12.0
    kills = rounds = 0
    attempts: list[str] = []
    while kills < KILLS:
        rounds += 1
        root = tmp_path / f"{rounds}/project"
        shutil.copytree(world.root, root, symlinks=True)
        receiver.heard = []
        ended = False
        while kills < KILLS and not ended:
            process, moment, began = begin(root), chance.uniform(0.3, longest), time.monotonic()
            try:
                assert process.wait(moment) == 0, attempts
                ended, longest = True, max(1.0, time.monotonic() - began)
                attempts.append(f"ended in {longest:.2f} s")
            except subprocess.TimeoutExpired:
                victim = chance.choice(["the process", "its group"])
                stop = os.kill if victim == "the process" else os.killpg
                stop(process.pid, signal.SIGKILL)
                process.wait()
                kills += 1
                attempts.append(f"{victim} killed after {moment:.2f} s")
        if not ended:
            assert begin(root).wait() == 0, attempts
        monitor(Project.load(root), MODEL, now=JULY)
        agree(root, receiver, rows, attempts)
    print("; ".join(attempts))
