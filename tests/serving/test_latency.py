"""The gate `latency`: its interval, its verdicts, and a version measured in a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gristmill.errors import Invalid
from gristmill.files import hold_lock
from gristmill.predictions import predictions_directory
from gristmill.project import Project
from gristmill.registry import Evidence, Verdict
from gristmill.registry import gate as gate_promotion
from gristmill.serving._latency import FEWEST, Latency, quantile
from tests.waiting import eventually

GATE = f"""
[[models.delay.gates]]
kind = "latency"
milliseconds = 5000
requests = {FEWEST}
"""
JUDGE = """
import sys
from pathlib import Path
from gristmill.project import Project
from gristmill.registry import gate
gate(Project.load(Path(sys.argv[1])), "delay", 2, actor="ada")
"""


def test_the_interval_holds_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    true = float(-np.log(0.05))  # p95 of the exponential distribution
    missed = 0
    for _ in range(300):
        value, low, high = quantile(list(rng.exponential(size=FEWEST + 30)), 0.95)
        assert low is not None and high is not None and low <= value <= high
        missed += not low <= true <= high
    assert missed <= 27  # 15 expected at most; more has probability 0.002
    assert quantile([1.0] * FEWEST, 0.95)[2] == 1.0
    assert quantile([1.0] * (FEWEST - 1), 0.95)[2] is None
    assert quantile([1.0, 2.0], 0.01)[1] is None


def test_the_interval_decides_and_not_the_point() -> None:
    taken = np.linspace(0.010, 0.020, 200)
    for limit, verdict in (
        (25.0, Verdict.PASS),
        (19.55, Verdict.INCONCLUSIVE),
        (19.1, Verdict.FAIL),
        (12.0, Verdict.FAIL),
    ):
        gate = Latency(limit)
        measured = {"seconds": list(taken), "how": {"requests": 200}}
        result = gate.evaluate(Evidence(measured={repr(gate): measured}))
        assert result.verdict == verdict, result
        assert result.numbers["p50_low"] < result.numbers["p50"] < result.numbers["p50_high"]
    few = gate.evaluate(Evidence(measured={repr(gate): measured | {"seconds": [0.001] * 50}}))
    assert few.verdict == Verdict.INCONCLUSIVE
    assert gate.evaluate(Evidence(problem="no rows")).message == "no rows"
    with pytest.raises(Invalid, match="cannot bound"):
        Latency(10.0, requests=FEWEST - 1)


def declare(project: Project, text: str) -> Project:
    with (project.root / "gristmill.toml").open("a") as settings:
        settings.write(text)
    return Project.load(project.root)


@pytest.mark.slow
def test_a_version_is_measured_beside_the_champion(project: Project) -> None:
    """Version 2 on its input example, as there is no hold-out; nobody's log hears of it."""
    heard: list[str] = []
    report = gate_promotion(declare(project, GATE), "delay", 2, actor="ada", progress=heard.append)
    (latency,) = [r for r in report.results if r.kind == "latency"]
    assert latency.verdict == Verdict.PASS, latency
    numbers = latency.numbers
    assert numbers["requests"] == FEWEST
    assert 0 < numbers["p95_low"] <= numbers["p95"] <= numbers["p95_high"] < 5000
    assert "BentoML" in numbers["path"]
    assert any("starting delay version 2 at http://127.0.0.1:" in h for h in heard)
    assert not predictions_directory(project, "delay").exists()
    assert not list((project.state / "candidates").iterdir())
    record = json.loads((project.state / "candidate.lock").read_text())
    assert not Path(f"/proc/{record['pid']}").exists()


@pytest.mark.kill
def test_a_killed_judge_leaves_no_service_and_a_broken_one_cannot_be_judged(
    project: Project,
) -> None:
    declare(project, GATE)
    judge = subprocess.Popen([sys.executable, "-c", JUDGE, str(project.root)])
    lock = project.state / "candidate.lock"

    def begun() -> bool:
        assert judge.poll() is None
        return lock.exists() and bool(lock.read_text())

    eventually(begun)
    os.kill(judge.pid, signal.SIGKILL)
    judge.wait()
    with hold_lock(lock, wait=120):  # free when the last process of the service has ended
        pass
    settings = project.root / "gristmill.toml"
    settings.write_text(settings.read_text().replace("max_rows = 500", "max_rows = 0"))
    report = gate_promotion(Project.load(project.root), "delay", 2, actor="ada")
    (latency,) = [r for r in report.results if r.kind == "latency"]
    assert latency.verdict == Verdict.INCONCLUSIVE
    assert "max_rows = 0" in latency.message
    assert not list((project.state / "candidates").iterdir())
