"""The project as it changes: journals of its runs, and files that its plan depends on.

One background task for a project looks, for as long as anybody listens: at the journals when the
system says that they changed, at everything else by its times. Whoever listens gets what he has
not had, named by a cursor that outlives this process: lines of journals are counted, and journals
keep.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from watchfiles import watch

from gristmill.errors import StepFailed
from gristmill.processes import start_time
from gristmill.project import Project
from gristmill.runs import END_KINDS, JOURNAL_FOLDER, JOURNAL_SUFFIX, journal_path, read_events
from gristmill.server._threads import in_thread

STEP_MS = 50  # changes that come this close together are one
FILES_S = 1.0
HEARTBEAT_S = 15.0
RACY_NS = 100_000_000
WINDOW = 20
SUFFIXES = (".ipynb", ".py", ".yaml", ".yml", ".toml", ".lock", ".txt", ".dvc", ".json")
LEDGER = ("ledger.db", "ledger.db-wal")
CELLS = frozenset({"cell-started", "cell-finished"})
STEP_ENDS = frozenset({"step-succeeded", "step-failed"})

Record = dict[str, Any]


@dataclass
class Tail:
    """A journal as far as it was read."""

    path: Path
    offset: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def ended(self) -> bool:
        return bool(self.records) and self.records[-1]["kind"] in END_KINDS

    def take(self, records: list[Record], offset: int) -> bool:
        """Add what was read; whether it is any."""
        self.records += records
        self.offset = offset
        return bool(records)

    def bury(self) -> None:
        """Say for a process what it can no longer say itself."""
        error = StepFailed(
            "run.died",
            f"the process of run {self.path.stem} is gone.",
            hint="What succeeded is kept: run again to go on with the rest.",
        )
        last = float(self.records[-1]["at"])
        self.records.append(
            {"kind": "run-refused", "at": last, "run": self.path.stem, "error": error.record()}
        )

    def since(self, seen: int) -> Iterator[tuple[int, Record]]:
        """Line numbers from 1 with their records, without cells of steps that ended when it is
        read from its beginning."""
        over = {r["step"] for r in self.records if r["kind"] in STEP_ENDS} if seen == 0 else set()
        for number, record in enumerate(self.records[seen:], seen + 1):
            if not (record["kind"] in CELLS and (self.ended or record["step"] in over)) or seen:
                yield number, record


def alive(asked: Mapping[str, Any]) -> bool:
    """Whether the process still runs that a `run-asked` record names."""
    if asked["kind"] != "run-asked":
        return False
    return abs(start_time(int(asked["pid"])) - float(asked["started"])) < 0.01


class Follower:
    """What happens in one project. Use it on the event loop only."""

    def __init__(self, project: Project) -> None:
        self.root = project.root
        self.state = project.state
        self.tails: dict[str, Tail] = {}
        self.stamp = 0
        self._signature: object = None
        self._listeners = 0
        self._task: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._folder_time = 0
        self._looking = asyncio.Lock()

    async def listen(self, cursor: str = "") -> AsyncGenerator[tuple[str, Record | None], None]:
        """Cursors with records, from after `cursor`; None now and then when nothing happens. When
        all that was is told, a record `caught-up` says so."""
        self._listeners += 1
        await self.look()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())
        try:
            seen, newest = _parse(cursor)
            told = {run for run in self.tails if run <= newest}
            stamp, caught_up = self.stamp, False
            while True:
                for run in sorted(self.tails):
                    start = seen.get(run, len(self.tails[run].records) if run in told else 0)
                    for number, record in self.tails[run].since(start):
                        seen[run] = number
                        yield self._cursor(seen), record
                    seen[run] = max(start, len(self.tails[run].records))
                if not caught_up:
                    caught_up = True
                    yield self._cursor(seen), {"kind": "caught-up"}
                if stamp != self.stamp:
                    stamp = self.stamp
                    yield self._cursor(seen), {"kind": "project-changed"}
                try:
                    async with self._changed:
                        await asyncio.wait_for(self._changed.wait(), HEARTBEAT_S)
                except TimeoutError:
                    yield self._cursor(seen), None
        finally:
            self._listeners -= 1
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self._task = None

    def _cursor(self, seen: Mapping[str, int]) -> str:
        newest = max(seen, default="")
        open_ = (r for r in seen if r == newest or (r in self.tails and not self.tails[r].ended))
        return ",".join(f"{run}:{seen[run]}" for run in sorted(open_))

    async def _watch(self) -> None:
        files_at, changes = 0.0, _changes(self.state / JOURNAL_FOLDER)
        while self._listeners:
            changed = await self.look()
            if time.monotonic() >= files_at:
                changed = await self._bury() or changed
                found = await in_thread(signature, self.root, self.state)
                if found != self._signature:
                    self.stamp += self._signature is not None
                    self._signature = found
                    changed = True
                files_at = time.monotonic() + FILES_S
            if changed:
                async with self._changed:
                    self._changed.notify_all()
            await in_thread(next, changes)

    async def look(self) -> bool:
        """Read what journals have more; whether there was any."""
        async with self._looking:
            runs, self._folder_time = await in_thread(_runs, self.state, self._folder_time)
            for run in runs:
                self.tails.setdefault(run, Tail(journal_path(self.state, run)))
            tails = self._open_tails()
            more = await in_thread(lambda: [read_events(t.path, t.offset) for t in tails])
            read = [tail.take(*found) for tail, found in zip(tails, more, strict=True)]
            return any(read)

    async def _bury(self) -> bool:
        """Close the journals of processes that are gone; whether there were any."""
        tails = [tail for tail in self._open_tails() if tail.records]
        living = await in_thread(lambda: [alive(tail.records[0]) for tail in tails])
        gone = [tail for tail, lives in zip(tails, living, strict=True) if not lives]
        if not gone:
            return False
        more = await self.look()  # what they wrote before they ended
        gone = [tail for tail in gone if not tail.ended]
        for tail in gone:
            tail.bury()
        return more or bool(gone)

    def _open_tails(self) -> list[Tail]:
        return [tail for tail in self.tails.values() if not tail.ended]


def _runs(state: Path, before: int) -> tuple[list[str], int]:
    """The newest runs that have journals if their folder changed since, and its time then."""
    folder = state / JOURNAL_FOLDER
    try:
        changed_at = os.stat(folder).st_mtime_ns
        if changed_at == before:
            return [], before
        racy = time.time_ns() - changed_at < RACY_NS  # more may come at the same time
        names = sorted(
            n[: -len(JOURNAL_SUFFIX)] for n in os.listdir(folder) if n.endswith(JOURNAL_SUFFIX)
        )
    except FileNotFoundError:
        return [], before
    return names[-WINDOW:], 0 if racy else changed_at


def _changes(folder: Path) -> Iterator[object]:
    """Something for each time that files of a folder change, and at least every FILES_S seconds.

    watchfiles asks the system; where that does not tell (network drives, WATCHFILES_FORCE_POLLING)
    it polls itself.
    """
    with contextlib.suppress(OSError):  # a project that cannot be written has no runs
        folder.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            yield from watch(
                folder,
                watch_filter=None,
                debounce=2 * STEP_MS,
                step=STEP_MS,
                rust_timeout=int(FILES_S * 1000),
                yield_on_timeout=True,
                recursive=False,
            )
        except (OSError, RuntimeError):  # not there, or too many are watched
            time.sleep(FILES_S)
            yield None


def _parse(cursor: str) -> tuple[dict[str, int], str]:
    """Lines seen by run, and the newest run that was known; what cannot be read is forgotten."""
    seen = {}
    for part in cursor.split(","):
        run, _, number = part.rpartition(":")
        if run and number.isdigit():
            seen[run] = int(number)
    return seen, max(seen, default="")


def signature(root: Path, state: Path) -> object:
    """Names, sizes and times of what the plan is made from, of parked kernels, of sweeps, of the
    ledger and of alerts."""
    found: list[tuple[str, int, int]] = []
    try:
        directories = Project.load(root).directories()
    except Exception:  # noqa: BLE001  # settings that cannot be read now are a change like others
        directories = ["."]
    for directory in [*directories, ".dvc"]:
        with contextlib.suppress(OSError), os.scandir(root / directory) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIXES):
                    stat = entry.stat()
                    found.append((entry.path, stat.st_size, stat.st_mtime_ns))
    for path in (state / "sweeps").glob("*/*"):
        with contextlib.suppress(OSError):
            found.append((str(path), 0, os.stat(path).st_mtime_ns))
    for path in (*map(state.joinpath, LEDGER), *(state / "monitoring").glob("*/alerts.jsonl")):
        with contextlib.suppress(OSError):
            stat = os.stat(path)
            found.append((str(path), stat.st_size, stat.st_mtime_ns))
    with contextlib.suppress(OSError):
        found.append(("parked", 0, os.stat(state / "parked").st_mtime_ns))
    return sorted(found)
