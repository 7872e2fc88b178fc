"""How a test goes about in JupyterLab: by what a person sees, and by keys."""

from __future__ import annotations

from playwright.sync_api import Locator, Page

from .lab import EXTENSION

AXE = EXTENSION.parents[2] / "extension/node_modules/axe-core/axe.min.js"
MOST_KEYS = 80
STOP = """
() => {
  const node = document.activeElement;
  const style = getComputedStyle(node);
  const drawn = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
  const seen = node.matches(':focus-visible') && drawn;
  return node.closest('.gm-Panel') === null || seen ? '' : node.outerHTML.slice(0, 200);
}
"""


def word(page: Page, step: str) -> Locator:
    return page.locator(f'[data-step="{step}"] .gm-Word')


def front(page: Page) -> Locator:
    return page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")


def tab(page: Page, name: str) -> None:
    page.locator("#jp-main-dock-panel").get_by_role("tab", name=name).click()


def menu(page: Page, item: str) -> None:
    page.get_by_role("menuitem", name="Gristmill", exact=True).click()
    page.get_by_role("menuitem", name=item, exact=True).click()


def notice(page: Page, text: str) -> Locator:
    return page.locator(".Toastify__toast", has_text=text)


def reach(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Walk by the key until `wanted` has the focus, and every stop in a panel shows that it has."""
    wanted.wait_for()
    for _ in range(MOST_KEYS):
        page.keyboard.press(key)
        assert page.evaluate(STOP) == ""
        if wanted.evaluate("node => node === document.activeElement"):
            return
    raise AssertionError(f"{key} does not lead to {wanted}")


def accessible(page: Page, part: str = ".gm-Panel") -> None:
    """Axe finds nothing serious in the panels in view, or in `part`, in either theme."""
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        light = str(scheme == "light").lower()
        page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")
        page.evaluate(AXE.read_text())
        result = page.evaluate("part => axe.run(part)", part)
        assert [
            f"{scheme} {v['id']}: {node['html'][:160]}"
            for v in result["violations"]
            if v["impact"] in {"serious", "critical"}
            for node in v["nodes"]
        ] == []
