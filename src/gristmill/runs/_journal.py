"""A run's events on disk as they happen, one JSON record a line: what JupyterLab shows of runs.

The journal is not a record to rely on: nothing is pushed to the disk, and a machine that dies may
lose its end. What a run did is in `dvc.lock`, in MLflow and in the run's record.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from gristmill.documents import open_regular
from gristmill.errors import Conflict, Invalid
from gristmill.events import Event

JOURNAL_FOLDER = "journals"
JOURNAL_SUFFIX = ".jsonl"
MAX_JOURNALS = 200
LARGEST = 64 << 20  # bytes of one journal that are read
END_KINDS = frozenset({"run-finished", "run-refused"})
NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")


class Journal:
    """A listener that writes the events of one run down. A context manager.

    Parameters
    ----------
    state
        The project's `.gristmill` directory.
    run
        The run's name.

    Raises
    ------
    Invalid
        `run.name`, for a text that is not a run's name.
    Conflict
        `run.name-taken`, on entering, when there is a run of that name.
    """

    def __init__(self, state: Path, run: str) -> None:
        if NAME.fullmatch(run) is None:
            raise Invalid(
                "run.name",
                f"{run!r} is not a valid name for a run.",
                hint="A name is a date, a time and four hex digits (20260131-235959-0f3a). Leave "
                "it out, and the run gets one.",
            )
        self.path = journal_path(state, run)

    def __enter__(self) -> Journal:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL)
        except FileExistsError as error:
            raise Conflict(
                "run.name-taken",
                f"There is a run {self.path.stem} already.",
                hint="Leave the name out, and the run gets one.",
            ) from error
        for old in journals(self.path.parents[1])[:-MAX_JOURNALS]:
            old.unlink(missing_ok=True)
            old.with_suffix(".err").unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def __call__(self, event: Event) -> None:
        os.write(self._file, (json.dumps(event.record(), default=str) + "\n").encode())


def journal_path(state: Path, run: str) -> Path:
    """The file of a run's journal.

    Parameters
    ----------
    state
        The project's `.gristmill` directory.
    run
        The run's name.
    """
    return state / JOURNAL_FOLDER / f"{run}{JOURNAL_SUFFIX}"


def journals(state: Path) -> list[Path]:
    """Those that are kept, the oldest first."""
    return sorted((state / JOURNAL_FOLDER).glob(f"*{JOURNAL_SUFFIX}"))


def read_events(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """The events in a journal from `offset` on, and where they end.

    Parameters
    ----------
    path
        The journal. One that does not exist, or is no regular file, has no events; of one that is
        larger than LARGEST bytes the rest is left out.
    offset
        Bytes to skip: what an earlier call returned.

    Returns
    -------
    tuple
        The events as records, without a line that is still being written or is not a record; and
        the offset of the next event.
    """
    try:
        with open_regular(path, path.name) as file:
            file.seek(offset)
            data = file.read(LARGEST - offset)
    except (FileNotFoundError, Invalid):
        return [], offset
    end = data.rfind(b"\n") + 1
    records = []
    for line in data[:end].splitlines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict) and "kind" in record:
            records.append(record)
    return records, offset + end
