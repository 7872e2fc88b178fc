"""What a client hears of changes that no run makes."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from gristmill.monitoring._alerts.alerts import journal_path
from gristmill.project import Project
from gristmill.registry._ledger.ledger import LedgerSettings
from gristmill.server._follow import Follower

WAIT_S = 30
LEDGER = LedgerSettings().url.removeprefix("sqlite:///")


@pytest.mark.parametrize("what", ["ledger", "write-ahead log", "alerts"])
async def test_a_change_of_models_or_alerts_elsewhere_is_heard(tmp_path: Path, what: str) -> None:
    (tmp_path / "gristmill.toml").write_text("")
    project = Project.load(tmp_path)
    path = {
        "ledger": tmp_path / LEDGER,
        "write-ahead log": tmp_path / f"{LEDGER}-wal",
        "alerts": journal_path(project, "delay"),
    }[what]
    path.parent.mkdir(parents=True)
    path.write_text("before\n")
    writing = asyncio.create_task(write_on(path))
    try:
        async with asyncio.timeout(WAIT_S), aclosing(Follower(project).listen()) as stream:
            async for _, record in stream:
                if record == {"kind": "project-changed"}:
                    break
    finally:
        writing.cancel()


async def write_on(path: Path) -> None:
    """More and more, for the follower first looks at a time that nobody is told."""
    while True:
        await asyncio.sleep(0.2)
        with path.open("a") as file:
            file.write("after\n")
