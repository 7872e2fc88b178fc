"""The pictures of JupyterLab in the README, from what `make demo` left: `python -m docs.pictures`.

It works on a copy of the demo, breaks a step there, and looks at every panel, light and dark.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.lab import PATIENCE, free_port, laboratory

HERE = Path(__file__).parent
SIZE = {"width": 1280, "height": 800}
RIGHT, WRONG = (f'pipeline[\\"{name}\\"].feature_importances_' for name in ("model", "forest"))

SWEEP = "forests"
METRIC = "metrics/evaluate.json:roc_auc"
GRID = ("-p", "train_forest.trees=10,20,40", "-p", "train_forest.leaf=20,80")


def command(page: Page, name: str) -> None:
    page.evaluate(f"void window.jupyterapp.commands.execute('{name}')")


def word(page: Page, step: str, text: str) -> None:
    expect(page.locator(f'[data-step="{step}"] .gm-Word')).to_have_text(text)


def pipeline(page: Page) -> None:
    command(page, "gristmill:open-pipeline")
    word(page, "train_forest", "stale")
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator('[data-step="train_forest"]').click()
    page.get_by_role("button", name="Open its kernel").wait_for()
    word(page, "evaluate", "skipped")


def step(page: Page) -> None:
    page.locator(".lm-TabBar-tab", has_text="train_forest").click()
    command(page, "gristmill:open-step")
    page.get_by_label("Default of trees", exact=True).wait_for()


def runs(page: Page) -> None:
    command(page, "gristmill:open-runs")
    page.get_by_label("Runs or trials of a sweep").select_option(SWEEP)
    page.get_by_role("button", name="Parallel").click()
    page.locator(".gm-Chart polyline").first.wait_for()


def difference(page: Page) -> None:
    boxes = page.locator("#gristmill-runs").get_by_role("checkbox", name="Select")
    for number in (0, 1):
        boxes.nth(number).check()
    page.get_by_role("button", name="Compare").click()
    page.locator("#gristmill-runs h3").first.wait_for()


def models(page: Page) -> None:
    command(page, "gristmill:open-models")
    page.get_by_role("button", name="Details of version").first.wait_for()


def alerts(page: Page) -> None:
    command(page, "gristmill:open-alerts")
    page.get_by_role("button", name="Resolved too").click()
    page.locator(".gm-Alert", has_text="resolved").first.wait_for()


def prepare(project: Path) -> None:
    """A sweep whose trials can be compared, a judged window, and then a step that fails."""

    def gristmill(*arguments: str) -> None:
        subprocess.run(
            [Path(sys.executable).parent / "gristmill", *arguments], cwd=project, check=True
        )

    gristmill("monitor", "flight-delay")
    gristmill("run")
    gristmill("sweep", *GRID, "--metric", METRIC, "--maximize", "--name", SWEEP)
    notebook = project / "train_forest.ipynb"
    notebook.write_text(notebook.read_text().replace(RIGHT, WRONG))


PICTURES: dict[str, Callable[[Page], None]] = {
    "pipeline": pipeline,
    "runs": runs,
    "diff": difference,
    "models": models,
    "alerts": alerts,
    "step": step,
}


def main(demo: Path, to: Path, names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        project = Path(temporary) / "flights"
        shutil.copytree(demo, project, symlinks=True)
        prepare(project)
        with laboratory(project, Path(temporary) / "home", free_port()) as address:
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            page = chromium.new_page(viewport=SIZE, color_scheme="light")
            page.set_default_timeout(PATIENCE)
            expect.set_options(timeout=PATIENCE)
            page.goto(f"{address}/lab/tree/train_forest.ipynb?reset")
            page.locator(".jp-Notebook").wait_for()
            for name in names:
                PICTURES[name](page)
                for scheme in ("light", "dark"):
                    page.emulate_media(color_scheme=scheme)
                    light = str(scheme == "light").lower()
                    page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")
                    page.wait_for_timeout(700)
                    picture = Image.open(BytesIO(page.screenshot()))
                    picture.quantize(256).save(to / f"lab-{name}-{scheme}.png", optimize=True)
                page.emulate_media(color_scheme="light")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", type=Path, default=HERE.parent / "demo/flights")
    parser.add_argument("--to", type=Path, default=HERE)
    parser.add_argument("names", nargs="*", choices=[*PICTURES, []])
    args = parser.parse_args()
    sys.exit(main(args.demo, args.to, args.names or list(PICTURES)))
