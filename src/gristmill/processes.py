"""Processes that a run started: which they are, and their end.

A process that ends itself when the one that started it is gone, however that died.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

END_WITHIN_S = 10.0


def process_start(pid: int) -> float:
    """When the process began (seconds since the epoch), which with its id tells it from a later
    one; 0 when there is none."""
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0


def end_family(pid: int) -> None:
    """Kill a process and all it started, and wait until they are gone; none left is no error.

    What it started are its descendants and, as kernels lead a session of their own, what is in
    that session: processes whose own parent has gone.
    """
    import psutil

    deadline = time.monotonic() + END_WITHIN_S
    while (family := _family(pid)) and time.monotonic() < deadline:
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=1)


def _family(pid: int) -> list[psutil.Process]:
    import psutil

    found: dict[int, psutil.Process] = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        found = {p.pid: p for p in (process, *process.children(recursive=True))}
    for other in psutil.pids():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if other not in found and os.getsid(other) == pid:
                found[other] = psutil.Process(other)
    return [process for process in found.values() if _alive(process)]


def _alive(process: psutil.Process) -> bool:
    import psutil

    try:
        return process.is_running() and bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


SECONDS = 0.5
PATIENCE = 15.0


def hold(parent: int) -> None:
    """Watch from a thread that process `parent` is still this one's parent; SIGTERM otherwise,
    and SIGKILL when that is not heeded."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(PATIENCE)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="lifeline", daemon=True).start()
