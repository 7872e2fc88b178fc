"""Retries, timeouts, threads, devices, tags and Ctrl-C on real kernels (row 9)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
from mlflow import MlflowClient

from gristmill.events import CellFinished, CellStarted, Event, StepRetried, StepStarted
from gristmill.lineage import DvcRepo
from gristmill.project import Project
from gristmill.runner import RunRequest, RunResult, run
from gristmill.runner._interrupts import Interrupts
from tests.conftest import copied, write_notebook

pytestmark = pytest.mark.slow

SETTINGS = """
[steps.flaky]
retries = 2
backoff = "0.1s"
tags = ["quick"]
[steps.hangs]
timeout = "3s"
tags = ["slow"]
[steps.crawls]
cell_timeout = "2s"
tags = ["slow"]
[steps.counts]
cpus = 1
gpus = 1
tags = ["quick"]
[run]
gpus = 2
cpus = 4
workers = 4
"""
HEAD = "from gristmill import Input, Output\n"
ORPHAN = (
    "import signal, subprocess, sys\n"
    'code = \'import subprocess, sys; subprocess.Popen([sys.executable, "-c", '
    '"import signal; signal.pause()", "an orphan"])\'\n'
    "subprocess.run([sys.executable, '-c', code])\n"
)


@pytest.fixture(scope="module")
def world(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = copied(blank, tmp_path_factory.mktemp("policies") / "project")
    with open(root / "gristmill.toml", "a") as file:
        file.write(SETTINGS)
    write_notebook(
        root / "flaky.ipynb",
        HEAD + 'o: Output = "flaky.txt"\ntries: str = "/dev/null"',
        "n = int(open(tries).read() or 0) + 1\nopen(tries, 'w').write(str(n))\n"
        "import mlflow\nmlflow.log_metric('n', n)\nassert n == 3, n",
        "open(o, 'w').write(str(n))",
    )
    write_notebook(
        root / "hangs.ipynb",
        HEAD + 'o: Output = "hangs.txt"',
        ORPHAN,
        "signal.pause()",
    )
    write_notebook(
        root / "crawls.ipynb",
        HEAD + 'o: Output = "crawls.txt"',
        "import signal",
        "signal.pause()",
    )
    write_notebook(
        root / "counts.ipynb",
        HEAD + 'o: Output = "counts.json"',
        "import json, os\nnames = ('OMP_NUM_THREADS', 'CUDA_VISIBLE_DEVICES')\n"
        "json.dump([os.environ.get(n) for n in names], open(o, 'w'))",
    )
    write_notebook(root / "long.ipynb", HEAD + 'o: Output = "long.txt"', ORPHAN, "signal.pause()")
    return root


def orphans(root: Path) -> list[psutil.Process]:
    """What steps of this project have started and nobody has ended."""
    started = [p for p in psutil.process_iter(["cmdline", "cwd"]) if p.info["cwd"] == str(root)]
    return [p for p in started if "an orphan" in p.info["cmdline"]]


def go(root: Path, request: RunRequest) -> tuple[RunResult, list[Event]]:
    heard: list[Event] = []
    return run(Project.load(root), request, [heard.append]), heard


def test_a_flaky_step_is_tried_again_and_each_attempt_is_kept(world: Path, tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    tries.write_text("")
    result, heard = go(world, RunRequest(tags=("quick",), overrides={"flaky.tries": str(tries)}))
    assert result.ok
    assert sorted(result.steps) == ["counts", "flaky"]
    assert result.steps["flaky"].attempts == 3
    assert (world / "flaky.txt").read_text() == "3"
    retried = [e for e in heard if isinstance(e, StepRetried)]
    assert [(e.attempt, e.attempts, e.cell) for e in retried] == [(1, 3, 2), (2, 3, 2)]
    assert all("AssertionError" in Path(e.executed).read_text() for e in retried)
    assert retried[0].wait <= 0.125 < 0.15 <= retried[1].wait <= 0.25
    begun = [e.attempt for e in heard if isinstance(e, StepStarted) and e.step == "flaky"]
    assert begun == [1, 2, 3]
    assert json.loads((world / "counts.json").read_text()) == ["1", "0"]
    project = Project.load(world)
    client = MlflowClient(project.tracking_uri)
    experiment = client.get_experiment_by_name(project.experiment)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "tags.`gristmill.step` = 'flaky'")
    attempts = {
        (r.data.tags["gristmill.attempt"], r.info.status, r.data.metrics["n"]) for r in runs
    }
    assert attempts == {("1", "FAILED", 1), ("2", "FAILED", 2), ("3", "FINISHED", 3)}


def test_timeouts_say_what_took_too_long_and_leave_no_process(world: Path) -> None:
    result, _ = go(world, RunRequest(tags=("slow",)))
    assert result.status == "failed"
    hangs, crawls = result.steps["hangs"].error, result.steps["crawls"].error
    assert hangs is not None
    assert crawls is not None
    assert hangs.code == crawls.code == "step.timeout"
    assert hangs.message == "hangs.ipynb: the step took longer than 3 s."
    assert crawls.message == "crawls.ipynb: code cell 3 of 3 took longer than 2 s."
    assert "[steps.crawls]" in crawls.hint
    assert orphans(world) == []


def test_interrupted_from_another_thread_the_rest_is_cancelled(world: Path) -> None:
    interrupts = Interrupts()

    def stop(event: Event) -> None:
        if isinstance(event, StepStarted):
            interrupts.request()

    project = Project.load(world)
    result = run(project, RunRequest(targets=("crawls", "hangs"), workers=1), [stop], interrupts)
    assert result.status == "cancelled"
    assert {n: r.status for n, r in result.steps.items()} == {
        "crawls": "cancelled",
        "hangs": "cancelled",
    }


def test_a_second_signal_ends_at_once_and_leaves_nothing_open(world: Path) -> None:
    command = ["gristmill", "run", "long", "--json"]
    with subprocess.Popen(command, cwd=world, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["kind"] == "cell-started":
                break
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(60) == 130
    project = Project.load(world)
    client = MlflowClient(project.tracking_uri)
    experiment = client.get_experiment_by_name(project.experiment)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], "attributes.status = 'RUNNING'")
    assert not runs
    assert orphans(world) == []
    DvcRepo(world).close()
    assert os.path.getsize(world / ".gristmill/lock") == 0


@pytest.mark.parametrize("kernel", ["auto", "warm"])
def test_progress_counts_the_notebooks_own_cells(project_root: Path, kernel: str) -> None:
    write_notebook(
        project_root / "count.ipynb",
        HEAD + 'o: Output = "count.txt"\nn: int = 1',
        "",
        "open(o, 'w').write(str(n))",
    )
    result, heard = go(project_root, RunRequest(overrides={"count.n": 2}, kernel=kernel))
    assert result.ok
    begun = [(e.cell, e.cells, e.index) for e in heard if isinstance(e, CellStarted)]
    ended = [(e.cell, e.cells, e.index) for e in heard if isinstance(e, CellFinished)]
    assert begun == ended == [(1, 2, 1), (2, 2, 3)]
