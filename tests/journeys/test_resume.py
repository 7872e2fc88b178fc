"""The failed kernel stays (row 10): look inside, mend the notebook, go on from the failed cell."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import nbformat
import pytest
from jupyter_client import BlockingKernelClient
from mlflow import MlflowClient

from gristmill import Project, RunRequest, parked, resume, run
from gristmill.errors import NotFound
from gristmill.runner import ParkedKernels
from tests.conftest import edit_notebook, shell, write_notebook
from tests.waiting import alive, ended

COUNT = "open('counter.log', 'a').write('{}\\n')"


@pytest.fixture
def failing(project_root: Path) -> Path:
    """A step that fails at its third code cell, and one that needs it."""
    write_notebook(
        project_root / "make.ipynb",
        'from gristmill import Output\no: Output = "made.txt"\nfactor: int = 2',
        f"import mlflow\nslow = 20 * factor\nmlflow.log_metric('early', 1)\n{COUNT.format('slow')}"
        "\nprint('computed', slow)",
        f"{COUNT.format('third')}\nresult = slow + missing",
        "open(o, 'w').write(str(result))\nmlflow.log_metric('late', 2)\nprint('end', result)",
    )
    write_notebook(
        project_root / "after.ipynb",
        'from gristmill import Input, Output\ni: Input = "made.txt"\no: Output = "after.txt"',
        "open(o, 'w').write(open(i).read() + '!')",
    )
    return project_root


def mend(root: Path, source: str = "result = slow + 1", index: int = 3) -> None:
    edit_notebook(root / "make.ipynb", lambda n: n.cells[index].update(source=source))


def counted(root: Path) -> list[str]:
    return (root / "counter.log").read_text().split()


def test_fail_look_inside_mend_and_go_on(failing: Path) -> None:
    root = failing
    done = shell(root, "gristmill", "run", "--keep-failed", "-p", "make.factor=3", check=False)
    assert done.returncode == 1
    assert "`gristmill open make`" in done.stdout
    (listed,) = json.loads(shell(root, "gristmill", "open", "--list", "--json").stdout)
    assert (listed["step"], listed["cell"]) == ("make", 3)
    assert "make" in shell(root, "gristmill", "open", "--list").stdout
    file = shell(root, "gristmill", "open", "make", "--print").stdout.strip()
    client = BlockingKernelClient(connection_file=file)
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=20)
    reply = client.execute_interactive("x = slow", user_expressions={"slow": "slow"}, timeout=20)
    client.stop_channels()
    assert reply["content"]["user_expressions"]["slow"]["data"]["text/plain"] == "60"
    shell(root, "gristmill", "status")

    mend(root, "undefined_again")
    again = shell(root, "gristmill", "resume", check=False)
    assert again.returncode == 1
    assert "undefined_again" in again.stderr
    mend(root)
    edit_notebook(
        root / "make.ipynb", lambda n: n.cells[2].update(source="# why\n" + n.cells[2].source)
    )
    resumed = shell(root, "gristmill", "resume")
    assert "make goes on in its kernel from the failed cell" in resumed.stdout
    assert counted(root) == ["slow", "third"]
    assert (root / "after.txt").read_text() == "61!"
    assert "up to date" in shell(root, "dvc", "status").stdout
    assert ended(listed["pid"])
    assert parked(Project.load(root)) == []
    assert not Path(file).exists()

    executed = sorted((root / ".gristmill/runs").glob("*/make.ipynb"))[-1]
    notebook = nbformat.read(executed, as_version=4)
    sources = [c.source for c in notebook.cells]
    assert "slow = 20" in sources[3]
    assert notebook.cells[3].outputs[0].text == "computed 60\n"
    assert notebook.cells[-1].outputs[0].text == "end 61\n"
    assert all(c.metadata.papermill.status == "completed" for c in notebook.cells)
    assert notebook.metadata.gristmill.resumed.cell == 4
    project = Project.load(root)
    mlflow = MlflowClient(project.tracking_uri)
    experiment = mlflow.get_experiment_by_name(project.experiment)
    assert experiment is not None
    runs = mlflow.search_runs([experiment.experiment_id])
    (child,) = [r for r in runs if r.info.run_name == "make"]
    assert child.info.status == "FINISHED"
    assert {"early": 1, "late": 2}.items() <= child.data.metrics.items()
    parents = {r.info.run_id: r for r in runs if r.data.tags["gristmill.kind"] == "pipeline"}
    assert parents[child.data.tags["mlflow.parentRunId"]].info.status == "FINISHED"
    assert sum("gristmill.resumed-by" in p.data.tags for p in parents.values()) == 2
    assert {r.info.status for r in runs} == {"FINISHED", "FAILED"}


def test_what_changed_above_is_named_and_a_newer_run_takes_the_place(failing: Path) -> None:
    root = failing
    project = Project.load(root)
    with pytest.raises(NotFound) as nothing:
        resume(project)
    assert nothing.value.code == "kernel.not-parked"
    assert not run(project, RunRequest(keep_failed=True)).ok
    (first,) = parked(project)
    assert not run(project, RunRequest(keep_failed=True)).ok
    (second,) = parked(project)
    assert second.pid != first.pid
    assert ended(first.pid)
    assert alive(second.pid)
    mend(root)
    mend(root, f"import mlflow\nslow = 30\n{COUNT.format('slow')}", 2)
    notices: list[str] = []
    result = resume(
        project, "make", [lambda e: notices.append(e.message) if e.kind == "notice" else None]
    )
    assert result.ok
    assert "make runs from its beginning: cell 3 (code cell 2) changed." in notices
    assert (root / "after.txt").read_text() == "31!"
    assert counted(root).count("slow") == 3
    assert ended(second.pid)


def test_a_parked_kernel_outlives_its_run_but_not_its_lease(failing: Path) -> None:
    root = failing
    shell(root, "gristmill", "run", "--keep-failed", "make", check=False)
    project = Project.load(root)
    (kernel,) = parked(project)
    note = root / ".gristmill/runs" / kernel.run / "make.kernel"
    note.write_text(json.dumps({"pid": kernel.pid, "started": kernel.started}))
    write_notebook(
        root / "other.ipynb", 'from gristmill import Output\np: Output = "p"', "open(p, 'w')"
    )
    assert run(project, RunRequest(("other",))).ok
    assert alive(kernel.pid)
    path = ParkedKernels(project.state).path(kernel)
    os.utime(path, (time.time() - ParkedKernels.lease_seconds - 1,) * 2)
    assert ended(kernel.pid)
    assert not path.exists()
    assert parked(project) == []
