"""Waiting for what another process does: until it is so, never for a length of time."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 120.0


def eventually(look: Callable[[], T], seconds: float = PATIENCE, *, every: float = 0.02) -> T:
    """The first true answer of `look`.

    Files, sockets and processes of others have no event that a test could wait for in one way, so
    this looks again and again. No test has a loop of its own.
    """
    deadline = time.monotonic() + seconds
    while not (answer := look()):
        assert time.monotonic() < deadline, f"not so after {seconds:g} s: {look}"
        time.sleep(every)
    return answer


def ended(pid: int, seconds: float = PATIENCE) -> bool:
    """Does the process end in time? One that nobody has reaped yet has ended."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watch], [], [], seconds)[0])
    finally:
        os.close(watch)


def alive(pid: int) -> bool:
    return not ended(pid, 0)
