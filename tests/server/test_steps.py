"""The step editor's requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import write_notebook

from .conftest import Ask


@pytest.fixture
def mill(jp_root_dir: Path) -> Path:
    root = jp_root_dir / "mill"
    root.mkdir()
    (root / "gristmill.toml").write_text('[project]\nname = "mill"\nexclude = ["old/*"]\n')
    write_notebook(root / "sub/plain.ipynb", "n = 3", "f(depth=4)\nopen('a.txt')", step=False)
    write_notebook(root / "old/x.ipynb", "n = 3")
    return root


def document(path: Path) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads(path.read_text())
    return {"cells": raw["cells"], "metadata": raw["metadata"]}


async def test_an_open_notebook_is_edited_where_it_is_open(ask: Ask, mill: Path) -> None:
    path = mill / "sub/plain.ipynb"
    before = path.read_bytes()
    body: dict[str, Any] = {"notebook": "mill/sub/plain.ipynb", "document": document(path)}
    status, form = await ask("POST", "steps/form", body)
    assert (status, form["form"]["cell"], form["step"]) == (200, -1, "sub-plain")
    assert [s["name"] for s in form["suggestions"]] == ["depth", "a"]
    status, reply = await ask("POST", "steps/edits", {**body, "change": {"do": "init"}})
    assert (status, reply["written"], path.read_bytes() == before) == (200, False, True)
    assert reply["edits"] == [
        {"kind": "tag", "cell": 1, "before": "", "after": "", "tags": ["parameters"]}
    ]
    status, reply = await ask(
        "POST", "steps/edits", {"notebook": "/mill/sub/plain.ipynb", "change": {"do": "init"}}
    )
    assert (status, reply["written"], path.read_bytes() == before) == (200, True, False)
    status, reply = await ask("GET", "steps/paths", folder="mill", word="PLA")
    assert [p["path"] for p in reply["paths"]] == ["sub/plain.ipynb"]


@pytest.mark.parametrize(
    ("notebook", "change", "status", "code"),
    [
        ("mill/../../x.ipynb", {"do": "init"}, 403, "path.outside"),
        ("mill/none.ipynb", {"do": "init"}, 404, "step.not-found"),
        ("mill/old/x.ipynb", {"do": "init"}, 422, "step.not-listed"),
        ("x.ipynb", {"do": "init"}, 404, "project.not-found"),
        ("mill/sub/plain.ipynb", {"do": "fly"}, 422, "step.action"),
        ("mill/sub/plain.ipynb", {"do": "init", "to": "x"}, 422, "settings.unknown-key"),
        (
            "mill/sub/plain.ipynb",
            {"do": "set", "name": "x", "text": "1"},
            404,
            "parameter.not-found",
        ),
        ("mill/sub/plain.ipynb", {"do": "apply", "suggestion": "x"}, 404, "suggestion.not-found"),
        ("mill/sub/plain.ipynb", "init", 422, "settings.type"),
    ],
)
async def test_what_cannot_be_done_is_said(
    ask: Ask, mill: Path, notebook: str, change: Any, status: int, code: str
) -> None:
    got, error = await ask("POST", "steps/edits", {"notebook": notebook, "change": change})
    assert (got, error["code"]) == (status, code)


async def test_a_document_that_is_no_notebook_is_refused(ask: Ask, mill: Path) -> None:
    body = {"notebook": "mill/sub/plain.ipynb", "document": {"cells": 3}}
    assert (await ask("POST", "steps/form", body))[0] == 422
