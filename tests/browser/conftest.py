"""One Chromium for the pages of a module, and a wait that a content security policy allows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.waiting import eventually

from .lab import PATIENCE, free_port, laboratory

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("lab")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_KEYS", f"{root}-keys")
        patch.setenv("GRISTMILL_ACTOR", "ada@example.org")
        with laboratory(root, home / "home", free_port()) as found:
            yield found


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    page = browser.new_page(color_scheme="light", viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    broken: list[str] = []
    page.on("pageerror", lambda e: broken.append(str(e)))
    yield page
    page.close()
    assert not broken


def until(page: Page, expression: str, timeout: float = 30_000) -> None:
    """Waits, in milliseconds, for a JavaScript expression to hold.

    Playwright's own wait polls inside the page by `eval`, which the servers' policy forbids.
    """
    eventually(lambda: page.evaluate(expression), timeout / 1000, every=0.05)
