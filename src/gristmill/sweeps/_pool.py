"""Worker processes: started when needed, reused, and watched all at once."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

GRACE_S = 30.0


class Worker:
    """One process. `busy` is the number of its trial, None when it waits."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.busy: int | None = None
        with open(log, "ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "gristmill.sweeps._worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )

    def start(self, number: int, task: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self.busy = number
        self._process.stdin.write(json.dumps(task).encode() + b"\n")
        self._process.stdin.flush()

    def fileno(self) -> int:
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def result(self) -> dict[str, Any]:
        """The result of its trial, which fails when the process died."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        self.busy = None
        if line:
            result: dict[str, Any] = json.loads(line)
            return result
        code = self._process.wait()
        return {
            "status": "died",
            "error": f"the trial's process ended with exit code {code}; see {self.log}",
        }

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def interrupt(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """End the process, at once when it does not end by itself."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(GRACE_S if self.busy is None else 0.1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def with_results(workers: list[Worker], timeout: float) -> list[Worker]:
    """The busy workers that have a result or died, waited for at most `timeout` seconds."""
    busy = [w for w in workers if w.busy is not None]
    return list(select.select(busy, [], [], timeout)[0])
