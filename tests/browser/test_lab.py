"""The workbench in a real JupyterLab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.conftest import shell, write_notebook

from .lab import EXTENSION, PATIENCE, free_port, laboratory

AXE = EXTENSION.parents[2] / "extension/node_modules/axe-core/axe.min.js"

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
        "text = open(grain).read()\nstones = 'worn'",
        "assert stones != 'worn', 'the stones are ' + stones",
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


def word(page: Page, step: str) -> Locator:
    return page.locator(f'[data-step="{step}"] .gm-Word')


def faults(page: Page) -> list[str]:
    """What axe finds serious in the panel."""
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run('.gm-Panel')")
    return [
        f"{v['id']}: {node['html'][:120]}"
        for v in found["violations"]
        if v["impact"] in {"serious", "critical"}
        for node in v["nodes"]
    ]


def test_a_folder_becomes_a_project_by_a_click(page: Page, address: str, root: Path) -> None:
    page.goto(f"{address}/lab/tree/elsewhere?reset")
    page.get_by_text("Pipeline", exact=True).first.click()
    page.get_by_role("button", name="Make this folder a project").click()
    expect(page.get_by_role("heading", name="No steps yet")).to_be_visible()
    assert (root / "elsewhere/gristmill.toml").is_file()


def test_a_failure_is_looked_into_mended_and_resumed(
    page: Page, address: str, root: Path, tmp_path: Path
) -> None:
    page.goto(f"{address}/lab/tree/mill?reset")
    page.locator(".jp-LauncherCard", has_text="Pipeline").click()
    expect(word(page, "grow")).to_have_text("stale")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(word(page, "grind")).to_have_text("failed")
    expect(word(page, "grow")).to_have_text("fresh")
    expect(word(page, "bake")).to_have_text("skipped")
    page.reload()  # what was seen is seen again
    expect(word(page, "grind")).to_have_text("failed")
    page.locator('[data-step="grind"]').click()
    assert faults(page) == []
    page.screenshot(path=tmp_path / "light.png")
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
    assert faults(page) == []
    page.screenshot(path=tmp_path / "dark.png")

    page.get_by_role("button", name="Open its kernel").click()
    executed = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    failing = executed.locator(".jp-CodeCell.jp-mod-active")
    expect(failing.locator(".jp-OutputArea-output").first).to_contain_text("the stones are worn")
    expect(executed.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute(
        "data-status", "idle"
    )
    failing.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("print('it holds', stones, len(text))")
    page.keyboard.press("Control+Enter")
    expect(failing.locator(".jp-OutputArea-output").first).to_contain_text("it holds worn 3")

    page.get_by_role("tab", name="Pipeline").click()
    page.get_by_role("button", name="grind.ipynb", exact=True).click()
    source = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    cell = source.locator(".jp-CodeCell", has_text="the stones are").locator(".cm-content")
    cell.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("stones = 'sharp'")
    page.keyboard.press("ControlOrMeta+s")
    page.get_by_role("tab", name="Pipeline").click()
    page.get_by_label("Step grind").get_by_role("button", name="Resume").click()
    for step in ("grow", "grind", "bake"):
        expect(word(page, step)).to_have_text("fresh")
    assert (root / "mill/data/flour.txt").read_text() == "g" * 6

    write_notebook(root / "mill/eat.ipynb", "from gristmill import Input\nx: Input = 'loaves.json'")
    expect(word(page, "eat")).to_have_text("stale")
    shell(root / "mill", "gristmill", "run")  # elsewhere: it appears here
    expect(word(page, "eat")).to_have_text("fresh")
