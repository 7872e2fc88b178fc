"""What a step really reads and writes, on every kind of kernel (row 13)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nbformat
import pytest

from gristmill.authoring import lint
from gristmill.events import Event, Notice
from gristmill.project import Project
from gristmill.runner import RunRequest, run
from gristmill.warm._server.observe import EVENTS, _Hook
from gristmill.workspace import lineage_of
from tests.conftest import write_notebook

pytestmark = pytest.mark.slow

CELLS = (
    "from gristmill import Input, Output\nsrc: Input = 'data'\nout: Output = 'out.txt'\nn: int = 1",
    "import os, tempfile\nimport pandas as pd\nname = 'raw' + '.csv'",
    "frame = pd.read_csv('extra/' + name)\nopen('data/a.txt').read()",
    "open(out + '.tmp', 'w').write('x')\nos.replace(out + '.tmp', out)\nopen(out).read()\n"
    "with tempfile.TemporaryFile() as file:\n    file.write(b'x')\n"
    "open('extra/side%d.txt' % n, 'w').write('1')",
    "print(sorted(k for k in os.environ if 'OBSERVE' in k), open('extra/side1.txt').read())\n"
    "try:\n    open('nowhere.txt')\nexcept FileNotFoundError as error:\n    print(error.filename)",
)


@pytest.fixture
def project(project_root: Path) -> Project:
    write_notebook(project_root / "peek.ipynb", *CELLS)
    (project_root / "data").mkdir()
    (project_root / "data/a.txt").write_text("a")
    (project_root / "extra").mkdir()
    (project_root / "extra/raw.csv").write_text("a\n1\n")
    return Project.load(project_root)


def with_settings(project: Project, text: str) -> Project:
    path = project.root / "gristmill.toml"
    path.write_text(path.read_text() + text)
    return Project.load(project.root)


@pytest.mark.parametrize("kernel", ["auto", "warm", "fresh"])
def test_undeclared_files_are_told_with_their_cell(project: Project, kernel: str) -> None:
    heard: list[Event] = []
    result = run(project, RunRequest(kernel=kernel), [heard.append])
    assert result.ok, result
    read, wrote = [e.message for e in heard if isinstance(e, Notice)]
    assert "peek.ipynb, cell 4" in read
    assert "extra/raw.csv" in read
    assert "peek.ipynb, cell 5" in wrote
    assert "extra/side1.txt" in wrote
    lineage = lineage_of(project, "out.txt")
    assert lineage.undeclared == {"extra/raw.csv": "read", "extra/side1.txt": "write"}
    executed = nbformat.read(result.steps["peek"].executed, as_version=4)
    assert executed.cells[-1].outputs[0].text == "[] 1\nnowhere.txt\n"
    assert [c.execution_count for c in executed.cells[1:]] == [1, 2, 3, 4, 5, 6]
    messages = [f.message for f in lint(project, ["peek"])]
    for path in ("extra/raw.csv", "extra/side1.txt"):
        assert sum(path in message and "last run" in message for message in messages) == 1


def test_undeclared_files_fail_a_step_or_are_not_watched(project: Project) -> None:
    strict = with_settings(project, '\n[lint]\nundeclared = "error"\n')
    failed = run(strict).steps["peek"].error
    assert failed is not None
    assert failed.code == "step.undeclared"
    assert "extra/raw.csv" in failed.message
    text = (project.root / "gristmill.toml").read_text().replace('"error"', '"off"')
    (project.root / "gristmill.toml").write_text(text)
    heard: list[Event] = []
    result = run(Project.load(project.root), listeners=[heard.append])
    assert result.ok
    assert not any(isinstance(e, Notice) for e in heard)
    assert not list(project.state.glob(f"runs/{result.run}/*.files"))


def test_the_hook_never_raises_and_keeps_no_descriptor(tmp_path: Path) -> None:
    hook = _Hook(str(tmp_path / "no such directory" / "log"))
    for event in EVENTS:
        for args in ((), (None,), (3, "r", 0), (object(), object()), ("a\0b", "r", 0)):
            hook(event, args)
    log = tmp_path / "log"
    hook = _Hook(str(log))
    before = len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0
    hook("open", ("/data/outside.bin", "r", 0))
    hook("open", (b"/data/outside.bin", "r", 0))
    hook("open", ("/usr/share/x", "r", 0))
    hook("os.rename", ("/data/a", "/data/b", -1, -1))
    assert [json.loads(line)[:2] for line in log.read_text().splitlines()] == [
        ["read", "/data/outside.bin"], ["write", "/data/b"],
    ]  # fmt: skip
    after = len(list(Path("/proc/self/fd").iterdir())) if sys.platform == "linux" else 0
    assert after == before
