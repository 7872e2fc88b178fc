"""One run at a time in a project, and nothing left over from one that was killed."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from gristmill.errors import Conflict
from gristmill.files import hold_lock, remove_leftovers, write_atomic
from gristmill.processes import kill_process_tree, start_time
from gristmill.runner._kernels.parked import ParkedKernels


@contextlib.contextmanager
def project_lock(
    state: Path,
    purpose: str,
    *,
    wait: bool = True,
    notify: Callable[[str], None] = lambda text: None,
) -> Iterator[None]:
    """Hold the project's lock, which the operating system releases when this process dies.

    Parameters
    ----------
    state
        The project's `.gristmill` directory, or another folder that one process works in at a time.
    purpose
        What it is held for, for whoever has to wait.
    wait
        Wait for another holder; else refuse.
    notify
        Called with a text when this has to wait.

    Raises
    ------
    Conflict
        `run.busy`, when another process holds the lock and `wait` is off.
    """

    def busy(holder: str) -> Conflict | None:
        holder = holder or "another process"
        if wait:
            notify(f"waiting for {holder}")
            return None
        return Conflict(
            "run.busy",
            f"The project is in use by {holder}.",
            hint="Wait until it has ended, or leave out --no-wait to queue behind it.",
        )

    with hold_lock(state / "lock", busy) as file:
        file.seek(0)
        file.truncate()
        started = time.strftime("%H:%M:%S")
        file.write(f"{purpose} (process {os.getpid()}, since {started})")
        file.flush()
        try:
            yield
        finally:
            file.seek(0)
            file.truncate()
            file.flush()


def note_kernel(directory: Path, step: str, pid: int) -> None:
    """Remember a kernel's process, so that a later run can end it when this one is killed."""
    started = start_time(pid)
    if started:
        write_atomic(directory / f"{step}.kernel", json.dumps({"pid": pid, "started": started}))


def forget_kernel(directory: Path, step: str) -> None:
    (directory / f"{step}.kernel").unlink(missing_ok=True)


def end_orphans(runs: Path) -> int:
    """Kill the kernels that killed runs left behind. Call with the project's lock held.

    What they were writing aside, in the project's own folder or its state, is removed. Parked
    kernels stay, unless a run was going on in one.

    Parameters
    ----------
    runs
        The folder of the project's runs.

    Returns
    -------
    int
        How many kernels were ended.
    """
    import psutil

    parked = ParkedKernels(runs.parent)
    spared = {kernel.pid for kernel in parked.all() if not kernel.resuming}
    ended = 0
    for kernel in parked.all():
        if kernel.resuming:
            parked.end(kernel)
            ended += 1
    for note in runs.glob("*/*.kernel"):
        try:
            record = json.loads(note.read_text("utf-8"))
            process = psutil.Process(record["pid"])
            if process.pid in spared:
                continue
            if abs(process.create_time() - record["started"]) < 0.01:
                kill_process_tree(process.pid)
                ended += 1
        except (psutil.NoSuchProcess, ValueError, KeyError):
            pass
        finally:
            note.unlink(missing_ok=True)
    parked.sweep()
    remove_leftovers([runs.parent.parent, runs.parent, *(p for p in runs.glob("*") if p.is_dir())])
    return ended
