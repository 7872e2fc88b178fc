"""A project that cannot be read, or not in any time, harms itself: others are answered."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import write_notebook
from tests.test_documents import ALIASES, MERGES

from .conftest import Ask

pytestmark = pytest.mark.timeout(240)


def text(path: str, content: str) -> Callable[[Path], Any]:
    return lambda root: (root / path).write_text(content)


def globs(glob: str) -> Callable[[Path], Any]:
    return text("gristmill.toml", f'[project]\nnotebooks = ["{glob}"]\n')


def pipe(path: str) -> Callable[[Path], Any]:
    def plant(root: Path) -> None:
        (root / path).unlink(missing_ok=True)
        os.mkfifo(root / path)

    return plant


BOMBS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "glob": (globs("**/" * 20 + "x"), ""),
    "polynomial glob": (globs("**/*/" * 20 + "x"), ""),
    "thousands of wildcards": (globs("**/*" * 1000), "settings.globs"),
    "settings, deep": (text("gristmill.toml", "a = " + "[" * 100_000), "file.too-deep"),
    "settings, wide key": (text("gristmill.toml", ".".join("a" * 120_000)), "file.too-deep"),
    "lock, aliases": (text("dvc.lock", ALIASES), "file.aliases"),
    "lock, merges": (text("dvc.lock", MERGES), "file.aliases"),
    "lock, deep": (text("dvc.lock", "[" * 100_000), "file.too-deep"),
    "lock, a pipe": (pipe("dvc.lock"), "file.not-regular"),
    "parameters, deep": (text("params.yaml", "- " * 100_000), "file.too-deep"),
    "parameters, aliases": (text("params.yaml", ALIASES), "file.aliases"),
    "notebook, deep": (text("x.ipynb", "[" * 100_000), ""),
    "notebook, a pipe": (pipe("x.ipynb"), ""),
}


@pytest.fixture
def honest(jp_root_dir: Path) -> Path:
    root = jp_root_dir / "honest"
    write_notebook(root / "first.ipynb", "n: int = 1")
    (root / "gristmill.toml").write_text("")
    return root


@pytest.fixture
def hostile(jp_root_dir: Path) -> Path:
    root = jp_root_dir / "hostile"
    folder = root.joinpath(*["aaaa"] * 40)
    write_notebook(folder / "deep.ipynb", "n: int = 1")
    write_notebook(root / "first.ipynb", "n: int = 1")
    (root / "gristmill.toml").write_text("")
    return root


@pytest.mark.parametrize("kind", BOMBS)
async def test_another_project_is_answered(
    ask: Ask, honest: Path, hostile: Path, kind: str
) -> None:
    plant, code = BOMBS[kind]
    plant(hostile)
    bombs = [
        asyncio.ensure_future(ask("GET", verb, folder="hostile")) for verb in ("pipeline", "lint")
    ]
    status, view = await ask("GET", "pipeline", folder="honest")
    assert (status, [step["name"] for step in view["steps"]]) == (200, ["first"])
    (status, hostile_view), _ = await asyncio.gather(*bombs)
    assert hostile_view.get("code", "") == code
    assert (status == 200) == (code == "")
    if kind.startswith("notebook"):
        assert list(hostile_view["errors"]) == ["x.ipynb"]
        assert "first" in {step["name"] for step in hostile_view["steps"]}


@pytest.mark.parametrize("kind", ["a pipe", "too large", "deep"])
async def test_journals_that_cannot_be_read_keep_nobody_waiting(
    ask: Ask, jp_fetch: Callable[..., Any], honest: Path, hostile: Path, kind: str
) -> None:
    journal = hostile / ".gristmill/journals/20260101-000000-0000.jsonl"
    journal.parent.mkdir(parents=True)
    if kind == "a pipe":
        os.mkfifo(journal)
    elif kind == "deep":
        journal.write_text("[" * 100_000 + "\n")
    else:
        with journal.open("wb") as file:
            file.truncate(1 << 40)
    heard = asyncio.Event()

    def listen(chunk: bytes) -> None:
        if b"caught-up" in chunk:
            heard.set()

    stream = asyncio.ensure_future(
        jp_fetch(
            "gristmill",
            "events",
            params={"folder": "hostile"},
            streaming_callback=listen,
            request_timeout=0,
        )
    )
    try:
        await heard.wait()
        status, view = await ask("GET", "pipeline", folder="honest")
        assert (status, len(view["steps"])) == (200, 1)
    finally:
        stream.cancel()
