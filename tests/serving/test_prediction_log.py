"""The log keeps whole lines through death and full disks; reading joins, dedups and skips."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gristmill.predictions import LineLog, feedback_directory, predictions_directory, timestamp
from gristmill.predictions._reader import read_log
from gristmill.project import Project

START = datetime(2026, 1, 1, tzinfo=UTC)


def line(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "request_id": f"r{number}",
        "time": timestamp(START + timedelta(hours=number)),
        "event_time": None,
        "model": "m",
        "version": 1,
        "features": {"x": float(number), 'it\'s "odd"': "é"},
        "prediction": 0.5,
        "latency_ms": 1.0,
        **changes,
    }


def label(number: int, value: Any, minute: int = 0) -> dict[str, Any]:
    time = timestamp(START + timedelta(days=9, minutes=minute))
    return {"request_id": f"r{number}", "time": time, "label": value}


@pytest.fixture
def bare(tmp_path: Path) -> Project:
    return Project(tmp_path, {})


def test_nothing_logged_is_an_empty_window(bare: Project) -> None:
    log = read_log(bare, "m")
    assert len(log.rows) == 0
    assert "label" in log.rows.columns
    assert (log.torn, log.orphans) == (0, 0)


def test_labels_join_and_the_last_counts(bare: Project) -> None:
    LineLog(predictions_directory(bare, "m")).append([line(n) for n in range(4)])
    first, second = (LineLog(feedback_directory(bare, "m")) for _ in range(2))
    second.append([label(1, value=True, minute=5)])
    first.append([label(1, value=False), label(2, value=False), label(2, value=False)])
    first.append([label(99, value=True)])
    log = read_log(bare, "m")
    assert log.orphans == 1
    labelled = log.rows.dropna(subset="label").set_index("request_id")["label"]
    assert labelled.to_dict() == {"r1": True, "r2": False}
    assert list(log.features.columns) == ["x", 'it\'s "odd"']
    assert log.features["x"].tolist() == [0.0, 1.0, 2.0, 3.0]


def test_a_window_is_half_open_on_event_time_else_receipt(bare: Project) -> None:
    event = timestamp(START + timedelta(days=-30))
    LineLog(predictions_directory(bare, "m")).append(
        [line(0), line(1), line(2), line(3, event_time=event)]
    )
    naive = datetime(2026, 1, 1, 2)
    assert read_log(bare, "m", START, naive).rows["request_id"].tolist() == ["r0", "r1"]
    assert read_log(bare, "m", end=START).rows["request_id"].tolist() == ["r3"]


def test_a_request_id_sent_again_counts_once_with_its_first_answer(bare: Project) -> None:
    LineLog(predictions_directory(bare, "m")).append([line(1), line(2)])
    again = line(1, time=timestamp(START + timedelta(days=1)), prediction=0.9, version=2)
    LineLog(predictions_directory(bare, "m")).append([again])
    rows = read_log(bare, "m").rows.set_index("request_id")
    assert len(rows) == 2
    assert rows.loc["r1", "prediction"] == 0.5


@given(cut=st.integers(0, 400))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_file_cut_anywhere_loses_at_most_its_last_line(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    project = Project(tmp_path_factory.mktemp("cut"), {})
    LineLog(predictions_directory(project, "m")).append([line(1), line(2)])
    LineLog(predictions_directory(project, "m")).append([line(3)])
    path = sorted(predictions_directory(project, "m").iterdir(), key=lambda p: p.stat().st_size)[1]
    data = path.read_bytes()
    kept = data[: min(cut, len(data))]
    path.write_bytes(kept)
    whole = [part for part in kept.split(b"\n") if _whole(part)]
    # a lone bracket is no line to DuckDB
    torn = len([part for part in kept.split(b"\n") if part not in (b"", b"{")]) - len(whole)
    log = read_log(project, "m")
    assert len(log.rows) == len(whole) + 1
    assert log.torn == torn


def _whole(part: bytes) -> bool:
    try:
        json.loads(part)
    except ValueError:
        return False
    return True


def test_rotation_keeps_every_line(bare: Project) -> None:
    log = LineLog(predictions_directory(bare, "m"), max_bytes=1000)
    for number in range(30):
        log.append([line(number)])
    assert len(list(predictions_directory(bare, "m").iterdir())) > 3
    assert len(read_log(bare, "m").rows) == 30


FULL = """
import resource, sys
from pathlib import Path
from gristmill.errors import Unavailable
from gristmill.predictions import LineLog
log = LineLog(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
log.append([{"n": 1}])
try:
    log.append([{"n": 2, "long": "x" * 200}])
except Unavailable as problem:
    print(problem.code, problem.status)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.append([{"n": 3}])
"""


def test_a_write_that_does_not_fit_is_taken_back(tmp_path: Path) -> None:
    """A file size limit makes the kernel write a part of the line, as a full disk does."""
    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "log")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["serving.log", "503"]
    (file,) = (tmp_path / "log").iterdir()
    assert file.read_text() == '{"n":1}\n{"n":3}\n'


WRITER = """
import sys
from pathlib import Path
from gristmill.predictions import LineLog
log = LineLog(Path(sys.argv[1]))
n = 0
while True:
    log.append([{"n": n, "pad": "x" * 500}, {"n": n, "pad": "y" * 500}])
    print(n, flush=True)
    n += 1
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    while int(writer.stdout.readline()) < 500:
        pass
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged = [int(part) for part in writer.stdout.read().split("\n")[:-1] if part]
    writer.wait()
    (file,) = (tmp_path / "log").iterdir()
    lines = file.read_bytes().split(b"\n")
    logged = [json.loads(part)["n"] for part in lines[:-1]]
    assert logged.count(max([500, *acknowledged])) == 2
