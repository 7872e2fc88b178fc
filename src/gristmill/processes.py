"""Processes that were started: which they are, how they end, and dying with the parent."""

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
PARENT_CHECK_S = 0.5
TERM_GRACE_S = 15.0


def start_time(pid: int) -> float:
    """When a process began, which with its id tells it from a later one.

    Parameters
    ----------
    pid
        The process.

    Returns
    -------
    float
        Seconds since the epoch; 0 when there is no such process.
    """
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0


def kill_process_tree(pid: int) -> None:
    """Kill a process and all it started, and wait until they are gone.

    What it started are its descendants and, as kernels lead a session of their own, what is in that
    session: processes whose own parent is gone.

    Parameters
    ----------
    pid
        The process; when nothing of it is left, nothing happens.
    """
    import psutil

    deadline = time.monotonic() + END_WITHIN_S
    while (members := _members(pid)) and time.monotonic() < deadline:
        for member in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(members, timeout=1)


def _members(pid: int) -> list[psutil.Process]:
    import psutil

    members: dict[int, psutil.Process] = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        members = {p.pid: p for p in (process, *process.children(recursive=True))}
    for pid_in_session in psutil.pids():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if pid_in_session not in members and os.getsid(pid_in_session) == pid:
                members[pid_in_session] = psutil.Process(pid_in_session)
    return [process for process in members.values() if _is_running(process)]


def _is_running(process: psutil.Process) -> bool:
    import psutil

    try:
        return process.is_running() and bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end_with_parent(parent: int) -> None:
    """End this process when the one that started it is gone, however that died.

    A thread looks every half second; SIGTERM comes first, SIGKILL 15 s later.

    Parameters
    ----------
    parent
        The parent's process id.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK_S)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(TERM_GRACE_S)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
