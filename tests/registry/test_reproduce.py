"""A version made again from commit, DVC cache and lock file, by real kernels."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest

from gristmill.errors import GristmillError
from gristmill.project import Project
from gristmill.registry import Verdict, card, gate, list_versions, register, reproduce
from gristmill.tracking import mlflow_client

from ..conftest import commit, copied, edit_notebook, shell, write_notebook

pytestmark = pytest.mark.slow

SETTINGS = """
[project]
name = "tiny"
[models.line]
path = "models/line"
metrics = "metrics/line.json"
holdout = "data/holdout.parquet"
target = "y"
"""
TRAIN = """
import json, shutil
import mlflow.sklearn, pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression
table = pd.read_csv(rows)
x = table[["a"]] * scale
fitted = LinearRegression().fit(x, table.y)
shutil.rmtree(model, ignore_errors=True)
mlflow.sklearn.save_model(
    fitted, model, signature=infer_signature(x, fitted.predict(x)), input_example=x.head(2),
    pip_requirements=["scikit-learn"],
)
table.to_parquet(holdout)
json.dump({"slope": float(fitted.coef_[0])}, open(scores, "w"))
"""


def wheel(folder: Path) -> None:
    """A package that brings every package of these tests by a `.pth` file."""
    folder.mkdir()
    facts, near = "everything-1.0.dist-info", Path(nbformat.__file__).parents[1]
    files = {
        "everything.pth": f"{near}\n",
        f"{facts}/METADATA": "Metadata-Version: 2.1\nName: everything\nVersion: 1.0\n",
        f"{facts}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = "".join(f"{name},,\n" for name in [*files, f"{facts}/RECORD"])
    with zipfile.ZipFile(folder / "everything-1.0-py3-none-any.whl", "w") as archive:
        for name, text in {**files, f"{facts}/RECORD": lines}.items():
            archive.writestr(name, text)


@pytest.fixture(scope="module")
def made(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one version, trained with a parameter that only the run knew."""
    root = copied(blank, tmp_path_factory.mktemp("reproduce") / "tiny")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_KEYS", str(root.parent / "keys"))
        patch.setenv("GRISTMILL_DRIVER", "0")
        (root / "gristmill.toml").write_text(SETTINGS)
        wheel(root.parent / "wheels")
        lock = f"--no-index\n--find-links {root.parent / 'wheels'}\neverything==1.0\n"
        (root / "requirements.lock").write_text(lock)
        (root / "data").mkdir()
        (root / "data/raw.csv").write_text(
            "a,y\n" + "".join(f"{i}.5,{i * 2 + 1}.0\n" for i in range(9))
        )
        shell(root, "dvc", "add", "-q", "data/raw.csv")
        write_notebook(
            root / "clean.ipynb",
            "from gristmill import Input, Output\n"
            'raw: Input = "data/raw.csv"\nrows: Output = "data/rows.csv"',
            "import shutil\nshutil.copyfile(raw, rows)",
        )
        write_notebook(
            root / "train.ipynb",
            "from gristmill import Input, Metrics, Output\n"
            'rows: Input = "data/rows.csv"\nmodel: Output = "models/line"\n'
            'holdout: Output = "data/holdout.parquet"\nscores: Metrics = "metrics/line.json"\n'
            "scale: float = 1.0",
            TRAIN,
        )
        commit(root)
        shell(root, "gristmill", "run", "-p", "train.scale=2.0")
        register(Project.load(root), "line", actor="ada")
        commit(root)
    return root


@pytest.fixture
def project(made: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("GRISTMILL_KEYS", str(made.parent / "keys"))
    return Project.load(made)


def test_a_version_comes_out_the_same(project: Project, capfd: pytest.CaptureFixture[str]) -> None:
    """Even when the notebook was changed since and the working tree's data is gone."""
    from gristmill.cli import main

    edit_notebook(project.root / "clean.ipynb", lambda n: n.cells.pop())
    (project.root / "data/raw.csv").unlink()
    assert main(["-C", str(project.root), "model", "reproduce", "line", "1", "--json"]) == 0
    output = capfd.readouterr()
    result: dict[str, Any] = json.loads(output.out)
    assert (result["predictions"], result["metrics"], result["rows"]) == (
        "identical",
        "identical",
        9,
    )
    assert (result["steps"], result["environment"]) == (2, "the locked one")
    assert [w for w in output.err.splitlines() if w.startswith("running")] == [
        "running clean ...",
        "running train ...",
    ]
    assert not list(project.state.glob("reproduce-*"))
    assert len(shell(project.root, "git", "worktree", "list").stdout.splitlines()) == 1
    assert result["difference"] == ""
    shell(project.root, "git", "checkout", "-q", "clean.ipynb")


def test_another_result_is_told_by_its_first_difference(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lineage claims another parameter than the one that the model was trained with."""
    from gristmill.registry import _reproduce as room

    real = room.run_again

    def claimed(clean: Project, step: str, steps: Any, *rest: Any) -> Any:
        train = replace(steps["train"], params={"scale": 3.0})
        return real(clean, step, {**steps, "train": train}, *rest)

    monkeypatch.setattr(room, "run_again", claimed)
    result = reproduce(project, "line", 1)
    assert (result.predictions, result.metrics, result.same) == ("different", "different", False)
    assert result.difference.startswith("hold-out row ")
    assert "metrics/line.json of step train has other bytes" in result.artifacts


def test_another_environment_is_built_from_the_version_s_lock(
    project: Project, tmp_path: Path
) -> None:
    """uv builds it from the lock kept with the version, since the project's is a later one."""
    later = tmp_path / "later"
    shutil.copytree(project.root, later)
    (later / "requirements.lock").write_text("numpy==2.0\n")
    result = reproduce(Project.load(later), "line", 1, keep=True)
    assert result.environment.startswith("built from the version's lock file")
    assert result.same and result.steps == 2, result
    (place,) = (later / ".gristmill").glob("reproduce-*")
    assert list((place / "environment").rglob("everything.pth"))
    (executed,) = place.rglob("runs/*/train.ipynb")
    assert nbformat.read(executed, as_version=4).cells[-1].outputs == []


def test_what_is_missing_is_said(project: Project, tmp_path: Path) -> None:
    lost = tmp_path / "lost"
    shutil.copytree(project.root, lost)
    lock = lost / "requirements.lock"
    lock.write_text("numpy==2.0\n")
    environment = {"PATH": "/usr/bin:/bin"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", environment["PATH"])
        with pytest.raises(GristmillError, match="no uv to build"):
            reproduce(Project.load(lost), "line", 1)
    shutil.copy(project.root / "requirements.lock", lock)
    shutil.rmtree(lost / ".dvc" / "cache")
    with pytest.raises(GristmillError, match="dvc pull"):
        reproduce(Project.load(lost), "line", 1)


@pytest.fixture
def clone(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody else's clone, with the DVC remote (a path relative to the origin's `.dvc`, and one
    of the clone's own in `config.local`) and the MLflow store of the first."""
    origin = copied(made, tmp_path / "origin" / "tiny")
    shell(origin, "dvc", "remote", "add", "-q", "-d", "store", str(tmp_path / "store"))
    commit(origin)
    shell(origin, "dvc", "push", "-q", "--run-cache")
    root = tmp_path / "elsewhere" / "clone"
    root.parent.mkdir()
    shell(tmp_path, "git", "clone", "-q", str(origin), str(root))
    shell(root, "git", "config", "user.name", "Bo")
    shell(root, "git", "config", "user.email", "bo@example.org")
    moved = tmp_path / "elsewhere" / "store"
    (tmp_path / "store").rename(moved)
    shell(root, "dvc", "remote", "modify", "--local", "store", "url", "../store")
    monkeypatch.setenv("GRISTMILL_KEYS", str(tmp_path / "bo"))
    monkeypatch.setenv("GRISTMILL_DRIVER", "0")
    shutil.copy(made / ".gristmill/mlflow.db", tmp_path / "shared.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'shared.db'}")
    shell(root, "gristmill", "run", "--pull", "-p", "train.scale=2.0")
    return root


def test_a_clone_registers_what_was_run_elsewhere_and_makes_it_again(
    made: Path, clone: Path
) -> None:
    """The author is who trained; the parameters and the steps before are those of the run."""
    assert not list((clone / ".gristmill/runs").glob("*/*.lineage.json"))
    original = list_versions(Project.load(made), "line")[0]
    version = register(Project.load(clone), "line", actor="bo")
    assert (version.author, version.params) == (original.author, {"scale": 2.0})
    assert version.lineage == original.lineage
    assert (list(version.origins), version.missing()) == (["train", "clean"], ())
    shutil.rmtree(clone / ".dvc/cache")
    (clone / "data/raw.csv").unlink()
    result = reproduce(Project.load(clone), "line", version.version)
    assert (result.predictions, result.metrics) == ("identical", "identical")
    assert result.steps == 2


def test_the_version_s_mlflow_run_is_a_child_of_the_pipeline_s(made: Path) -> None:
    version = list_versions(Project.load(made), "line")[0]
    client = mlflow_client(Project.load(made))
    run = client.get_run(version.run_id)
    parent = client.get_run(run.data.tags["mlflow.parentRunId"])
    assert parent.data.tags["gristmill.run"] == version.lineage.run
    assert run.data.params["train.scale"] == "2.0"
    assert run.data.tags["gristmill.author"] == version.author


def test_what_nobody_recorded_is_unknown_and_fails_the_gate(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clone whose MLflow never saw the run."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'empty.db'}")
    settings = clone / "gristmill.toml"
    settings.write_text(settings.read_text() + '[[models.line.gates]]\nkind = "lineage"\n')
    project = Project.load(clone)
    version = register(project, "line", actor="bo")
    assert version.author == "unknown"
    assert version.unrecorded == ("clean",)
    assert {"author", "run", "run of step clean"} <= set(version.missing())
    report = gate(project, "line", version.version)
    assert {r.kind: r.verdict for r in report.results}["lineage"] == Verdict.FAIL
    with pytest.raises(GristmillError) as error:
        reproduce(project, "line", version.version)
    assert error.value.code == "reproduce.lineage"


def test_records_of_runs_may_go_once_a_version_is_registered(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRISTMILL_KEYS", str(made.parent / "keys"))
    root = copied(made, tmp_path / "later")
    shutil.rmtree(root / ".gristmill/runs")
    project = Project.load(root)
    assert re.search(r"train\.scale\W+2\b", card(project, "line", 1))
    assert reproduce(project, "line", 1).same


def test_tolerances_are_stated_per_metric_and_for_predictions(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The training set is scaled a little otherwise: what differs is within them, or named."""
    from gristmill.registry import _reproduce as room

    real = room.run_again

    def nearly(clean: Project, step: str, steps: Any, *rest: Any) -> Any:
        changed = dict(steps)
        train = changed["train"]
        changed["train"] = replace(train, params={"scale": 2.0000001})
        return real(clean, step, changed, *rest)

    monkeypatch.setattr(room, "run_again", nearly)
    assert reproduce(project, "line", 1).metrics == "within tolerance"
    strict = "[models.line.reproduce]\nmetrics = { slope = 0.0 }\n"
    raw = project.root / "gristmill.toml"
    before = raw.read_text()
    raw.write_text(before + strict)
    try:
        result = reproduce(Project.load(project.root), "line", 1)
    finally:
        raw.write_text(before)
    assert (result.metrics, result.same) == ("different", False)
    assert result.difference.startswith("metric slope")
