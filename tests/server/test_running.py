"""Runs that the server begins and others begin, heard as events."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from gristmill.events import RunAsked
from gristmill.processes import start_time
from gristmill.project import Project
from gristmill.runs import journal_path
from gristmill.server._follow import Follower
from tests.conftest import copied, shell, write_notebook

from .conftest import Ask

pytestmark = pytest.mark.slow

WAIT_S = 120


@pytest.fixture
def mill(blank: Path, jp_root_dir: Path) -> Path:
    """Two steps; the second waits for a file called `go`, and fails unless it says `yes`."""
    root = copied(blank, jp_root_dir / "mill")
    write_notebook(
        root / "grow.ipynb",
        'from gristmill import Output\ngrain: Output = "grain.txt"\nn: int = 3',
        'open(grain, "w").write("g" * n)',
    )
    write_notebook(
        root / "grind.ipynb",
        "from gristmill import Input, Output\n"
        'grain: Input = "grain.txt"\nflour: Output = "flour.txt"',
        # a cell has no helper of ours to wait with
        "import os, time\nwhile not os.path.exists('go'):\n    time.sleep(0.05)",
        "assert open('go').read() == 'yes', 'the stones are worn'",
        'open(flour, "w").write(open(grain).read())',
    )
    return root


async def heard(root: Path, cursor: str = "") -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Events as the server streams them, with the cursor after each."""
    follower = Follower(Project.load(root))
    async with asyncio.timeout(WAIT_S), aclosing(follower.listen(cursor)) as stream:
        async for at, record in stream:
            if record is not None and record["kind"] not in {"caught-up", "project-changed"}:
                yield at, record


@contextmanager
def deaf() -> Iterator[None]:
    """What begins in here hears no Ctrl-C, as what a script puts in the background does not."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"targets": ["none"]}, 404, "step.not-found"),
        ({"tags": ["none"]}, 404, "tag.not-found"),
        ({"params": "none"}, 404, "params.not-found"),
        ({"overrides": {"grow.m": 1}}, 422, "parameter.unknown"),
        ({"overrides": {"grow.n": "many"}}, 422, "parameter.type"),
        ({"kernel": "lukewarm"}, 422, "run.kernel"),
        ({"workers": -1}, 422, "run.workers"),
        ({"wokers": 1}, 422, "settings.unknown-key"),
    ],
)
async def test_a_wrong_run_is_refused_at_once(
    ask: Ask, mill: Path, body: dict[str, Any], status: int, code: str
) -> None:
    got, error = await ask("POST", "runs", body, folder="mill")
    assert (got, error["code"]) == (status, code)
    assert not list((mill / ".gristmill").glob("journals/*"))


async def until(root: Path, kind: str, cursor: str = "", **fields: Any) -> tuple[str, list[Any]]:
    """What is heard up to the first event of a kind with these values."""
    records = []
    async with aclosing(heard(root, cursor)) as stream:  # type: ignore[type-var]
        async for at, record in stream:
            records.append(record)
            if record["kind"] == kind and fields.items() <= record.items():
                return at, records
    raise AssertionError(records)


async def test_a_run_fails_is_heard_from_the_middle_and_resumes(ask: Ask, mill: Path) -> None:
    status, accepted = await ask("POST", "runs", {}, folder="mill")
    assert status == 202
    name = accepted["run"]
    at, before = await until(mill, "cell-started", run=name, step="grind", cell=2)
    assert [r["kind"] for r in before][:2] == ["run-asked", "run-started"]
    (mill / "go").write_text("no")
    _, after = await until(mill, "run-finished", at)
    kinds = [r["kind"] for r in after]
    assert kinds[-2:] == ["step-failed", "run-finished"] and "run-asked" not in kinds
    assert after[-2]["cell"] == 3 and "the stones are worn" in after[-2]["error"]["message"]
    _, whole = await until(mill, "run-finished")
    assert not {"cell-started", "cell-finished"} & {r["kind"] for r in whole}
    assert [r for r in whole if r["kind"] == "step-succeeded"] == [
        r for r in before if r["kind"] == "step-succeeded"
    ]
    _, view = await ask("GET", "pipeline", folder="mill")
    assert [(s["name"], s["stale"]) for s in view["steps"]] == [("grow", False), ("grind", True)]
    assert [(k["step"], k["cell"]) for k in view["parked"]] == [("grind", 3)]
    (mill / "go").write_text("yes")
    status, accepted = await ask("POST", "steps/grind/resume", {}, folder="mill")
    assert status == 202
    _, resumed = await until(mill, "run-finished", run=accepted["run"])
    assert resumed[-1]["status"] == "succeeded"
    assert any("goes on in its kernel" in r.get("message", "") for r in resumed)


async def test_cancel_stops_as_ctrl_c_does_and_a_killed_run_is_told(ask: Ask, mill: Path) -> None:
    with deaf():
        _, accepted = await ask("POST", "runs", {"keep_failed": False}, folder="mill")
    name = accepted["run"]
    await until(mill, "cell-started", step="grind", cell=2)
    status, _ = await ask("POST", f"runs/{name}/cancel", {}, folder="mill")
    assert status == 202
    _, events = await until(mill, "run-finished", run=name)
    assert events[-1]["status"] == "cancelled"
    status, error = await ask("POST", f"runs/{name}/cancel", {}, folder="mill")
    assert (status, error["code"]) == (409, "run.ended")

    with deaf():
        elsewhere = subprocess.Popen(["sleep", "600"])
    event = RunAsked(time.time(), "elsewhere", elsewhere.pid, start_time(elsewhere.pid), "user")
    journal_path(mill / ".gristmill", "elsewhere").write_text(json.dumps(event.record()) + "\n")
    status, _ = await ask("POST", "runs/elsewhere/cancel", {}, folder="mill")
    assert (status, elsewhere.wait(WAIT_S)) == (202, -signal.SIGTERM)

    _, accepted = await ask("POST", "runs", {"keep_failed": False}, folder="mill")
    _, events = await until(mill, "cell-started", run=accepted["run"], step="grind", cell=2)
    begun = next(r for r in events if r["run"] == accepted["run"])
    os.kill(begun["pid"], signal.SIGKILL)
    _, events = await until(mill, "run-refused", run=accepted["run"])
    assert events[-1]["error"]["code"] == "run.died"


async def test_a_run_from_a_terminal_appears_and_a_wrong_one_says_why(ask: Ask, mill: Path) -> None:
    (mill / "go").write_text("yes")
    shell(mill, "gristmill", "run", "grow")
    _, events = await until(mill, "run-finished")
    assert events[0]["kind"] == "run-asked" and events[0]["trigger"] == "user"
    shell(mill, "gristmill", "run", "grwo", check=False)
    _, events = await until(mill, "run-refused")
    assert events[-1]["error"]["code"] == "step.not-found"
    for path, code in (
        ("runs/20000101-000000-0000/cancel", "run.not-found"),
        ("runs/..%2F..%2Flock/cancel", "run.not-found"),
        ("steps/grow/resume", "kernel.not-parked"),
    ):
        status, error = await ask("POST", path, {}, folder="mill")
        assert (status, error["code"]) == (404, code)


async def test_the_stream_is_an_event_stream_that_names_its_place(
    jp_serverapp: Any, jp_fetch: Callable[..., Any], mill: Path
) -> None:
    (mill / "go").write_text("yes")
    shell(mill, "gristmill", "run")
    got: list[str] = []
    done = asyncio.Event()

    def hear(chunk: bytes) -> None:
        got.append(chunk.decode())
        if "caught-up" in got[-1]:
            done.set()

    reading = asyncio.ensure_future(
        jp_fetch(
            "gristmill", "events", params={"folder": "mill"},
            streaming_callback=hear, request_timeout=WAIT_S,
        )
    )  # fmt: skip
    await asyncio.wait_for(done.wait(), WAIT_S)
    blocks = "".join(got).strip().split("\n\n")
    ids, data = zip(*(block.split("\n") for block in blocks), strict=True)
    assert all(line.startswith("id: 2") for line in ids)
    assert json.loads(data[-2].removeprefix("data: "))["kind"] == "run-finished"
    reading.cancel()
    begin = time.monotonic()
    status = await Follower(Project.load(mill)).listen(ids[-1].removeprefix("id: ")).__anext__()
    assert status[1] == {"kind": "caught-up"} and time.monotonic() - begin < WAIT_S
