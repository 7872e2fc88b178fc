"""Ctrl-C and SIGTERM during a run: acted on between two changes, not in the middle of one."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """How a run is cancelled: by signals when the main thread runs it, or by `request`.

    The first is passed on as a message. From the second on, and inside `immediate`, a signal
    raises KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self._listener: Callable[[], None] | None = None
        self._count = 0
        self._immediate = False

    def request(self) -> None:
        """Cancel the run; from any thread, at any time, also before it began."""
        self._count += 1
        if self._listener is not None:
            self._listener()

    @contextlib.contextmanager
    def forwarded_to(self, listener: Callable[[], None]) -> Iterator[None]:
        """While this lasts, interrupts go to `listener`."""
        self._listener = listener
        if self._count:
            listener()
        before = {number: signal.signal(number, self._signalled) for number in _heeded_signals()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self._listener = None

    @contextlib.contextmanager
    def immediate(self) -> Iterator[None]:
        """For what may take long and leaves nothing half-done: an interrupt ends it at once."""
        self._immediate = True
        try:
            yield
        finally:
            self._immediate = False

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        repeated = self._count > 0
        self._count += 1
        if repeated or self._immediate:
            raise KeyboardInterrupt
        if self._listener is not None:
            self._listener()


def _heeded_signals() -> list[signal.Signals]:
    """Those that this thread can handle and that are not ignored already."""
    if threading.current_thread() is not threading.main_thread():
        return []
    return [n for n in SIGNALS if signal.getsignal(n) not in (signal.SIG_IGN, None)]
