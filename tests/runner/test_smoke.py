"""A smoke run exercises everything and touches nothing real (row 12)."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from mlflow import MlflowClient

from gristmill.project import Project
from gristmill.runner import RunRequest, RunResult, plan_run, run
from gristmill.runner._run import target_project
from gristmill.workspace import load_workspace
from tests.conftest import commit, shell, write_notebook

HEAD = "from gristmill import Input, Output\n"


def go(root: Path, *, smoke: bool) -> RunResult:
    return run(Project.load(root), RunRequest(smoke=smoke)).raise_for_status()


def digests(root: Path) -> dict[str, str]:
    """Every file outside the shadow, but what belongs to no run: caches of the looks taken."""
    digests = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        passing = (
            name.startswith((".git/", ".gristmill/smoke", ".dvc/tmp")) or "__pycache__" in name
        )
        if path.is_file() and not passing:
            digests[name] = hashlib.md5(path.read_bytes()).hexdigest()
    return digests


def stale(root: Path) -> tuple[str, ...]:
    project, request = target_project(Project.load(root), RunRequest(smoke=True))
    return plan_run(load_workspace(project, request.params), request).stale


@pytest.mark.slow
def test_a_smoke_run_is_apart_and_incremental(
    project_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = project_root
    (root / "raw").mkdir()
    (root / "raw/rows.txt").write_text("row\n" * 500)
    (root / "helper.py").write_text("def head(rows, n):\n    return rows[:n]\n")
    (root / "names.json").write_text("[]")
    (root / "params.smoke.yaml").write_text("take:\n  n: 5\n")
    write_notebook(
        root / "take.ipynb",
        HEAD + 'raw: Input = "raw"\nout: Output = "data/rows.txt"\nn: int = 400',
        "from helper import head\nopen('names.json').read()\n"
        "rows = head(open(f'{raw}/rows.txt').readlines(), n)\nopen(out, 'w').writelines(rows)",
    )
    write_notebook(
        root / "register.ipynb",
        HEAD + 'rows: Input = "data/rows.txt"\nout: Output = "data/count.txt"',
        "import mlflow\nclient = mlflow.MlflowClient()\n"
        "client.create_registered_model('rows')\n"
        "open(out, 'w').write(str(len(open(rows).readlines())))",
    )
    commit(root)
    go(root, smoke=False)
    before = digests(root)
    status = shell(root, "git", "status", "--short").stdout

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/team.db")
    result = go(root, smoke=True)
    assert {r.status for r in result.steps.values()} == {"succeeded"}
    inner = root / ".gristmill/smoke"
    assert (inner / "data/count.txt").read_text() == "5"
    assert (root / "data/count.txt").read_text() == "400"
    assert digests(root) == before
    assert not (tmp_path / "team.db").exists()
    assert shell(root, "git", "status", "--short").stdout == status
    assert "up to date" in shell(root, "dvc", "status").stdout
    assert "up to date" in shell(inner, "dvc", "status").stdout
    client = MlflowClient(Project.load(inner).tracking_uri)
    assert [m.name for m in client.search_registered_models()] == ["rows"]
    assert client.get_experiment_by_name(f"{root.name}-smoke") is not None

    assert stale(root) == ()
    assert {r.status for r in go(root, smoke=True).steps.values()} == {"fresh"}
    (root / "helper.py").write_text("def head(rows, n):\n    return rows[1:n]\n")
    (root / "names.json").unlink()
    (root / "raw/rows.txt").write_text("other\n" * 500)
    assert stale(root) == ("take", "register")
    assert not (inner / "names.json").exists()
    assert (inner / "raw").is_symlink()
    assert (root / "raw/rows.txt").read_text() == "other\n" * 500


def test_without_smoke_parameters_the_set_to_write_is_named(project_root: Path) -> None:
    write_notebook(project_root / "a.ipynb", HEAD + 'o: Output = "o"', "open(o, 'w')")
    for arguments in (["run", "--smoke"], ["status", "--smoke"]):
        done = shell(project_root, "gristmill", *arguments, check=False)
        assert done.returncode == 3
        assert "params.smoke.yaml" in done.stderr
