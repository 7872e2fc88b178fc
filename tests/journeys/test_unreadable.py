"""A notebook that cannot be read is an entry with its error, and the others work."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.authoring import lint
from gristmill.errors import Invalid
from gristmill.project import Project
from gristmill.runner import status, sync
from tests.conftest import shell, write_notebook

pytestmark = pytest.mark.timeout(240)


def text(content: str | bytes) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )


def notebook(**changes: Any) -> Callable[[Path], Any]:
    raw = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **changes}
    return text(json.dumps(raw))


def code(source: str, **metadata: Any) -> list[dict[str, Any]]:
    return [{"cell_type": "code", "source": source, "metadata": metadata}]


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(200 << 20)


def nowhere(path: Path) -> None:
    path.symlink_to(path.parent)


STRANGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "not JSON": (text("{"), "notebook.syntax"),
    "another shape": (text("[]"), "notebook.format"),
    "metadata of another shape": (notebook(metadata=[1]), "notebook.format"),
    "tags of another shape": (notebook(cells=code("1", tags=[{}])), "notebook.format"),
    "cells of another shape": (notebook(cells={"a": 1}), "notebook.format"),
    "half a character": (notebook(cells=code("x = '\ud800'")), "notebook.encoding"),
    "deep": (text('{"cells": ' + "[" * 100_000), "file.too-deep"),
    "deep code": (
        notebook(cells=code("x: int = 1", tags=["parameters"]) + code("x" + ".x" * 900)),
        "file.too-deep",
    ),
    "huge": (sparse, "file.too-large"),
    "not UTF-8": (text(b"\xff\xfe{}"), "file.encoding"),
    "a pipe": (os.mkfifo, "file.not-regular"),
    "a link to a directory": (nowhere, "file.unreadable"),
}


@pytest.fixture
def honest(project_root: Path) -> Path:
    write_notebook(
        project_root / "first.ipynb",
        'from gristmill import Output\nout: Output = "a.txt"',
        "open(out, 'w').write('1')",
    )
    return project_root


@pytest.mark.parametrize("kind", STRANGE)
def test_one_strange_notebook_is_an_entry_with_an_error(honest: Path, kind: str) -> None:
    make, code = STRANGE[kind]
    make(honest / "strange.ipynb")
    project = Project.load(honest)
    pipeline = status(project)
    assert list(pipeline.steps) == ["first"]
    assert {path: error["code"] for path, error in pipeline.errors.items()} == {
        "strange.ipynb": code
    }
    assert (("strange.ipynb", code)) in {(f.notebook, f.code) for f in lint(project)}
    assert list(status(project, "first").steps) == ["first"]
    for verb in (lambda: status(project, "strange"), lambda: sync(project)):
        with pytest.raises(Invalid) as caught:
            verb()
        assert caught.value.code == code


def test_a_folder_that_is_called_like_a_notebook_is_a_folder(honest: Path) -> None:
    write_notebook(honest / "folder.ipynb/second.ipynb", "n: int = 1")
    pipeline = status(Project.load(honest))
    assert (len(pipeline.steps), dict(pipeline.errors)) == (2, {})


def test_steps_run_that_do_not_need_it(honest: Path) -> None:
    for name, source in {"second": "a.txt", "other": ""}.items():
        reads = f'src: Input = "{source}"\n' if source else ""
        write_notebook(
            honest / f"{name}.ipynb",
            f'from gristmill import Input, Output\n{reads}out: Output = "{name}.txt"',
            "open(out, 'w').write('1')",
        )
    shell(honest, "gristmill", "run")
    whole = (honest / "first.ipynb").read_text()
    (honest / "first.ipynb").write_text("{")
    everything = shell(honest, "gristmill", "run", check=False)
    assert everything.returncode == Invalid.exit_code
    needs_it = shell(honest, "gristmill", "run", "second", "--force", check=False)
    assert needs_it.returncode == Invalid.exit_code
    shell(honest, "gristmill", "run", "other", "--force")
    (honest / "first.ipynb").write_text(whole)
    assert status(Project.load(honest)).stale == ()
