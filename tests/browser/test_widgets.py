"""The widgets in a real JupyterLab: from a run to a champion, agreed to by somebody else, and back,
by clicks alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from gristmill.project import Project
from gristmill.registry import Registry, audit

from .conftest import until
from .lab import PATIENCE, free_port, laboratory
from .world import notebook, trained

POLICY = """
[models.delay.approvals]
required = 1
[roles]
register = ["ada@example.org"]
approve = ["ada@example.org", "bob@example.org"]
promote = ["ada@example.org"]
"""
# Clicks, has the kernel execute code at once, and tells whether it answered before the words came.
MEANWHILE = """async (button, words) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  button.click();
  await kernel.requestExecute({ code: '1' }).done;
  return !document.body.innerText.includes(words);
}"""
IDLE = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("widgets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_KEYS", str(home / "keys"))
        patch.setenv("GRISTMILL_ACTOR", "ada@example.org")
        identity = {"user.name": "Ada", "user.email": "ada@example.org"}
        patch.setenv("GIT_CONFIG_COUNT", str(len(identity)))
        for number, (key, value) in enumerate(identity.items()):
            patch.setenv(f"GIT_CONFIG_KEY_{number}", key)
            patch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        made = trained(home / "project")
        with (made / "gristmill.toml").open("a") as settings:
            settings.write(POLICY)
        notebook(
            made / "widgets.ipynb",
            "from gristmill.widgets import ModelRegistry, Promotion\nModelRegistry()",
            "Promotion()",
            "Promotion(actor='bob@example.org')",
            "print('the kernel', 'answers')",
        )
        yield made


def click(panel: Locator, name: str) -> None:
    expect(panel.locator(".busy.on")).to_have_count(0)
    panel.get_by_role("button", name=name, exact=True).click()


def says(panel: Locator, words: str) -> None:
    expect(panel.locator(".notice").first).to_contain_text(words)


def command(page: Page, name: str) -> None:
    page.evaluate(f"void window.jupyterapp.commands.execute('{name}')")


@pytest.mark.timeout(600)
def test_from_a_run_to_a_champion_and_back(browser: Browser, root: Path, tmp_path: Path) -> None:
    expect.set_options(timeout=PATIENCE)
    with laboratory(root, tmp_path / "lab", free_port()) as address:
        page = browser.new_page(color_scheme="light", viewport={"width": 1280, "height": 2400})
        page.set_default_timeout(PATIENCE)
        broken: list[str] = []
        page.on("pageerror", lambda e: broken.append(str(e)))
        page.goto(f"{address}/lab/tree/widgets.ipynb?reset")
        until(page, IDLE, PATIENCE)
        command(page, "notebook:run-all-cells")
        registry, promotion, bob, last = (page.locator(".jp-CodeCell").nth(i) for i in range(4))
        expect(last.locator(".jp-OutputArea-output")).to_contain_text("the kernel answers")
        register_both(registry)
        promote_both(promotion, bob)
        compare(registry)
        promotion.screenshot(path=tmp_path / "light.png")
        light = lightness(page, registry)
        page.emulate_media(color_scheme="dark")
        page.wait_for_selector("body[data-jp-theme-light=false]", state="attached")
        look_into_curves(registry)
        registry.screenshot(path=tmp_path / "dark.png")
        assert light < 100 < lightness(page, registry)
        promotion.get_by_label("Reason").fill("Complaints from the tower.")
        click(promotion, "Roll back")
        says(promotion, "champion of delay is version 1 (was version 2)")
        expect(promotion.locator("td", has_text="Complaints")).to_be_visible()
        registry.get_by_title("Card of version 2").click()
        expect(registry.get_by_role("heading", name="Limits")).to_be_visible()
        page.close()
    assert not broken
    project = Project.load(root)
    assert Registry(project).ledger.aliases("delay") == {"champion": 1}
    assert [p.message for p in audit(project).problems] == []
    first, second = Registry(project).versions("delay")
    assert first.metrics["roc_auc"] < second.metrics["roc_auc"]
    assert first.params["columns"] == "a" and second.params["columns"] == "ab"


def register_both(registry: Locator) -> None:
    """The older run first: its files are in DVC's cache only."""
    runs = registry.get_by_label("Run", exact=True)
    expect(runs.locator("option")).to_have_count(2)
    expect(runs).to_have_js_property("selectedIndex", 0)
    for index, version in ((1, 1), (0, 2)):
        runs.select_option(index=index)
        click(registry, "Register")
        says(registry, f"delay version {version} is what run")
        expect(runs.locator("option").nth(index)).to_contain_text(
            f"version\N{NO-BREAK SPACE}{version}"
        )


def look_at(panel: Locator, number: int) -> None:
    versions = panel.get_by_label("Version", exact=True)
    expect(versions.locator("option")).to_have_count(2)
    versions.select_option(value=versions.locator("option").nth(2 - number).inner_text())
    expect(panel.locator("h2").first).to_contain_text(f"version {number}")


def act(panel: Locator, name: str, reason: str) -> None:
    panel.get_by_label("Reason").fill(reason)
    click(panel, name)


def promote_both(promotion: Locator, bob: Locator) -> None:
    for number, was in ((1, "nobody"), (2, "version 1")):
        for panel in (promotion, bob):
            look_at(panel, number)
        click(promotion, "Promote")
        says(promotion, "reason.missing")
        act(promotion, "Promote", f"Reason {number}.")
        says(promotion, "gate.missing")
        click(promotion, "Run gates")
        says(promotion, f"The gates of version {number}: pass")
        click(promotion, "Promote")
        says(promotion, "0 of 1 approvals")
        act(promotion, "Approve", "It is mine.")
        says(promotion, "cannot decide on it")
        act(promotion, "Ask for approval", "Please.")
        says(promotion, "reviewers have been asked")
        act(bob, "Approve", "I read the report.")
        says(bob, f"version {number}: approve by bob@example.org")
        expect(promotion.get_by_text("1 of 1 approvals by bob@example.org")).to_be_visible()
        act(promotion, "Promote", f"Reason {number}.")
        says(promotion, f"champion of delay is version {number} (was {was})")
    promotion.get_by_text("numbers", exact=False).first.click()
    expect(promotion.get_by_role("table", name="Gates")).to_contain_text("roc_auc")


def compare(registry: Locator) -> None:
    for number in (1, 2):
        registry.get_by_label(f"version {number}", exact=True).check()
    compare_ticked = registry.get_by_role("button", name="Compare ticked")
    assert compare_ticked.evaluate(MEANWHILE, "significantly better by"), "the cell had to wait"
    expect(registry.get_by_text("significantly better by")).to_be_visible()
    expect(registry.get_by_role("table", name="Metrics of each version")).to_be_visible()
    expect(registry.locator("td svg[aria-label]").nth(4)).to_be_visible()


def look_into_curves(registry: Locator) -> None:
    registry.get_by_role("tab", name="Curves").click()
    expect(registry.locator(".js-plotly-plot .scatterlayer .js-line").first).to_be_visible()


def lightness(page: Page, registry: Locator) -> float:
    """Of the text, 0 to 255."""
    colour = registry.locator(".gristmill").first.evaluate("e => getComputedStyle(e).color")
    return sum(float(v) for v in colour[colour.index("(") + 1 : -1].split(",")[:3]) / 3
