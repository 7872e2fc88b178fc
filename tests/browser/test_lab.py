"""The workbench in a real JupyterLab, by clicks and keys alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conftest import shell, write_notebook

from .lab import EXTENSION
from .walking import accessible, front, menu, notice, tab, word
from .world import notebook, trained

CELLS = (
    "import pandas as pd\n\nTREES = 200  # how many trees vote",
    'flights = pd.read_parquet("data/reference.parquet")\n'
    'flights.sample(TREES, random_state=3).to_csv("data/sample.csv")',
    "print(forgotten)",
)

pytestmark = pytest.mark.skipif(
    not EXTENSION.is_dir(), reason="the extension is not built: make extension"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder without a project, and one with a step that has run and a notebook that is none."""
    root = tmp_path_factory.mktemp("served")
    (root / "elsewhere").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        toy = trained(root / "toy", ("a",))
    (toy / "params.yaml").unlink()
    settings = toy / "gristmill.toml"
    settings.write_text(settings.read_text().replace('["train.ipynb"]', '["*.ipynb"]'))
    notebook(toy / "explore.ipynb", *CELLS)
    return root


def rewrite(page: Page, cell: Locator, source: str) -> None:
    cell.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(source)


def test_a_folder_becomes_a_project_by_a_click(page: Page, address: str, root: Path) -> None:
    page.goto(f"{address}/lab/tree/elsewhere?reset")
    page.locator(".jp-LauncherCard", has_text="Pipeline").click()
    page.get_by_role("button", name="Make this folder a project").click()
    expect(page.get_by_role("heading", name="No steps yet")).to_be_visible()
    accessible(page)
    assert (root / "elsewhere/gristmill.toml").is_file()


@pytest.mark.timeout(900)  # a story, with a project made and JupyterLab started
def test_a_notebook_becomes_a_step_that_fails_is_mended_and_ends_as_champion(
    page: Page, address: str, root: Path
) -> None:
    page.goto(f"{address}/lab/tree/toy/explore.ipynb?reset")
    front(page).wait_for()
    make_a_step(page, root / "toy")
    run_until_it_fails(page)
    mend_and_resume(page)
    compare_runs(page)
    promote(page)
    alerts(page)
    tab(page, "Pipeline")
    write_notebook(root / "toy/eat.ipynb", "from gristmill import Input\nx: Input = 'metrics.json'")
    expect(word(page, "eat")).to_have_text("stale")
    shell(root / "toy", "gristmill", "run")  # elsewhere: it appears here
    expect(word(page, "eat")).to_have_text("fresh")


def save(page: Page) -> None:
    """Until nothing is left to save: a kernel that has just started adds its language."""
    front(page).locator(".jp-Cell").first.click()
    for _ in range(60):
        page.keyboard.press("ControlOrMeta+s")
        page.wait_for_timeout(500)
        if not page.locator(".jp-mod-dirty").count():
            return
    expect(page.locator(".jp-mod-dirty")).to_have_count(0)


def make_a_step(page: Page, toy: Path) -> None:
    """The form changes the open document, only where it must, and says what is wrong with it."""
    before = (toy / "explore.ipynb").read_text()
    menu(page, "Step Editor")
    page.get_by_role("button", name="Make it a step").click()
    expect(page.get_by_text("None yet.")).to_be_visible()
    for name in ("TREES", "reference", "sample"):
        page.get_by_role("button", name=f"Use {name}").click()
    expect(page.get_by_label("Default of sample")).to_have_value("data/sample.csv")
    trees = page.get_by_label("Default of TREES")
    trees.fill("many")
    trees.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not of type int")
    trees.fill("50")
    trees.press("Enter")
    name = page.get_by_label("Name of TREES")
    name.fill("trees")
    name.press("Enter")
    expect(page.get_by_label("Default of trees", exact=True)).to_have_value("50")
    expect(front(page).locator(".gm-error")).to_have_text("1: `forgotten` is not defined.")
    accessible(page)
    assert (toy / "explore.ipynb").read_text() == before
    save(page)
    saved = json.loads((toy / "explore.ipynb").read_text())
    assert ["".join(c["source"]) for c in saved["cells"]] == [
        "from gristmill import Input, Output\n\ntrees: int = 50  # how many trees vote\n"
        'reference: Input = "data/reference.parquet"\nsample: Output = "data/sample.csv"',
        "import pandas as pd\n",
        "flights = pd.read_parquet(reference)\n"
        "flights.sample(trees, random_state=3).to_csv(sample)",
        "print(forgotten)",
    ]
    assert saved["cells"][0]["metadata"]["tags"] == ["parameters"]

    page.locator(".jp-DirListing-item", has_text="train.ipynb").dblclick()
    columns = page.get_by_label("Default of columns")
    columns.fill("ab")
    columns.press("Enter")
    expect(front(page).locator(".jp-Cell").first).to_contain_text('columns: str = "ab"')
    save(page)


def run_until_it_fails(page: Page) -> None:
    page.keyboard.press("Escape")
    page.keyboard.press("Alt+Shift+P")
    expect(word(page, "train")).to_have_text("stale")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(word(page, "explore")).to_have_text("failed")
    expect(word(page, "train")).to_have_text("fresh")
    page.reload()  # what was seen is seen again
    expect(word(page, "explore")).to_have_text("failed")
    page.locator('[data-step="train"]').focus()
    for key in ("ArrowRight", "ArrowDown"):  # whichever way the steps stand
        page.keyboard.press(key)
    expect(page.locator('[data-step="explore"]')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Step explore")).to_contain_text("forgotten")
    accessible(page)


def mend_and_resume(page: Page) -> None:
    page.get_by_role("button", name="Open its kernel").click()
    failing = front(page).locator(".jp-CodeCell.jp-mod-active")
    output = failing.locator(".jp-OutputArea-output").first
    expect(output).to_contain_text("forgotten")
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
    rewrite(page, failing, "print('it holds', trees, len(flights))")
    page.keyboard.press("Control+Enter")
    expect(output).to_contain_text("it holds 50 500")

    tab(page, "Pipeline")
    page.get_by_label("Step explore").get_by_role("button", name="explore.ipynb").click()
    rewrite(page, front(page).locator(".jp-CodeCell", has_text="print(forgotten)"), "print(trees)")
    with page.expect_response(lambda r: r.request.method == "PUT" and r.ok):
        page.keyboard.press("ControlOrMeta+s")
    tab(page, "Pipeline")
    page.get_by_label("Step explore").get_by_role("button", name="Resume").click()
    for step in ("train", "explore"):
        expect(word(page, step)).to_have_text("fresh")


def compare_runs(page: Page) -> None:
    menu(page, "Runs")
    boxes = page.get_by_role("checkbox", name=re.compile("^Select "))
    expect(boxes).to_have_count(3)
    find = page.get_by_role("searchbox", name="Filter runs")
    find.fill("columns=ab")
    expect(boxes).to_have_count(2)
    find.fill("metrics.roc_auc > 2")
    find.press("Enter")
    expect(page.get_by_role("heading", name="No matching runs")).to_be_visible()
    find.fill("")
    page.get_by_role("button", name="Parallel").click()
    accessible(page)
    boxes.first.check()
    boxes.last.check()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("row", name=re.compile("train.columns a ab"))).to_be_visible()
    accessible(page)


def promote(page: Page) -> None:
    menu(page, "Models")
    page.get_by_role("button", name="Register").click()
    button = page.get_by_role("button", name="Promote version 1")
    expect(button).to_be_disabled()
    page.get_by_role("button", name="Run gates on version 1").click()
    expect(button).to_be_enabled()
    button.click()
    dialog = page.get_by_role("dialog", name="Make version 1 the champion of delay")
    expect(dialog.get_by_role("button", name="Promote")).to_be_disabled()
    dialog.get_by_label("Reason").fill("the first that is good")
    dialog.get_by_label("Reason").press("Enter")
    expect(notice(page, "champion of delay is version 1")).to_be_visible()
    expect(page.locator("#gristmill-models")).to_contain_text("Version 1 is the champion.")
    page.get_by_role("button", name="Details of version 1").click()
    expect(page.get_by_text("the first that is good")).to_be_visible()
    accessible(page)


def alerts(page: Page) -> None:
    menu(page, "Alerts")
    expect(page.get_by_role("heading", name="No open alerts")).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="Open the dashboard of delay").click()
    frame = page.frame_locator("iframe[title='Dashboard: delay']")
    expect(frame.get_by_text("No window has been judged yet")).to_be_visible()
