"""Processes that the server starts and knows by name."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from gristmill.errors import Unavailable

TAIL = 600
HOLDING = (
    "import runpy, sys; from gristmill.processes import end_with_parent;"
    "end_with_parent(int(sys.argv[1]));"
    "sys.argv = sys.argv[2:]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)


class Background:
    """Processes by name. Each writes to a log."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, subprocess.Popen[bytes]] = {}

    def alive(self, name: str) -> bool:
        """Whether the process of this name is running."""
        process = self._held.get(name)
        return process is not None and process.poll() is None

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        cwd: Path,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Run the command in `cwd`, unless it runs already."""
        with self._lock:
            if self.alive(name):
                return self._held[name]
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("wb") as file:
                process = subprocess.Popen(
                    list(command),
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(environment or {})},
                    start_new_session=True,
                )
            self._held[name] = process
            return process


BACKGROUND = Background()


def held(module: Sequence[str]) -> list[str]:
    """The command `python -m MODULE ...`, that ends when this process is gone, however it died."""
    return [sys.executable, "-c", HOLDING, str(os.getpid()), *module]


def free_port() -> int:
    """A free TCP port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(process: subprocess.Popen[bytes], port: int, log: Path, seconds: float) -> None:
    """Until something listens on the port. Raises Unavailable with the log's end."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    process.terminate()
    output = log.read_text(errors="replace")[-TAIL:].strip()
    raise Unavailable(
        "process.start", f"The process did not start: {output}", hint=f"Its log is {log}."
    )
