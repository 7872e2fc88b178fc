"""Which files a kernel opens: asked for in its environment, noted by `_server.observe`."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path

from gristmill.warm._server.observe import VARIABLE


@dataclass(frozen=True)
class FileAccess:
    """A file that was opened.

    Attributes
    ----------
    path
        Absolute.
    writes
        Whether it was opened for writing.
    execution_count
        The number that IPython gave the cell that opened it first; 0 when unknown.
    """

    path: str
    writes: bool
    execution_count: int


def log_files_to(log: Path) -> dict[str, str]:
    """The variables that make a kernel note each file that its cells open.

    Parameters
    ----------
    log
        The file that the kernel appends to. Read it with `read_file_log`.
    """
    return {VARIABLE: str(log)}


def read_file_log(log: Path) -> list[FileAccess]:
    """What a kernel noted, in its order; nothing when it opened no file.

    Parameters
    ----------
    log
        As given to `log_files_to`. A line that was cut off by a kill is left out.
    """
    try:
        lines = log.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    accesses = []
    for line in lines:
        with contextlib.suppress(ValueError):
            kind, path, count = json.loads(line)
            accesses.append(FileAccess(path, kind == "write", count))
    return accesses
