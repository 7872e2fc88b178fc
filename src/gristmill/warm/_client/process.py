"""A forked process as its client sees it: like `subprocess.Popen`, for somebody else's child."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import socket
import subprocess

from gristmill.warm._server import wire

UNKNOWN_EXIT = 1
STATUS_TIMEOUT = 2.0


class WarmProcess:
    """Signals go to the process through its pidfd, never to another one with a reused id."""

    stdin = stdout = stderr = None

    def __init__(self, conn: socket.socket | None, pid: int, pidfd: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._conn = conn
        self._pidfd = pidfd

    @property
    def pidfd(self) -> int:
        """Readable once the process has ended; -1 when that has been noticed."""
        return self._pidfd

    def poll(self) -> int | None:
        if self.returncode is None and (self._pidfd < 0 or exited(self._pidfd)):
            self.returncode = self._read_status()
            self._close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None and not exited(self._pidfd, timeout):
            raise subprocess.TimeoutExpired(f"kernel {self.pid}", timeout or 0.0)
        code = self.poll()
        return UNKNOWN_EXIT if code is None else code

    async def wait_async(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the exit, without polling; did it happen?"""
        return self.poll() is not None or await wait_for_exit(self._pidfd, timeout)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def detach(self, lease: str = "", seconds: float = 0.0) -> None:
        """Let the process outlive this one, but not the file `lease` when one is named, nor by more
        than `seconds` the last time that file was touched."""
        if self._conn is not None:
            wire.send(self._conn, {"op": "detach", "lease": lease, "seconds": seconds})

    def _read_status(self) -> int:
        """The exit code the server reports; UNKNOWN_EXIT when the server died first."""
        if self._conn is None:
            return UNKNOWN_EXIT
        self._conn.settimeout(STATUS_TIMEOUT)
        try:
            while True:
                message, _ = wire.receive(self._conn)
                if "exit" in message:
                    return int(message["exit"])
        except (OSError, EOFError):
            return UNKNOWN_EXIT

    def _close(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def __del__(self) -> None:
        self._close()


def exited(pidfd: int, timeout: float | None = 0.0) -> bool:
    """Has the process of `pidfd` ended, or does it within `timeout` seconds (None: for ever)?"""
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    return bool(poller.poll(None if timeout is None else timeout * 1000))


async def wait_for_exit(pidfd: int, timeout: float) -> bool:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    own = os.dup(pidfd)

    def on_exit() -> None:
        if not done.done():
            done.set_result(None)

    loop.add_reader(own, on_exit)
    try:
        await asyncio.wait_for(done, timeout)
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(own)
        os.close(own)
    return True
