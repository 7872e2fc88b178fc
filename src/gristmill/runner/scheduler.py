"""Ready steps to workers: the DAG's order, in parallel, until done, failed or cancelled."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Work(Protocol):
    """What the scheduler drives. Everything but `execute` happens in the caller's thread."""

    def begin(self, step: str) -> bool:
        """Prepare a ready step; False when it need not execute after all."""

    def execute(self, step: str, tell: Callable[[Any], None]) -> Any:
        """Do the work in a worker thread; `tell` sends progress to the caller's thread."""

    def progress(self, step: str, message: Any) -> None: ...

    def finish(self, step: str, result: Any) -> bool:
        """Record the outcome; False when the step failed."""

    def block(self, step: str, failed: Iterable[str]) -> None:
        """The step cannot run, because steps it needs failed."""

    def cancel(self) -> None:
        """Make the steps that execute return soon."""


@dataclass
class _State:
    pending: dict[str, None]
    running: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    cancelled: bool = False


def drive(
    order: Iterable[str],
    needs: Mapping[str, Collection[str]],
    work: Work,
    workers: int,
    *,
    keep_going: bool = True,
) -> bool:
    """Run the steps of `order`, at most `workers` at once, each after all it needs.

    A failure blocks only its descendants (everything not yet begun when not `keep_going`). Ctrl-C
    cancels: running steps are stopped and recorded, the rest stays pending. Returns True unless
    cancelled.
    """
    state = _State(dict.fromkeys(order))
    messages: queue.SimpleQueue[tuple[str, str, Any]] = queue.SimpleQueue()
    while state.pending or state.running:
        try:
            _start_ready(state, needs, work, workers, messages, keep_going)
            if not state.running:
                break
            kind, step, value = messages.get()
            if kind == "progress":
                work.progress(step, value)
                continue
            state.running.discard(step)
            if not work.finish(step, value):
                state.failed.add(step)
        except KeyboardInterrupt:
            if state.cancelled:
                raise
            state.cancelled = True
            work.cancel()
    return not state.cancelled


def _start_ready(
    state: _State,
    needs: Mapping[str, Collection[str]],
    work: Work,
    workers: int,
    messages: queue.SimpleQueue[tuple[str, str, Any]],
    keep_going: bool,
) -> None:
    for step in list(state.pending):
        if state.cancelled or len(state.running) >= workers:
            return
        broken = state.failed & set(needs[step])
        if broken or (state.failed and not keep_going):
            del state.pending[step]
            state.failed.add(step)
            work.block(step, sorted(broken or state.failed - {step}))
            continue
        if any(n in state.pending or n in state.running for n in needs[step]):
            continue
        del state.pending[step]
        if not work.begin(step):
            continue
        state.running.add(step)
        threading.Thread(
            target=_execute, args=(step, work, messages), name=f"step {step}", daemon=True
        ).start()


def _execute(step: str, work: Work, messages: queue.SimpleQueue[tuple[str, str, Any]]) -> None:
    try:
        result = work.execute(step, lambda message: messages.put(("progress", step, message)))
    except BaseException as error:  # noqa: BLE001  # the caller's thread decides
        result = error
    messages.put(("done", step, result))
