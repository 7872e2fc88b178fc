"""The rest of the workbench: one step alone, the form, sweeps, a decision, alerts; also by keys."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from gristmill.monitoring import WindowReport
from gristmill.monitoring._alerts.alerts import update_alerts
from gristmill.monitoring._statistics.drift import WindowDrift
from gristmill.monitoring._windows.report import Finding
from gristmill.project import Project
from gristmill.registry import gate, register, request_approval
from tests.conftest import write_notebook

from .lab import EXTENSION, PATIENCE
from .walking import accessible, front, menu, notice, reach, tab, word
from .world import notebook, trained

# A cell has no helper of ours to wait with.
GRIND = (
    """from typing import Literal
from gristmill import Input, Metrics, Output
grain: Input = "metrics.json"
flour: Output = "flour.txt"
fineness: Metrics = "fineness.json"
stones: Literal["coarse", "fine"] = "fine"
turns: int = 3""",
    """from pathlib import Path
import json, time
print("the mill turns", turns)
while not Path("data/go").exists():
    time.sleep(0.05)""",
    """Path(flour).write_text(stones * turns)
Path(fineness).write_text(json.dumps({"fineness": turns}))""",
)
APPROVALS = "[models.delay.approvals]\nrequired = 1\n"
TROUBLES = (
    Finding("performance", "critical", "ROC AUC is 0.61; its baseline is 0.73."),
    Finding("drift:a", "warning", "a has drifted."),
)

pytestmark = [
    pytest.mark.skipif(not EXTENSION.is_dir(), reason="the extension is not built: make extension"),
    pytest.mark.timeout(900),  # JupyterLab and kernels, on a machine that has much to do
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that waits for a decision and has two alerts, a step that has never run and waits for
    a file, and a notebook that is no step."""
    root = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.setenv("GRISTMILL_KEYS", f"{root}-keys")
        patch.setenv("GRISTMILL_ACTOR", "eve@example.org")
        toy = trained(root / "toy", ("a",))
        settings = toy / "gristmill.toml"
        text = settings.read_text().replace('["train.ipynb"]', '["*.ipynb"]')
        settings.write_text(text + APPROVALS)
        project = Project.load(toy)
        version = register(project, "delay").version
        gate(project, "delay", version)
        request_approval(project, "delay", version, reason="the model of March")
    (toy / "params.yaml").unlink()
    drift = WindowDrift(3000, "drift", 0.5, (), None)
    windows = [
        WindowReport(
            datetime(2026, month, 1, tzinfo=UTC), datetime(2026, month + 1, 1, tzinfo=UTC),
            1, 3000, 2000, True, str(month), drift, {}, TROUBLES,
        )
        for month in (4, 5)
    ]  # fmt: skip
    update_alerts(project, "delay", windows, 1, datetime(2026, 6, 1, tzinfo=UTC))
    write_notebook(toy / "grind.ipynb", *GRIND)
    notebook(toy / "notes.ipynb", "DEPTH = 4\nopen('data/notes.txt', 'w').write('x' * DEPTH)")
    return root


def test_a_step_runs_alone_is_cancelled_and_forced_and_what_it_left_is_opened(
    page: Page, address: str, root: Path
) -> None:
    page.goto(f"{address}/lab/tree/toy?reset")
    page.locator(".jp-LauncherCard", has_text="Pipeline").click()
    page.locator('[data-step="grind"]').click(button="right")
    page.get_by_role("menuitem", name="Run Only This", exact=True).click()
    expect(word(page, "grind")).to_have_text("running")
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(word(page, "grind")).to_have_text("stale")
    expect(word(page, "train")).to_have_text("fresh")

    (root / "toy/data/go").touch()
    page.locator('[data-step="grind"]').click()
    details = page.get_by_label("Step grind")
    details.get_by_role("button", name="Run to here").click()
    expect(word(page, "grind")).to_have_text("fresh")
    before = details.locator(".gm-quiet").inner_text()
    details.get_by_role("button", name="Run again").click()
    expect(details.locator(".gm-quiet")).not_to_have_text(before)
    expect(word(page, "grind")).to_have_text("fresh")

    opened = page.locator(".jp-MainAreaWidget:not(.lm-mod-hidden) .jp-FileEditor")
    for name, said in (("log", "the mill turns 3"), ("flour.txt", "finefinefine")):
        details.get_by_role("button", name=name, exact=True).click()
        expect(opened).to_contain_text(said)
        tab(page, "Pipeline")
    details.get_by_role("button", name="notebook", exact=True).click()
    expect(front(page)).to_contain_text("the mill turns 3")
    tab(page, "Pipeline")
    page.locator('[data-step="train"]').click()
    page.get_by_role("button", name="models/best").click()
    expect(page.locator(".jp-DirListing-item", has_text="MLmodel")).to_be_visible()
    page.get_by_role("button", name="data/holdout.parquet").click()  # is no text: pointed at
    expect(page.locator(".jp-DirListing-item.jp-mod-selected")).to_contain_text("holdout.parquet")


def test_the_form_by_keys(page: Page, address: str) -> None:
    page.goto(f"{address}/lab/tree/toy/notes.ipynb?reset")
    front(page).locator(".jp-Cell").first.wait_for()
    menu(page, "Step Editor")
    panel = page.locator("#gristmill-step")
    panel.get_by_role("button", name="Make it a step").focus()
    page.keyboard.press("Enter")
    expect(panel.get_by_text("None yet.")).to_be_visible()
    reach(page, panel.get_by_role("button", name="Use DEPTH"))
    page.keyboard.press("Enter")
    expect(panel.get_by_label("Default of DEPTH")).to_have_value("4")
    panel.get_by_role("button", name="Use notes").focus()
    page.keyboard.press("Enter")
    path = panel.get_by_label("Default of notes")
    expect(path).to_have_value("data/notes.txt")
    reach(page, path, "Shift+Tab")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("flou")
    expect(panel.locator('datalist option[value="flour.txt"]')).to_have_count(1)
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("../elsewhere.txt")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("alert")).to_contain_text("not a path inside the project")
    expect(front(page).locator(".jp-Cell").first).to_contain_text('"data/notes.txt"')

    page.locator(".jp-DirListing-item", has_text="grind.ipynb").dblclick()
    expect(front(page).locator(".gm-parameters")).to_have_attribute(
        "data-gm-parameters", "parameters"
    )
    stones = panel.get_by_label("Default of stones")
    expect(stones.locator("option")).to_have_text(["coarse", "fine"])
    stones.select_option("coarse")
    cells = front(page).locator(".jp-CodeCell")
    expect(cells.first).to_contain_text('stones: Literal["coarse", "fine"] = "coarse"')
    cells.nth(1).locator(".jp-InputPrompt").click()
    toggle = cells.nth(1).locator('[data-command="gristmill:toggle-parameters"]')
    toggle.click()
    expect(cells.nth(1)).to_have_class(re.compile("gm-parameters"))
    expect(cells.first).not_to_have_class(re.compile("gm-parameters"))
    toggle.click()
    expect(panel.get_by_role("button", name="Make it a step")).to_be_visible()
    page.keyboard.press("Escape")


def test_runs_are_drawn_swept_and_opened_in_mlflow(page: Page, address: str, root: Path) -> None:
    (root / "toy/data/go").touch()
    page.goto(f"{address}/lab/tree/toy?reset")
    page.locator(".jp-LauncherCard", has_text="Runs").click()
    panel = page.locator("#gristmill-runs")
    panel.get_by_role("checkbox", name=re.compile("^Select ")).first.wait_for()
    sweep = panel.get_by_role("button", name="New sweep")
    reach(page, sweep)
    page.keyboard.press("Enter")
    form = panel.get_by_role("form", name="New sweep")
    form.get_by_label("grind.turns").fill("5")
    form.get_by_label("Metric").fill("nowhere")
    form.get_by_label("Metric").press("Enter")
    expect(form.get_by_role("alert")).to_contain_text("FILE:KEY")
    form.get_by_label("Metric").fill("fineness.json:fineness")
    form.get_by_role("button", name="Start the sweep").click()
    sweeps = panel.get_by_role("region", name="Sweeps")
    expect(sweeps).to_contain_text("sweep-1")  # at once, and then as it goes on

    expect(sweeps).to_contain_text("1 of 1 trials")
    expect(sweeps).to_contain_text("fineness 5: grind.turns = 5")
    with page.expect_popup() as opened:
        panel.get_by_role("button", name="MLflow").click()
    runs = re.compile(r"^http://127\.0\.0\.1:\d+/#/experiments/\d+")
    opened.value.wait_for_url(runs, wait_until="commit", timeout=3 * PATIENCE)
    opened.value.close()

    panel.get_by_role("button", name="Scatter").click()
    panel.locator("summary", has_text="Columns").focus()
    page.keyboard.press("Enter")
    panel.get_by_role("checkbox", name="params.train.columns").set_checked(True)
    panel.locator("summary", has_text="Columns").click()
    heads = panel.locator("thead .gm-sort")
    pin = panel.get_by_role("button", name="Pin params.train.columns")
    pin.focus()
    page.keyboard.press("Enter")
    expect(heads.nth(1)).to_have_text("train.columns")
    panel.get_by_label("Across").select_option("params.train.columns")
    accessible(page)
    panel.locator("circle").last.click()
    expect(panel.get_by_role("checkbox", name=re.compile("^Select "), checked=True)).to_have_count(
        1
    )
    panel.get_by_role("button", name="Hide params.train.columns").focus()
    page.keyboard.press("Enter")
    expect(pin).to_have_count(0)


def test_a_decision_is_made_and_alerts_are_answered_by_keys(page: Page, address: str) -> None:
    page.goto(f"{address}/lab/tree/toy?reset")
    page.locator(".jp-LauncherCard", has_text="Models").click()
    models = page.locator("#gristmill-models")
    approve = models.get_by_role("button", name="Approve")
    reach(page, approve)
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Approve delay version 1")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    accessible(page, ".jp-Dialog")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    reach(page, approve)
    page.keyboard.press("Enter")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("read and found good")
    page.keyboard.press("Enter")
    expect(notice(page, "1 of 1 approvals by ada@example.org")).to_be_visible()
    expect(approve).to_have_count(0)

    menu(page, "Alerts")
    alerts = page.locator("#gristmill-alerts")
    grave = alerts.locator(".gm-Alert", has_text="ROC AUC is 0.61")
    reach(page, grave.get_by_role("button", name="Acknowledge"))
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Acknowledge the alert")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("on it")
    page.keyboard.press("Enter")
    expect(grave).to_contain_text("acknowledged by ada@example.org")
    expect(grave).to_contain_text("on it")
    mild = alerts.locator(".gm-Alert", has_text="a has drifted")
    mild.get_by_role("button", name="Snooze").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Snooze the alert")
    expect(dialog.get_by_label("For")).to_be_focused()
    dialog.get_by_label("For").select_option("7d")
    accessible(page, ".jp-Dialog")
    dialog.get_by_label("Reason").press("Enter")
    expect(mild).to_contain_text("snoozed until")


def test_a_command_asks_for_what_it_lacks_and_an_error_is_a_notice(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/lab/tree/toy?reset")
    page.locator(".jp-LauncherCard", has_text="Pipeline").wait_for()
    command(page, "gate", {})
    dialog = page.get_by_role("dialog", name="Run Gates")
    dialog.get_by_label("Model").select_option("delay")
    dialog.get_by_label("Version").select_option("1")
    dialog.get_by_role("button", name="Run gates").click()
    expect(notice(page, "delay version 1: pass.")).to_be_visible()
    command(page, "promote", {"model": "delay", "version": 9, "reason": "to see"})
    expect(notice(page, "no version 9")).to_contain_text("gristmill model")  # its hint
    expect(dialog).to_have_count(0)


def command(page: Page, name: str, arguments: dict[str, object]) -> None:
    page.evaluate(
        "([id, args]) => void window.jupyterapp.commands.execute(id, args)",
        [f"gristmill:{name}", arguments],
    )
