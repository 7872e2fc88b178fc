"""Cells in a forked IPython shell, without the kernel protocol; its server started ahead of need.

with ForkedShell(KernelRequest(cwd=root)) as shell:
    reply = shell.execute("print(1)", on_message=print)
"""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jupyter_client.kernelspec import NoSuchKernel
from jupyter_client.manager import AsyncKernelManager

from gristmill.errors import GristmillError
from gristmill.warm._client.kernels import HISTORY_ARGUMENT, KernelRequest
from gristmill.warm._client.process import WarmProcess
from gristmill.warm._client.provisioner import NotWarm, parse_command, server_spec
from gristmill.warm._server import wire

if TYPE_CHECKING:
    from gristmill.warm._client.spec import ServerSpec

EXIT_POLL = 0.1
INTERRUPT_GRACE = 2.0


@dataclass(frozen=True)
class _Launch:
    """`argv` are the kernel's arguments, `env` its whole environment."""

    spec: ServerSpec
    argv: list[str]
    cwd: str
    env: dict[str, str]


def _launch_of(request: KernelRequest) -> _Launch:
    """For a process that takes no connection file. NotWarm when no server would do, NoSuchKernel
    when no kernelspec has that name."""
    manager = AsyncKernelManager(kernel_name=request.kernel_name)
    manager._launch_args = {}
    manager.connection_file = os.devnull
    python, argv = parse_command(manager.format_kernel_cmd())
    cwd = os.path.abspath(request.cwd)
    env = dict(os.environ if request.env is None else request.env)
    env |= manager.kernel_spec.env
    env["JPY_PARENT_PID"] = str(os.getpid())
    spec = server_spec(python, cwd, env, request.project, request.preload, request.environment)
    return _Launch(spec, argv, cwd, env)


def start_ahead(request: KernelRequest) -> None:
    """Start the server of a kernel in the background, while the caller prepares something else.

    Whoever needs the server waits for it then, and hears why there is none.

    Parameters
    ----------
    request
        The kernel, or shell, that will be asked for.
    """
    if sys.platform == "linux" and not request.fresh:
        threading.Thread(target=_start, args=(request,), daemon=True).start()


def _start(request: KernelRequest) -> None:
    from gristmill.warm._client.servers import start_server

    with contextlib.suppress(GristmillError, NoSuchKernel, NotWarm, OSError):
        start_server(_launch_of(request).spec)


@dataclass(frozen=True)
class ShellReply:
    """How a cell ended.

    Attributes
    ----------
    content
        The content of the kernel protocol's `execute_reply`.
    started, ended
        When the cell ran, in seconds since the epoch.
    """

    content: dict[str, Any]
    started: float
    ended: float


class ForkedShell:
    """A forked process with IPython's shell, and no kernel around it.

    A context manager: entering forks the process, leaving ends it. Both `with` and `execute` raise
    NotWarm when the cells have to run on a kernel: because nothing can be forked here, or because
    a cell asked for something that only a kernel has.

    Parameters
    ----------
    request
        The kernel that the shell stands in for.

    Attributes
    ----------
    language_info
        What a kernel would say of its language, for the notebook's metadata.
    """

    class Died(Exception):
        """The process ended while a cell ran."""

    class TimedOut(Exception):
        """A cell took too long. Its process has been ended."""

    def __init__(self, request: KernelRequest) -> None:
        self.request = request
        self.language_info: Mapping[str, Any] = {}

    def __enter__(self) -> ForkedShell:
        if self.request.fresh:
            raise NotWarm("a fresh kernel was asked for")
        if sys.platform != "linux":
            raise NotWarm(f"{sys.platform} has no fork server; only Linux has")
        self._channel, theirs = socket.socketpair()
        self._pipes: dict[int, _Pipe] = {}
        with contextlib.ExitStack() as opened:
            opened.callback(theirs.close)
            failed = opened.enter_context(contextlib.ExitStack())
            failed.callback(self._close_own)
            write_ends = []
            for name in ("stdout", "stderr"):
                read, write = os.pipe()
                os.set_blocking(read, False)
                self._pipes[read] = _Pipe(name)
                opened.callback(os.close, write)
                write_ends.append(write)
            null = os.open(os.devnull, os.O_RDONLY)
            opened.callback(os.close, null)
            try:
                self._process = self._fork((null, *write_ends, theirs.fileno()))
            except NoSuchKernel as error:
                raise NotWarm(str(error)) from error
            except (GristmillError, OSError) as error:
                raise NotWarm(getattr(error, "message", str(error))) from error
            failed.pop_all()
        self._poller = select.poll()
        for fd in (self._channel.fileno(), *self._pipes, self._process.pidfd):
            self._poller.register(fd, select.POLLIN)
        try:
            self.language_info = self._frame()["language_info"]
        except (EOFError, OSError) as error:
            self.__exit__()
            raise NotWarm("the shell ended before it was ready") from error
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        if self._process.poll() is None:
            self._drain_until_exit()
        self._close_own()

    @property
    def pid(self) -> int:
        return int(self._process.pid)

    def execute(
        self,
        source: str,
        on_message: Callable[[str, dict[str, Any]], object],
        *,
        timeout: float | None = None,
        on_wake: Callable[[], object] | None = None,
        wake_every: float = 2.0,
    ) -> ShellReply:
        """Execute one cell.

        Parameters
        ----------
        source
            The cell's code.
        on_message
            Called with the type and the content of each message that a kernel would publish, in
            their order.
        timeout
            Seconds that the cell may take; None for no limit.
        on_wake
            Called whenever there is output, and every `wake_every` seconds while there is none.
        wake_every
            Seconds.

        Raises
        ------
        ForkedShell.Died
            The process ended.
        ForkedShell.TimedOut
            The cell was interrupted after `timeout` and the process ended.
        NotWarm
            The cell needs a kernel; the process has been killed.
        """
        started = time.monotonic()
        with contextlib.suppress(BrokenPipeError):
            wire.send(self._channel, {"op": "run", "source": source})
        while True:
            left = None if timeout is None else started + timeout - time.monotonic()
            if left is not None and left <= 0:
                self._interrupt()
                raise ForkedShell.TimedOut
            wake = None if on_wake is None else wake_every
            limits = [seconds for seconds in (left, wake) if seconds is not None]
            ready = dict(self._poller.poll(min(limits) * 1000 if limits else None))
            if on_wake is not None:
                on_wake()
            if self._channel.fileno() in ready:
                try:
                    frame = self._frame()
                except (EOFError, OSError):
                    frame = {}
                if "message" in frame:
                    message = frame["message"]
                    on_message(message["msg_type"], message["content"])
                    continue
                self._read_pipes(on_message)
                if not frame:
                    raise ForkedShell.Died
                content = frame["done"]
                return ShellReply(content, content.pop("started"), content.pop("ended"))
            self._read_pipes(on_message)
            if self._process.pidfd in ready and not self._has_frame():
                raise ForkedShell.Died

    def _has_frame(self) -> bool:
        return bool(select.select([self._channel], [], [], 0)[0])

    def _frame(self) -> dict[str, Any]:
        frame, _ = wire.receive(self._channel)
        if "unsuitable" in frame:
            self._process.kill()
            raise NotWarm(frame["unsuitable"])
        return frame

    def _read_pipes(self, on_message: Callable[[str, dict[str, Any]], object]) -> None:
        for fd, pipe in self._pipes.items():
            if text := pipe.read(fd):
                on_message("stream", {"name": pipe.name, "text": text})

    def _fork(self, fds: tuple[int, ...]) -> WarmProcess:
        from gristmill.warm._client.servers import request_child
        from gristmill.warm._client.spec import child_message

        launch = _launch_of(self.request)
        argv = [*launch.argv, HISTORY_ARGUMENT]
        message = child_message("direct", argv, launch.cwd, launch.env)
        return WarmProcess(*request_child(launch.spec, message, fds))

    def _interrupt(self) -> None:
        """Let the cell clean up, then end the process."""
        self._process.send_signal(signal.SIGINT)
        self._channel.close()
        self._drain_until_exit()

    def _drain_until_exit(self) -> None:
        """Nobody may wait for a reader of its output while it ends."""
        deadline = time.monotonic() + INTERRUPT_GRACE
        while self._process.poll() is None and time.monotonic() < deadline:
            for fd, pipe in self._pipes.items():
                pipe.read(fd)
            unread = [fd for fd, pipe in self._pipes.items() if not pipe.ended]
            select.select([self._process.pidfd, *unread], [], [], EXIT_POLL)
        self._process.kill()

    def _close_own(self) -> None:
        self._channel.close()
        for fd in self._pipes:
            os.close(fd)
        self._pipes = {}


class _Pipe:
    """Text read so far from one of the child's descriptors."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ended = False
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def read(self, fd: int) -> str:
        """What has arrived, without waiting for more."""
        parts = []
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(fd, 1 << 16):
                parts.append(self._decoder.decode(chunk))
            self.ended = True
        return "".join(parts)
