"""Running a stranger's project from the command line (rows 4 to 7, 10, 14)."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from mlflow import MlflowClient

from gristmill.cli._commands import run_command
from gristmill.project import Project
from gristmill.workspace import lineage_of
from tests.conftest import commit, edit_notebook, shell, write_notebook
from tests.waiting import eventually

STEPS = ["make-data", "sub-deep-er-Big-Output", "sub-sum"]


def status(root: Path) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(shell(root, "gristmill", "status", "--json").stdout)
    return status


def stale(root: Path) -> list[str]:
    return [name for name, step in status(root)["steps"].items() if step["stale"]]


def dvc_is_clean(root: Path) -> bool:
    return "up to date" in shell(root, "dvc", "status").stdout


def test_a_strangers_project_from_first_run_to_every_kind_of_edit(strangers_project: Path) -> None:
    root = strangers_project
    before = status(root)
    assert sorted(before["steps"]) == STEPS
    assert before["not_steps"] == {"notes.ipynb": "no cell is tagged `parameters`"}
    assert sorted(stale(root)) == STEPS

    first = shell(root, "gristmill", "run")
    assert "3 ran" in first.stdout
    assert (root / "out/big.txt").read_text().startswith("0\n2\n")
    assert json.loads((root / "out/sum.json").read_text()) == {"total": 6}
    assert dvc_is_clean(root)
    assert stale(root) == []
    again = shell(root, "gristmill", "run")
    assert "nothing to do" in again.stdout
    assert len(list((root / ".gristmill/runs").iterdir())) == 1

    executed = next((root / ".gristmill/runs").glob("*/sub-deep-er-Big-Output.ipynb"))
    assert len(nbformat.read(executed, as_version=4).cells[2].outputs[0].text) == 2_000_001

    commit(root)
    notebook = root / "make data.ipynb"
    edit_notebook(notebook, lambda n: n.cells[0].update(source="# Other words"))
    edit_notebook(notebook, lambda n: n.cells[2].update(source="# why\n" + n.cells[2].source))
    assert stale(root) == []
    assert "nothing to do" in shell(root, "gristmill", "run").stdout
    assert dvc_is_clean(root)

    edit_notebook(notebook, lambda n: n.cells[2].update(source=n.cells[2].source + "\nz = 1"))
    assert status(root)["steps"]["make-data"]["reasons"] == ["its code changed"]
    third = shell(root, "gristmill", "run").stdout
    assert "1 ran, 2 " in third  # the data came out the same

    (root / "helper.py").write_text('"""Doc."""\n\ndef double(x):\n    return x + x  # same\n')
    assert sorted(stale(root)) == STEPS  # through the DAG: make-data and sum import it
    shell(root, "gristmill", "run")
    assert dvc_is_clean(root)


def test_dvc_alone_runs_the_same_steps_and_gristmill_agrees(strangers_project: Path) -> None:
    root = strangers_project
    shell(root, "gristmill", "sync")
    commit(root)
    shell(root, "dvc", "repro")
    assert stale(root) == []
    edit_notebook(
        root / "sub/sum.ipynb", lambda n: n.cells[2].update(source=n.cells[2].source + "\nz = 1")
    )
    assert "sub-sum" in shell(root, "dvc", "repro").stdout
    assert stale(root) == []
    commit(root)
    shell(root, "gristmill", "run", "-p", "make-data.n=4")
    assert "make-data" in shell(root, "dvc", "params", "diff").stdout
    edit_notebook(
        root / "sub/sum.ipynb",
        lambda n: n.cells[1].update(
            source=n.cells[1].source.replace("scale: float = 1", "scale: float = 3")
        ),
    )
    shell(root, "gristmill", "run")
    assert "18" in shell(root, "dvc", "metrics", "diff").stdout


def test_a_clone_reproduces_from_what_was_committed(
    strangers_project: Path, tmp_path: Path
) -> None:
    root = strangers_project
    shell(root, "gristmill", "run")
    shell(root, "dvc", "remote", "add", "-d", "store", str(tmp_path / "store"))
    commit(root)
    shell(root, "dvc", "push")
    shell(tmp_path, "git", "clone", "-q", str(root), "clone")
    clone = tmp_path / "clone"
    shell(clone, "dvc", "pull")
    assert stale(clone) == []
    (clone / "out/sum.json").unlink()
    shell(clone, "dvc", "repro", "--no-run-cache", "-f", "sub-sum")
    assert (clone / "out/sum.json").read_text() == (root / "out/sum.json").read_text()


def test_mlflow_has_a_parent_and_a_child_for_each_step(project_root: Path) -> None:
    root = project_root
    write_notebook(
        root / "train.ipynb",
        "from gristmill import Metrics, Plots\n"
        'scores: Metrics = "m/s.json"\ncurve: Plots = "m/c.csv"\ndepth: int = 3',
        "import json, mlflow\nmlflow.log_metric('mine', 7)\n"
        'json.dump({"auc": 0.75, "by": {"JFK": 1}}, open(scores, "w"))\n'
        'open(curve, "w").write("x,y\\n0,1\\n")',
    )
    commit(root)
    shell(root, "gristmill", "run", "-p", "train.depth=5")
    project = Project.load(root)
    client = MlflowClient(project.tracking_uri)
    experiment = client.get_experiment_by_name(project.experiment)
    assert experiment is not None
    runs = {r.info.run_name: r for r in client.search_runs([experiment.experiment_id])}
    child = runs.pop("train")
    (parent,) = runs.values()
    assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert child.data.params == {"depth": "5"}
    assert child.data.metrics == {"mine": 7, "auc": 0.75, "by.JFK": 1}
    assert child.info.status == parent.info.status == "FINISHED"
    files = {f.path for f in client.list_artifacts(child.info.run_id)}
    assert files == {"notebook", "plots", "lineage.json"}
    lineage = lineage_of(project, "m/s.json")
    assert lineage.commit == shell(root, "git", "rev-parse", "HEAD").stdout.strip()
    assert lineage.dirty is False
    assert lineage.author == "Ada <ada@example.org>"
    assert lineage.params == {"depth": 5}
    assert lineage.executed is not None
    assert (root / lineage.executed).is_file()

    # as a kill leaves it when all steps have run: nothing is stale, and MLflow's run is open
    client.update_run(parent.info.run_id, status="RUNNING")
    (project.state / "mlflow-run").touch()
    shell(root, "gristmill", "run", "-p", "train.depth=5")
    assert client.get_run(parent.info.run_id).info.status == "KILLED"


def test_a_failure_names_the_cell_keeps_the_notebook_and_skips_only_descendants(
    project_root: Path,
) -> None:
    root = project_root
    out = "from gristmill import Input, Output\n"
    write_notebook(root / "bad.ipynb", out + 'o: Output = "bad.txt"', "x = 1", "1 / 0")
    write_notebook(
        root / "after.ipynb", out + 'i: Input = "bad.txt"\no: Output = "after.txt"', "pass"
    )
    write_notebook(root / "forgets.ipynb", out + 'o: Output = "never.txt"', "pass")
    write_notebook(root / "good.ipynb", out + 'o: Output = "good.txt"', "open(o, 'w').write('1')")
    write_notebook(
        root / "dies.ipynb",
        out + 'o: Output = "dies.txt"',
        "open(o, 'w').write('half')\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    )
    done = shell(root, "gristmill", "run", check=False)
    assert done.returncode == 1
    assert "bad.ipynb, cell 4: ZeroDivisionError: division by zero" in done.stdout
    assert "bad did not succeed" in done.stdout
    assert "forgets.ipynb finished without writing never.txt" in done.stdout
    assert "dies.ipynb: the kernel died" in done.stdout
    assert "Traceback" not in done.stderr
    executed = next((root / ".gristmill/runs").glob("*/bad.ipynb"))
    assert nbformat.read(executed, as_version=4).cells[3].outputs[0].ename == "ZeroDivisionError"
    assert set(stale(root)) == {"bad", "dies", "forgets", "after"}
    edit_notebook(root / "bad.ipynb", lambda n: n.cells[3].update(source="open(o,'w').write('1')"))
    shell(root, "gristmill", "run", "bad")
    assert "bad" not in stale(root)


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["run", "-p", "make-data.n=ten"], 2, "parameter.type"),
        (["run", "-p", "make-data.m=1"], 2, "takes no parameter `m`"),
        (["run", "-p", "make.n=1"], 3, "there is no step `make`"),
        (["run", "-p", "n"], 2, "has no `=`"),
        (["run", "nothing"], 3, "there is no step `nothing`"),
        (["run", "--params", "huge"], 3, "params.huge.yaml"),
        (["init"], 4, "init.exists"),
    ],
)
def test_a_wrong_request_runs_nothing(
    strangers_project: Path,
    arguments: list[str],
    code: int,
    text: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run_command(["-C", str(strangers_project), *arguments]) == code
    stderr = capsys.readouterr().err
    assert text in stderr
    assert "hint" in stderr or arguments == ["init"]
    assert not (strangers_project / ".gristmill/runs").exists()


def test_a_missing_input_is_found_before_anything_runs(project_root: Path) -> None:
    write_notebook(
        project_root / "a.ipynb", 'from gristmill import Input\ni: Input = "data/gone.csv"', "1/0"
    )
    assert "missing: data/gone.csv" in shell(project_root, "gristmill", "status").stdout
    done = shell(project_root, "gristmill", "run", check=False)
    assert done.returncode == 3
    assert "a.ipynb, cell 2 reads data/gone.csv" in done.stderr


def test_outside_a_project_the_hint_is_init(tmp_path: Path) -> None:
    done = shell(tmp_path, "gristmill", "status", check=False)
    assert done.returncode == 3
    assert "gristmill init" in done.stderr


def test_parameter_sets_and_stages_of_the_users_own(strangers_project: Path) -> None:
    root = strangers_project
    (root / "params.yaml").write_text("make-data:\n  n: 7\n")
    (root / "params.small.yaml").write_text("make-data:\n  n: 2\n")
    (root / "dvc.yaml").write_text(
        "# mine\nstages:\n  greet:\n    cmd: echo hello\n    always_changed: true\n"
    )
    shell(root, "gristmill", "sync")
    text = (root / "dvc.yaml").read_text()
    assert "# mine" in text
    assert "greet" in text
    steps = json.loads(shell(root, "gristmill", "status", "--params", "small", "--json").stdout)
    assert steps["steps"]["make-data"]["params"] == {"n": 2}
    assert status(root)["steps"]["make-data"]["params"] == {"n": 7}


@pytest.fixture
def slow(project_root: Path, tmp_path: Path) -> Path:
    """Two steps; the first ends when somebody writes into the pipe `gate`, and can be killed at
    many places before."""
    os.mkfifo(tmp_path / "gate")
    write_notebook(
        project_root / "slow.ipynb",
        'from gristmill import Output\no: Output = "slow.txt"\nlines: int = 30',
        "import time\n"
        "with open(o, 'w') as f:\n"
        "    for i in range(lines):\n"
        "        print(i, file=f, flush=True)\n"
        "        time.sleep(0.02)  # a kill shall find it here\n"
        f"open({str(tmp_path / 'gate')!r}).read()",
    )
    write_notebook(
        project_root / "next.ipynb",
        'from gristmill import Input, Output\ni: Input = "slow.txt"\no: Output = "next.txt"',
        "open(o, 'w').write(str(len(open(i).read().split())))",
    )
    return project_root


def open_for_good(gate: Path) -> None:
    gate.unlink()
    gate.touch()


def test_two_runs_at_once_one_waits_or_refuses(slow: Path, tmp_path: Path) -> None:
    with subprocess.Popen(["gristmill", "run"], cwd=slow, stdout=subprocess.PIPE) as first:
        eventually((slow / "slow.txt").exists)
        refused = shell(slow, "gristmill", "run", "--no-wait", check=False)
        assert refused.returncode == 4
        assert "(process " in refused.stderr
        command = ["gristmill", "run"]
        with subprocess.Popen(command, cwd=slow, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdout is not None
            assert "waiting for gristmill run" in second.stdout.readline()
            (tmp_path / "gate").write_text("go on")
            assert "nothing to do" in second.stdout.read()
        assert (first.wait(60), second.wait(60)) == (0, 0)


def test_ctrl_c_leaves_everything_consistent(slow: Path, tmp_path: Path) -> None:
    with subprocess.Popen(["gristmill", "run"], cwd=slow, stdout=subprocess.PIPE) as first:
        eventually((slow / "slow.txt").exists)
        first.send_signal(signal.SIGINT)
        assert first.wait(60) == 130
    assert set(stale(slow)) == {"slow", "next"}
    open_for_good(tmp_path / "gate")
    shell(slow, "gristmill", "run")
    assert (slow / "next.txt").read_text() == "30"


@pytest.mark.kill
def test_killed_at_any_moment_the_next_run_completes(slow: Path, tmp_path: Path) -> None:
    root = slow
    open_for_good(tmp_path / "gate")
    shell(root, "gristmill", "run")
    began = time.monotonic()
    shell(root, "gristmill", "run", "-p", "slow.lines=10")
    longest = time.monotonic() - began
    moments = random.Random(7)
    for attempt in range(4):
        with subprocess.Popen(
            ["gristmill", "run", "-p", f"slow.lines={20 + attempt}"],
            cwd=root,
            stdout=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(moments.uniform(0.05, longest))
            process.kill()
        shell(root, "gristmill", "run", "-p", f"slow.lines={20 + attempt}")
        assert (root / "next.txt").read_text() == str(20 + attempt)
        assert dvc_is_clean(root)
    project = Project.load(root)
    client = MlflowClient(project.tracking_uri)
    experiment = client.get_experiment_by_name(project.experiment)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    # FAILED: the kernel of a killed command ended before the command noticed
    assert {r.info.status for r in runs} <= {"FINISHED", "KILLED", "FAILED"}
    assert not list((root / ".gristmill/runs").glob("*/*.kernel"))
