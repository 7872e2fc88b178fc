"""A run's events on disk as they happen, one JSON record a line: how JupyterLab hears of runs.

The journal tells, it is not the truth: nothing is pushed to the disk, and a machine that dies may
lose its end. What a run did is in `dvc.lock`, in MLflow and in the run's record.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from gristmill.errors import Conflict, Invalid
from gristmill.events import Event

JOURNAL_FOLDER = "journals"
JOURNAL_SUFFIX = ".jsonl"
KEPT = 200
END_KINDS = frozenset({"run-finished", "run-refused"})
NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


class Journal:
    """Listens to one run. A context manager; a run of the same name is a Conflict."""

    def __init__(self, state: Path, run: str) -> None:
        if NAME.fullmatch(run) is None:
            raise Invalid(
                "run.name",
                f"{run!r} cannot be the name of a run.",
                hint="Names are dates, times and four letters (20260131-235959-0f3a), so that they "
                "sort; leave it out and every run gets its own.",
            )
        self.path = journal_path(state, run)

    def __enter__(self) -> Journal:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL)
        except FileExistsError as error:
            raise Conflict(
                "run.name-taken",
                f"there was a run {self.path.stem} already.",
                hint="Leave the name out and every run gets its own.",
            ) from error
        for old in journals(self.path.parents[1])[:-KEPT]:
            old.unlink(missing_ok=True)
            old.with_suffix(".err").unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def __call__(self, event: Event) -> None:
        os.write(self._file, (json.dumps(event.record(), default=str) + "\n").encode())


def journal_path(state: Path, run: str) -> Path:
    return state / JOURNAL_FOLDER / f"{run}{JOURNAL_SUFFIX}"


def journals(state: Path) -> list[Path]:
    """Those that are kept, the oldest first."""
    return sorted((state / JOURNAL_FOLDER).glob(f"*{JOURNAL_SUFFIX}"))


def read_events(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The records after `offset` bytes and where they end. A line that is being written, and one
    that is no record, are left out; a journal that is gone has none."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    whole = data.rfind(b"\n") + 1
    found = []
    for line in data[:whole].splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and "kind" in record:
            found.append(record)
    return found, offset + whole
