"""Hands ready steps to worker threads until all have ended; knows nothing of notebooks."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gristmill.errors import Waiting
from gristmill.runner._interrupts import Interrupts
from gristmill.runner._schedule import Schedule

Message = tuple[str, str, Any]


@dataclass(frozen=True)
class Outcome:
    """How an attempt at a step ended; `again` is the wait in seconds before the next attempt."""

    ok: bool
    again: float | None = None


class Work(Protocol):
    """What the scheduler drives. Everything but `execute` happens in the caller's thread."""

    def begin(self, step: str) -> bool:
        """Prepare a ready step; False when it need not execute after all. Raises Waiting when
        people have to decide first."""

    def hold(self, step: str, reason: Waiting) -> None:
        """The step will not run in this run."""

    def execute(self, step: str, report: Callable[[Any], None]) -> Any:
        """Do the work in a worker thread; `report` sends progress to the caller's thread."""

    def progress(self, step: str, message: Any) -> None: ...

    def finish(self, step: str, result: Any) -> Outcome:
        """Record how an attempt ended; `result` is what `execute` returned or raised."""

    def deadline(self, step: str) -> float | None:
        """When a running step is to be ended, on the clock of `drive`."""

    def expire(self, step: str) -> None:
        """Its time is over: make `execute` return soon."""

    def block(self, step: str, failed: Iterable[str]) -> None:
        """The step cannot run, because these did not succeed."""

    def cancel(self, unbegun: Iterable[str]) -> None:
        """Make the steps that execute return soon; `unbegun` will not begin."""


def drive(
    schedule: Schedule,
    work: Work,
    interrupts: Interrupts,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Run the steps of `schedule`. Returns True unless cancelled.

    The first interrupt cancels: running steps are stopped and recorded. A second one raises
    KeyboardInterrupt here.
    """
    messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
    driver = _Driver(schedule, work, messages, clock)
    with interrupts.forwarded_to(lambda: messages.put(("interrupt", "", None))):
        while True:
            try:
                driver.start_ready()
                if schedule.finished:
                    return not driver.cancelled
                driver.step()
            except KeyboardInterrupt:
                if driver.cancelled:
                    raise
                driver.cancel()


class _Driver:
    def __init__(
        self,
        schedule: Schedule,
        work: Work,
        messages: queue.SimpleQueue[Message],
        clock: Callable[[], float],
    ) -> None:
        self.schedule = schedule
        self.work = work
        self.messages = messages
        self.clock = clock
        self.cancelled = False
        self.expired: set[str] = set()

    def start_ready(self) -> None:
        while (step := self.schedule.start(self.clock())) is not None:
            try:
                executes = self.work.begin(step)
            except Waiting as reason:
                self.work.hold(step, reason)
                self._block(self.schedule.hold(step))
                continue
            except BaseException as error:
                self.messages.put(("done", step, error))  # `finish` says what became of the step
                if not isinstance(error, Exception):
                    raise
                continue
            if not executes:
                self._end(step, ok=True)
                continue
            threading.Thread(
                target=_execute,
                args=(step, self.work, self.messages),
                name=f"step {step}",
                daemon=True,
            ).start()

    def step(self) -> None:
        """Take one message, or let what is overdue expire."""
        running = [step for step in self.schedule.running if step not in self.expired]
        deadlines = {step: self.work.deadline(step) for step in running}
        times = [t for t in (*deadlines.values(), self.schedule.wakes) if t is not None]
        wait = max(0.0, min(times) - self.clock()) if times else None
        try:
            kind, step, value = self.messages.get(timeout=wait)
        except queue.Empty:
            clock = self.clock()
            for step in [s for s, t in deadlines.items() if t is not None and t <= clock]:
                self.expired.add(step)
                self.work.expire(step)
            return
        if kind == "interrupt":
            self.cancel()
        elif kind == "progress":
            self.work.progress(step, value)
        else:
            self._finish(step, value)

    def _finish(self, step: str, result: Any) -> None:
        self.expired.discard(step)
        outcome = self.work.finish(step, result)
        if outcome.again is None:
            self._end(step, ok=outcome.ok)
        else:
            self.schedule.retry(step, self.clock() + outcome.again)

    def _end(self, step: str, *, ok: bool) -> None:
        self._block(self.schedule.end(step, ok=ok))

    def _block(self, steps: Mapping[str, Iterable[str]]) -> None:
        for blocked, causes in steps.items():
            self.work.block(blocked, causes)

    def cancel(self) -> None:
        if not self.cancelled:
            self.cancelled = True
            self.work.cancel(self.schedule.cancel())


def _execute(step: str, work: Work, messages: queue.SimpleQueue[Message]) -> None:
    try:
        result = work.execute(step, lambda message: messages.put(("progress", step, message)))
    except BaseException as error:  # noqa: BLE001  # the caller's thread decides
        result = error
    messages.put(("done", step, result))
