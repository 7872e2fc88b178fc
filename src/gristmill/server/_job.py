"""A long verb in a process of its own: `python -m gristmill.server._job FOLDER`.

FOLDER has `job.json`, a `JobRecord`; it is replaced whenever the verb makes progress and when it
ends.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gristmill.errors import GristmillError, StepFailed
from gristmill.files import write_atomic
from gristmill.monitoring import drill_down, monitor, parse_time, repair
from gristmill.processes import start_time
from gristmill.project import Project
from gristmill.records import from_record, to_record
from gristmill.registry import reproduce
from gristmill.server._handlers import to_json

FILE = "job.json"
RUNNING, SUCCEEDED, FAILED = "running", "succeeded", "failed"

Progress = Callable[[str], None]
Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class JobRecord:
    """A job as its folder keeps it; `pid` and `started` name its process, 0 before it began."""

    job: str
    verb: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    state: str = RUNNING
    progress: str = ""
    result: Any = None
    error: Mapping[str, str] | None = None
    pid: int = 0
    started: float = 0.0

    def write(self, folder: Path) -> None:
        """Write the record to its folder, atomically."""
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / FILE, to_json(self))


def read_job(folder: Path) -> JobRecord:
    """Raises FileNotFoundError when there is none."""
    import json

    return from_record(JobRecord, json.loads((folder / FILE).read_text(encoding="utf-8")), FILE)


def _reproduce(project: Project, given: Arguments, progress: Progress) -> Any:
    result = reproduce(
        project, given["model"], given["version"], keep=given["keep"], progress=progress
    )
    return result.record()


def _score(project: Project, given: Arguments, progress: Progress) -> Any:
    from gristmill.serving import score

    return score(
        project,
        given["model"],
        project.root / given["source"],
        project.root / given["target"],
        version=given["version"],
        log=given["log"],
        checked=given["checked"],
        progress=progress,
    )


def _monitor(project: Project, given: Arguments, _: Progress) -> Any:
    now = parse_time(given["now"], "now") if given["now"] else None
    result = monitor(project, given["model"], now=now, window=given["window"], start=given["start"])
    alerts = [alert.record(result.report.made) for alert in result.alerts]
    return {**to_record(result.report), "alerts": alerts}


def _repair(project: Project, given: Arguments, _: Progress) -> Any:
    now = parse_time(given["now"], "now") if given["now"] else None
    return to_record(repair(project, given["model"], now=now))


def _drill_down(project: Project, given: Arguments, progress: Progress) -> Any:
    return drill_down(
        project,
        given["model"],
        given["window"],
        progress=lambda share, message: progress(f"{share:.0%} {message}"),
    )


JOBS: Mapping[str, Callable[[Project, Arguments, Progress], Any]] = {
    "reproduce": _reproduce,
    "score": _score,
    "monitor": _monitor,
    "repair": _repair,
    "drill-down": _drill_down,
}


def main(folder: Path) -> None:
    """Run the job of the folder that the command line names."""
    pid = os.getpid()
    record = replace(read_job(folder), pid=pid, started=start_time(pid))
    record.write(folder)
    last = time.monotonic()

    def progress(message: str) -> None:
        nonlocal record, last
        if time.monotonic() - last > 0.5:
            last = time.monotonic()
            record = replace(record, progress=message)
            record.write(folder)

    try:
        result = JOBS[record.verb](Project.find(), record.arguments, progress)
        record = replace(record, state=SUCCEEDED, result=result)
    except GristmillError as error:
        record = replace(record, state=FAILED, error=error.record())
    except Exception as error:
        broken = StepFailed(
            "job.broken",
            f"{type(error).__name__}: {error}",
            hint=f"{folder / 'job.log'} has the traceback.",
        )
        replace(record, state=FAILED, error=broken.record()).write(folder)
        raise
    record.write(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
