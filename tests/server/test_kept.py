"""What runs left is read, with no output trusted, and nothing else is."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import pytest

from .conftest import Ask

RUN = "20260131-235959-0f3a"


@pytest.fixture
def runs(blank: Path, jp_root_dir: Path) -> Path:
    shutil.copytree(blank, jp_root_dir, dirs_exist_ok=True)
    folder = jp_root_dir / ".gristmill/runs" / RUN
    folder.mkdir(parents=True)
    cell = nbformat.v4.new_code_cell("1", metadata={"trusted": True})
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "grow.ipynb")
    (folder / "grow.log").write_text("printed\n")
    printing = nbformat.v4.new_code_cell("2")
    printing.outputs = [
        nbformat.v4.new_output("stream", text="one\n"),
        nbformat.v4.new_output("execute_result", data={"text/plain": "two"}),
        nbformat.v4.new_output("error", traceback=["\x1b[31mthree\x1b[0m"]),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=[cell, printing]), folder / "grind.ipynb")
    (folder / "run.json").write_text("{}")
    (folder / "way.log").symlink_to(jp_root_dir / "gristmill.toml")
    return folder


async def test_notebooks_and_logs_are_read(ask: Ask, runs: Path) -> None:
    status, model = await ask("GET", f"kept/{RUN}/grow.ipynb")
    assert (status, model["type"], model["writable"]) == (200, "notebook", False)
    assert model["content"]["cells"][0]["metadata"]["trusted"] is False
    status, model = await ask("GET", f"kept/{RUN}/grow.log")
    assert (status, model["content"]) == (200, "printed\n")
    status, model = await ask("GET", f"kept/{RUN}/grind.log")
    assert (status, model["name"]) == (200, "grind.log")
    assert model["content"] == "--- cell 2 ---\none\ntwo\nthree\n"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{RUN}/run.json", 403),
        (f"{RUN}/way.log", 403),
        (f"{RUN}/..%2F..%2F..%2Fgristmill.toml", 403),
        ("..%2F/x.log", 403),
        (f"{RUN}/absent.log", 404),
    ],
)
async def test_nothing_else_is(ask: Ask, runs: Path, path: str, status: int) -> None:
    got, error = await ask("GET", f"kept/{path}")
    assert got == status and error["code"].startswith("kept.")
