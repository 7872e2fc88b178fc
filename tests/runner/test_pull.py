"""Outputs from a DVC remote instead of another run (row 2): two clones and a directory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gristmill.events import Event, Notice
from gristmill.project import Project
from gristmill.runner import RunRequest, RunResult, run
from tests.conftest import commit, copied, shell, write_notebook

pytestmark = pytest.mark.slow

HEAD = "from gristmill import Input, Output\n"


@pytest.fixture(scope="module")
def origin(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that ran with n = 2 and then with n = 3, pushed to a remote."""
    top = tmp_path_factory.mktemp("pull")
    root = copied(blank, top / "a")
    (root / "raw.csv").write_text("1\n2\n")
    shell(root, "dvc", "add", "-q", "raw.csv")
    write_notebook(
        root / "make.ipynb",
        HEAD + 'raw: Input = "raw.csv"\nparts: Output = "parts"\nn: int = 2',
        "import os, uuid\nos.mkdir(parts)",
        "open(f'{parts}/a', 'w').write(open(raw).read() * n + uuid.uuid4().hex)",
    )
    write_notebook(
        root / "use.ipynb",
        HEAD + 'parts: Input = "parts"\no: Output = "o.txt"',
        "open(o, 'w').write(open(f'{parts}/a').read())",
    )
    shell(root, "dvc", "remote", "add", "-d", "store", str(top / "store"))
    go(root)
    shell(root, "dvc", "push", "-q")
    (root / "two.txt").write_text((root / "o.txt").read_text())
    go(root, n=3)
    commit(root)
    shell(root, "dvc", "push", "-q", "--run-cache")
    return root


def go(root: Path, n: int = 2, *, pull: bool = False) -> tuple[RunResult, str]:
    heard: list[Event] = []
    request = RunRequest(overrides={"make.n": n}, pull=pull)
    result = run(Project.load(root), request, [heard.append]).raise_for_status()
    return result, "\n".join(e.message for e in heard if isinstance(e, Notice))


@pytest.fixture
def clone(origin: Path, tmp_path: Path) -> Path:
    """A second clone, with a copy of the remote."""
    shutil.copytree(origin.parent / "store", tmp_path / "store")
    shell(tmp_path, "git", "clone", "-q", str(origin), "b")
    root = tmp_path / "b"
    shell(root, "dvc", "remote", "modify", "--local", "store", "url", str(tmp_path / "store"))
    return root


def statuses(result: RunResult) -> set[str]:
    return {r.status for r in result.steps.values()}


def same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


def test_a_clone_takes_what_was_pushed_and_runs_nothing(origin: Path, clone: Path) -> None:
    result, output = go(clone, 3, pull=True)
    assert statuses(result) == {"restored"}
    assert "fetching raw.csv" in output
    ignored = (origin / ".gitignore").read_text().split()
    assert len(ignored) == len(set(ignored))
    assert same(clone / "o.txt", origin / "o.txt")
    assert same(clone / "parts/a", origin / "parts/a")
    assert "up to date" in shell(clone, "dvc", "status").stdout
    assert shell(clone, "git", "status", "--short").stdout == ""
    result, output = go(clone, 2, pull=True)  # in the run cache only
    assert statuses(result) == {"restored"}
    assert "run cache" in output
    assert same(clone / "o.txt", clone / "two.txt")
    shutil.rmtree(clone / "parts")
    result, _ = go(clone, 2)
    assert result.steps["make"].status == "restored"
    assert "up to date" in shell(clone, "dvc", "status").stdout


def test_what_the_remote_spoilt_is_computed(origin: Path, clone: Path, tmp_path: Path) -> None:
    good = (origin / "o.txt").read_bytes()
    for file in (tmp_path / "store/files/md5").glob("*/*"):
        if file.read_bytes() == good:
            file.chmod(0o644)
            file.write_bytes(b"spoilt")
    result, _ = go(clone, 3, pull=True)
    assert "succeeded" in statuses(result)
    assert b"spoilt" not in (clone / "o.txt").read_bytes()
    assert (clone / "o.txt").read_text() == (clone / "parts/a").read_text()
    assert "up to date" in shell(clone, "dvc", "status").stdout


def test_a_remote_that_does_not_answer_is_named_once_and_not_needed(
    origin: Path, clone: Path
) -> None:
    shutil.copy(origin / "raw.csv", clone / "raw.csv")
    shell(clone, "dvc", "remote", "modify", "--local", "store", "url", "/dev/null/none")
    result, output = go(clone, 3, pull=True)
    assert statuses(result) == {"succeeded"}
    assert output.count("the DVC remote `store` failed") == 1
    (clone / "o.txt").unlink()
    shutil.rmtree(clone / ".dvc/cache")
    result, output = go(clone, 3)
    assert statuses(result) == {"fresh", "succeeded"}
    assert "gristmill run --pull" in output
