"""A notebook becomes a step, two runs are compared and a model is promoted, by clicks alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from .lab import EXTENSION, PATIENCE, free_port, laboratory
from .world import notebook, trained

pytestmark = pytest.mark.skipif(
    not EXTENSION.is_dir(), reason="the extension is not built: make extension"
)
CELLS = (
    "import pandas as pd\n\nTREES = 200  # how many trees vote",
    'flights = pd.read_parquet("data/reference.parquet")\n'
    'flights.sample(TREES, random_state=3).to_csv("data/sample.csv")',
    "print(forgotten)",
)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        toy = trained(root / "toy")
    settings = toy / "gristmill.toml"
    settings.write_text(settings.read_text().replace('["train.ipynb"]', '["*.ipynb"]'))
    notebook(toy / "explore.ipynb", *CELLS)
    return toy


@pytest.fixture(scope="module")
def address(toy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_KEYS", str(home / "keys"))
        patch.setenv("GRISTMILL_ACTOR", "ada@example.org")
        with laboratory(toy.parent, home / "home", free_port()) as found:
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


def test_a_notebook_becomes_a_step_in_the_open_document(
    page: Page, address: str, toy: Path
) -> None:
    before = (toy / "explore.ipynb").read_text()
    page.goto(f"{address}/lab/tree/toy/explore.ipynb?reset")
    page.locator(".jp-Notebook").wait_for()
    command(page, "gristmill:open-step")
    page.get_by_role("button", name="Make it a step").click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    page.get_by_role("button", name="Use TREES").click()
    page.get_by_role("button", name="Use reference").click()
    page.get_by_role("button", name="Use sample").click()
    expect(page.get_by_label("Default of sample")).to_have_value("data/sample.csv")
    trees = page.get_by_label("Default of TREES")
    trees.fill("many")
    trees.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("is not int")
    trees.fill("50")
    trees.press("Enter")
    name = page.get_by_label("Name of TREES")
    name.fill("trees")
    name.press("Enter")
    expect(page.get_by_label("Default of trees", exact=True)).to_have_value("50")
    expect(page.locator(".jp-Notebook .gm-error")).to_have_text("1: `forgotten` is not defined.")
    assert (toy / "explore.ipynb").read_text() == before
    command(page, "docmanager:save")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)
    saved = json.loads((toy / "explore.ipynb").read_text())
    sources = ["".join(c["source"]) for c in saved["cells"]]
    assert sources == [
        "from gristmill import Input, Output\n\ntrees: int = 50  # how many trees vote\n"
        'reference: Input = "data/reference.parquet"\nsample: Output = "data/sample.csv"',
        "import pandas as pd\n",
        "flights = pd.read_parquet(reference)\n"
        "flights.sample(trees, random_state=3).to_csv(sample)",
        "print(forgotten)",
    ]
    assert saved["cells"][0]["metadata"]["tags"] == ["parameters"]


def test_two_runs_are_compared_and_what_one_made_is_promoted(page: Page, address: str) -> None:
    page.goto(f"{address}/lab/tree/toy?reset")
    page.locator(".jp-DirListing-item").first.wait_for()
    command(page, "gristmill:open-runs")
    boxes = page.get_by_role("checkbox", name=re.compile("^Select "))
    expect(boxes).to_have_count(2)
    page.get_by_role("searchbox", name="Filter runs").fill("columns=ab")
    expect(boxes).to_have_count(1)
    page.get_by_role("searchbox", name="Filter runs").fill("")
    for box in (boxes.nth(0), boxes.nth(1)):
        box.check()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("row", name=re.compile("train.columns a ab"))).to_be_visible()
    command(page, "gristmill:open-models")
    page.get_by_role("button", name="Register").click()
    promote = page.get_by_role("button", name="Promote version 1")
    expect(promote).to_be_disabled()
    page.get_by_role("button", name="Judge version 1").click()
    expect(promote).to_be_enabled()
    promote.click()
    dialog = page.get_by_role("dialog", name="Make version 1 the champion of delay")
    expect(dialog.get_by_role("button", name="Promote")).to_be_disabled()
    dialog.get_by_label("Reason").fill("the first that is good")
    dialog.get_by_label("Reason").press("Enter")
    expect(page.locator("#gristmill-models").get_by_role("status")).to_contain_text(
        "champion is version 1 now"
    )
    page.get_by_role("button", name="Details of version 1").click()
    expect(page.get_by_text("the first that is good")).to_be_visible()
    command(page, "gristmill:open-alerts")
    expect(page.get_by_role("heading", name="Nothing fires")).to_be_visible()
    page.get_by_role("button", name="Open the dashboard of delay").click()
    frame = page.frame_locator("iframe[title='Dashboard: delay']")
    expect(frame.get_by_text("No window has been judged.")).to_be_visible()
