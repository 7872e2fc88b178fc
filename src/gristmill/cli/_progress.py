"""A run in the terminal: one line for each step that ends, live lines for those that run."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from types import TracebackType

from gristmill import events
from gristmill.cli._out import colour, style

BAR = 16
LOOKS = {"succeeded": "green", "failed": "red", "cancelled": "yellow", "waiting": "yellow"}
TICK_S = 0.1


class JsonLines:
    """Events as JSON, one a line."""

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, event: events.Event) -> None:
        print(json.dumps(event.record(), default=str), flush=True)


class Progress:
    """Prints what happens; on a terminal, running steps show a bar that moves with their cells.
    `below` leads from the project to the one that runs, ending in `/`."""

    def __init__(self, below: str = "") -> None:
        self._below = below
        self._live = colour(sys.stdout)
        self._running: dict[str, tuple[float, int, int]] = {}
        self._drawn = 0
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._width = 0
        self._fresh = 0
        self._waits = ""

    def __enter__(self) -> Progress:
        if self._live:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        with self._lock:
            self._erase()

    def __call__(self, event: events.Event) -> None:
        with self._lock:
            self._erase()
            self._hear(event)
            self._draw()

    def _hear(self, event: events.Event) -> None:
        match event:
            case events.RunStarted():
                self._width = max(map(len, event.steps), default=0)
            case events.StepSkipped(blocked=True):
                self._line("skipped", "yellow", event.step, event.reason)
            case events.StepSkipped():
                self._fresh += 1
            case events.StepRestored():
                self._line("restored", "cyan", event.step, f"from the cache: {event.reason}")
            case events.StepStarted():
                self._running[event.step] = (event.at, 0, event.cells)
                if not self._live:
                    self._line("started", "dim", event.step, event.reason)
            case events.CellStarted():
                begun = self._running[event.step][0]
                self._running[event.step] = (begun, event.cell - 1, event.cells)
            case events.CellFinished():
                begun = self._running[event.step][0]
                self._running[event.step] = (begun, event.cell, event.cells)
            case events.StepSucceeded():
                self._running.pop(event.step, None)
                self._line("done", "green", event.step, f"{event.seconds:.1f} s")
            case events.StepFailedEvent():
                self._running.pop(event.step, None)
                self._line("failed", "red", event.step, event.error["message"])
            case events.StepWaiting():
                self._line("waiting", "yellow", event.step, event.error["message"])
                self._waits = event.error["hint"]
            case events.StepRetried():
                self._running.pop(event.step, None)
                attempt = f"attempt {event.attempt} of {event.attempts}"
                text = f"{attempt}: {event.error['message']} Again in {event.wait:.1f} s."
                self._line("retry", "yellow", event.step, text)
            case events.Notice():
                print(event.message)
            case events.RunFinished():
                self._summary(event)

    def _summary(self, event: events.RunFinished) -> None:
        if event.status == "succeeded" and event.ran == 0 and event.skipped == self._fresh:
            print(f"nothing to do: {event.skipped} steps are fresh ({event.seconds:.2f} s)")
            return
        parts = [f"{event.ran - event.failed} ran"]
        if event.failed:
            parts.append(f"{event.failed} failed")
        if event.skipped:
            parts.append(
                f"{event.skipped} did not have to run"
                if not event.failed and not self._waits
                else f"{event.skipped} did not run"
            )
        name = LOOKS[event.status]
        print(f"{style(event.status, 'bold', name)} in {event.seconds:.1f} s: {', '.join(parts)}")
        if event.status == "waiting":
            print(self._waits)
        elif event.status != "succeeded":
            again = "gristmill run --smoke" if self._below else "gristmill run"
            print(f"finished steps are kept: `{again}` continues with the rest")
        where = f"{self._below}.gristmill/runs/{event.run}"
        print(style(f"run {event.run}, executed notebooks in {where}", "dim"))

    def _line(self, word: str, look: str, step: str, text: str) -> None:
        print(f"{style(word.ljust(8), look)} {step.ljust(self._width)}  {text}", flush=True)

    def _tick(self) -> None:
        while not self._stop.wait(TICK_S):
            with self._lock:
                self._erase()
                self._draw()

    def _erase(self) -> None:
        if self._drawn:
            sys.stdout.write(f"\x1b[{self._drawn}A\x1b[J")
            self._drawn = 0

    def _draw(self) -> None:
        if not self._live:
            return
        columns = shutil.get_terminal_size().columns
        for step, (begun, done, cells) in self._running.items():
            filled = BAR * done // max(cells, 1)
            bar = "█" * filled + "░" * (BAR - filled)
            seconds = time.time() - begun
            text = f"running  {step.ljust(self._width)}  {bar} cell {done}/{cells}  {seconds:.0f} s"
            sys.stdout.write(text[: columns - 1] + "\n")
        self._drawn = len(self._running)
        sys.stdout.flush()
