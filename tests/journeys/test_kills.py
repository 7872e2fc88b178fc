"""Killed at any moment, wherever: the next run completes, and outputs, dvc.lock and MLflow agree.

GRISTMILL_KILLS says how many times (4: each kind of victim once), GRISTMILL_KILLS_SEED from which
seed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import psutil
import pytest
from mlflow import MlflowClient

from gristmill import Project, RunRequest, run
from gristmill.lineage import HashCache, LockFile
from gristmill.warm import stop_servers
from gristmill.warm._client import servers as warm_servers
from tests.conftest import commit, shell, write_notebook
from tests.waiting import eventually

pytestmark = pytest.mark.kill

KILLS = int(os.environ.get("GRISTMILL_KILLS", "4"))
SEED = int(os.environ.get("GRISTMILL_KILLS_SEED", "3"))
STEPS = ("a", "b", "c", "d")
# Each step takes long enough to be killed in the middle.
PAUSE = "import time\nfor _ in range(4):\n    time.sleep(0.02)\n"


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fork servers of this test alone, so that all may be killed."""
    folder = tempfile.mkdtemp(prefix="gm-")
    monkeypatch.setenv("GRISTMILL_RUNTIME_DIR", folder)
    yield
    stop_servers(kill=True)
    shutil.rmtree(folder)


@pytest.fixture
def diamond(project_root: Path, runtime: None) -> Path:
    """a -> b, c -> d; c needs a real kernel, because it awaits."""
    head = "from gristmill import Input, Metrics, Output\n"
    write_notebook(
        project_root / "a.ipynb",
        head + 'o: Output = "out/a"\nn: int = 1',
        f"{PAUSE}from pathlib import Path\nPath(o).mkdir(parents=True)\n"
        "for i in range(n):\n    Path(o, str(i)).write_text(str(i))",
    )
    for name, code in (("b", ""), ("c", "import asyncio\nawait asyncio.sleep(0)\n")):
        write_notebook(
            project_root / f"{name}.ipynb",
            head + f'i: Input = "out/a"\no: Output = "out/{name}.txt"',
            f"{code}{PAUSE}import os\nopen(o, 'w').write('{name}' + str(len(os.listdir(i))))",
        )
    write_notebook(
        project_root / "d.ipynb",
        head + 'b: Input = "out/b.txt"\nc: Input = "out/c.txt"\no: Metrics = "out/d.json"',
        f"{PAUSE}import json\n"
        "json.dump({'n': int(open(b).read()[1:]) + int(open(c).read()[1:])}, open(o, 'w'))",
    )
    commit(project_root)
    return project_root


def kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def kill_main(process: subprocess.Popen[bytes], _: random.Random) -> bool:
    return kill(process.pid)


def kill_server(_: subprocess.Popen[bytes], __: random.Random) -> bool:
    return sum(kill(server["pid"]) for server in warm_servers.servers()) > 0


def kill_kernel(process: subprocess.Popen[bytes], moments: random.Random) -> bool:
    """A child of a fork server, the next that there is: a kernel, a shell, or the command."""

    def children() -> list[int]:
        return [pid for server in warm_servers.servers() for pid in server["children"]]

    eventually(lambda: process.poll() is not None or children(), every=0.01)
    there = children()
    return bool(there) and kill(moments.choice(there))


def kill_all(process: subprocess.Popen[bytes], moments: random.Random) -> bool:
    return kill_server(process, moments) | kill_main(process, moments)


VICTIMS: tuple[Callable[[subprocess.Popen[bytes], random.Random], bool], ...] = (
    kill_main,
    kill_server,
    kill_kernel,
    kill_all,
)


@pytest.mark.timeout(300 + 60 * KILLS)
def test_whatever_is_killed_whenever_the_next_run_completes(diamond: Path) -> None:
    root, moments = diamond, random.Random(SEED)
    project = Project.load(root)
    first = time.monotonic()
    assert run(project, RunRequest(overrides={"a.n": 1})).ok
    longest = 1.5 * (time.monotonic() - first)
    began = time.monotonic()
    shell(root, "gristmill", "run", "-p", "a.n=2")
    longest = min(longest, 1.5 * (time.monotonic() - began))
    kills = []
    for attempt in range(KILLS):
        n = attempt % 7 + 3
        victim = VICTIMS[attempt % len(VICTIMS)]
        command = ["gristmill", "run", "--json", "-p", f"a.n={n}"]
        with subprocess.Popen(
            command, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            moment = moments.uniform(0.05, longest)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(moment)
            hit = victim(process, moments)
            process.wait(120)
        kills.append(f"{victim.__name__} after {moment:.2f} s of {longest:.2f} hit={hit}")
        result = run(project, RunRequest(overrides={"a.n": n}))
        assert result.ok, (kills, [s.error for s in result.steps.values()])
        agree(project, n, kills)
    assert dvc_clean(root)


def test_what_dvc_was_writing_when_it_was_killed_stops_no_run(diamond: Path) -> None:
    project = Project.load(diamond)
    assert run(project, RunRequest(overrides={"a.n": 1})).ok
    (diamond / ".dvc/tmp/rwlock").write_text('{"write": {"')
    assert run(project, RunRequest(overrides={"a.n": 2})).ok
    agree(project, 2, [])
    assert dvc_clean(diamond)


def dvc_clean(root: Path) -> bool:
    return "up to date" in shell(root, "dvc", "status").stdout


def agree(project: Project, n: int, kills: list[str]) -> None:
    """Outputs are what the code makes of `n`, and what dvc.lock and MLflow say they are."""
    root = project.root
    assert sorted(os.listdir(root / "out/a")) == sorted(map(str, range(n))), kills
    assert json.loads((root / "out/d.json").read_text()) == {"n": 2 * n}, kills
    lock = LockFile(root).stages
    hashes = HashCache(root, root / "no-cache")
    for step in STEPS:
        for output in lock[step]["outs"]:
            assert hashes.md5(output["path"]) == output["md5"], (kills, step)
    if kills and len(kills) % 4 == 0:
        assert dvc_clean(root), kills
    mlflow = MlflowClient(project.tracking_uri)
    experiment = mlflow.get_experiment_by_name(project.experiment)
    assert experiment is not None
    runs = mlflow.search_runs([experiment.experiment_id], max_results=5000)
    assert {r.info.status for r in runs} <= {"FINISHED", "FAILED", "KILLED"}, kills
    finished = {r.info.run_name: r for r in reversed(runs) if r.info.status == "FINISHED"}
    for step in STEPS:
        executed = sorted((root / ".gristmill/runs").glob(f"*/{step}.ipynb"))
        assert executed, (kills, step)
        assert step in finished, (kills, step)
    for path in (root / ".gristmill/runs").glob("*/*.ipynb"):
        nbformat.validate(nbformat.read(path, as_version=4))
    assert list((root / ".gristmill/runs").glob("*/*.kernel")) == [], kills
    assert list(root.rglob(".*.tmp")) == [], kills
    eventually(lambda: left_over(root) == [], 10)


def left_over(root: Path) -> list[str]:
    """Processes that work in the project; not the one that makes a server for later commands."""
    processes = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            command = process.cmdline()
            if Path(process.cwd()) == root and "gristmill.cli._driver" not in command:
                processes.append(f"{process.pid} {command[:4]}")
    return processes
