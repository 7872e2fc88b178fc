"""The workbench in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import shell, write_notebook

from .lab import EXTENSION, PATIENCE, free_port, laboratory

pytestmark = pytest.mark.skipif(
    not EXTENSION.is_dir(), reason="the extension is not built: make extension"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a project of three steps in it, and one without any."""
    root = tmp_path_factory.mktemp("served")
    (root / "elsewhere").mkdir()
    project = root / "mill"
    project.mkdir()
    shell(project, "gristmill", "init")
    write_notebook(
        project / "grow.ipynb",
        'from gristmill import Output\ngrain: Output = "data/grain.txt"\nn: int = 3',
        'open(grain, "w").write("g" * n)',
    )
    write_notebook(
        project / "grind.ipynb",
        "from gristmill import Input, Output\n"
        'grain: Input = "data/grain.txt"\nflour: Output = "data/flour.txt"\nfactor: int = 2',
        "text = open(grain).read()",
        'open(flour, "w").write(text * factor)',
    )
    write_notebook(
        project / "bake.ipynb",
        'from gristmill import Input, Metrics\nflour: Input = "data/flour.txt"\n'
        'loaves: Metrics = "loaves.json"',
        'import json\njson.dump({"loaves": len(open(flour).read())}, open(loaves, "w"))',
    )
    return root


@pytest.fixture(scope="module")
def address(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with laboratory(root, tmp_path_factory.mktemp("lab") / "home", free_port()) as found:
        yield found


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    expect.set_options(timeout=PATIENCE)
    page = browser.new_page(color_scheme="light", viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    broken: list[str] = []
    page.on("pageerror", lambda e: broken.append(str(e)))
    yield page
    page.close()
    assert not broken


def command(page: Page, name: str) -> None:
    page.evaluate(f"void window.jupyterapp.commands.execute('{name}')")


def test_a_folder_becomes_a_project_by_a_click(page: Page, address: str, root: Path) -> None:
    page.goto(f"{address}/lab/tree/elsewhere?reset")
    page.get_by_text("Pipeline", exact=True).first.click()
    page.get_by_role("button", name="Make this folder a project").click()
    expect(page.get_by_role("heading", name="elsewhere")).to_be_visible()
    assert (root / "elsewhere/gristmill.toml").is_file()
