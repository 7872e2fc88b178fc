"""The light path: a notebook's cells in a forked IPython shell, without the kernel protocol.

    with Shell(KernelRequest(cwd=root)) as shell:
        shell.execute_cell(client, cell, index)

The executed notebook is what nbclient would have made of it: nbclient's own rules turn messages
into outputs, and its exceptions tell of failures. NotDirect means: use a kernel. It comes before
the first cell, or when a cell asks for something only a kernel has.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from jupyter_client.kernelspec import NoSuchKernel
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from gristmill.errors import GristmillError
from gristmill.runner._kernels.ahead import launch_of
from gristmill.warm import HISTORY_ARGUMENT, KernelRequest, NotWarm, Pipe

EXIT_POLL = 0.1
OUTPUT_POLL = 2.0
INTERRUPT_GRACE = 2.0
PARENT = {"msg_id": "direct"}


class NotDirect(Exception):
    """Why the notebook needs a kernel."""


def executes(client: NotebookClient, cell: Any) -> bool:
    """Is this a cell to execute?"""
    return (
        cell.cell_type == "code"
        and bool(cell.source.strip())
        and client.skip_cells_with_tag not in cell.metadata.get("tags", [])
    )


def raise_error(client: NotebookClient, cell: Any, reply: Mapping[str, Any]) -> None:
    """CellExecutionError for a cell that raised, unless it may."""
    tags = cell.metadata.get("tags", [])
    content = reply["content"]
    if content["status"] == "error" and not client.allow_errors and "raises-exception" not in tags:
        raise CellExecutionError.from_cell_and_msg(cell, content)


class Shell:
    """A forked shell: `with` starts and ends it, `run` executes a cell.

    `on_output` is called after output, and now and then while there is none.
    """

    def __init__(self, request: KernelRequest) -> None:
        self.request = request
        self.language_info: Mapping[str, Any] = {}
        self.on_output: Callable[[], object] | None = None

    def __enter__(self) -> Shell:
        if self.request.fresh:
            raise NotDirect("a fresh kernel was asked for")
        if sys.platform != "linux":
            raise NotDirect(f"{sys.platform} has no fork server; only Linux has")
        self.channel, theirs = socket.socketpair()
        self.pipes: dict[int, Pipe] = {}
        with contextlib.ExitStack() as opened:
            opened.callback(theirs.close)
            failed = opened.enter_context(contextlib.ExitStack())
            failed.callback(self._close_own)
            write_ends = []
            for name in ("stdout", "stderr"):
                read, write = os.pipe()
                os.set_blocking(read, False)
                self.pipes[read] = Pipe(name)
                opened.callback(os.close, write)
                write_ends.append(write)
            null = os.open(os.devnull, os.O_RDONLY)
            opened.callback(os.close, null)
            try:
                self.process = self._fork((null, *write_ends, theirs.fileno()))
            except (NotWarm, NoSuchKernel) as why:
                raise NotDirect(str(why)) from why
            except (GristmillError, OSError) as error:
                raise NotDirect(getattr(error, "message", str(error))) from error
            failed.pop_all()
        self.poller = select.poll()
        for fd in (self.channel.fileno(), *self.pipes, self.process.pidfd):
            self.poller.register(fd, select.POLLIN)
        try:
            self.language_info = self._frame()["language_info"]
        except (EOFError, OSError) as error:
            self.__exit__()
            raise NotDirect("the shell ended before it was ready") from error
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.channel.close()
        if self.process.poll() is None:
            self._drain_until_exit()
        self._close_own()

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    def execute_cell(
        self,
        client: NotebookClient,
        cell: Any,
        index: int,
        timeout: float | None = None,
    ) -> dict[str, Any] | None:
        """Execute a cell in place; its `execute_reply`, None for a cell that is not executed."""
        if not executes(client, cell):
            return None
        content = self.run(client, cell, index, timeout)
        return {"msg_type": "execute_reply", "parent_header": PARENT, "content": content}

    def run(
        self,
        client: NotebookClient,
        cell: Any,
        index: int,
        timeout: float | None,
    ) -> dict[str, Any]:
        """Execute one cell; the content of its `execute_reply`."""
        from gristmill.warm import send

        started = time.monotonic()
        cell.outputs = []
        client.clear_before_next_output = False
        client.code_cells_executed += 1
        with contextlib.suppress(BrokenPipeError):
            send(self.channel, {"op": "run", "source": cell.source})
        while True:
            left = None if timeout is None else started + timeout - time.monotonic()
            if left is not None and left <= 0:
                self._interrupt()
                raise CellTimeoutError.error_from_timeout_and_cell(
                    "Cell execution timed out", timeout, cell
                )
            output = None if self.on_output is None else OUTPUT_POLL
            waits = [seconds for seconds in (left, output) if seconds is not None]
            ready = dict(self.poller.poll(min(waits) * 1000 if waits else None))
            if self.on_output is not None:
                self.on_output()
            if self.channel.fileno() in ready:
                try:
                    frame = self._frame()
                except (EOFError, OSError):
                    frame = {}
                if not frame:
                    self._read_pipes(client, cell, index)
                    raise DeadKernelError("Kernel died")
                if "message" in frame:
                    self._message(client, cell, index, frame["message"])
                    continue
                self._read_pipes(client, cell, index)
                return self._finish(client, cell, frame["done"])
            self._read_pipes(client, cell, index)
            if self.process.pidfd in ready and not self.channel_readable():
                raise DeadKernelError("Kernel died")

    def channel_readable(self) -> bool:
        return bool(select.select([self.channel], [], [], 0)[0])

    def _frame(self) -> dict[str, Any]:
        from gristmill.warm import receive

        frame, _ = receive(self.channel)
        if "unsuitable" in frame:
            self.process.kill()
            raise NotDirect(frame["unsuitable"])
        return frame

    def _message(
        self, client: NotebookClient, cell: Any, index: int, message: dict[str, Any]
    ) -> None:
        last = cell.outputs[-1] if cell.outputs else None
        if (
            message["msg_type"] == "stream"
            and last is not None
            and last.get("name") == message["content"]["name"]
            and not client.clear_before_next_output
        ):
            last["text"] += message["content"]["text"]
            return
        message |= {"parent_header": PARENT, "header": {"msg_type": message["msg_type"]}}
        client.process_message(message, cell, index)

    def _read_pipes(self, client: NotebookClient, cell: Any, index: int) -> None:
        for fd, pipe in self.pipes.items():
            if text := pipe.read(fd):
                content = {"name": pipe.name, "text": text}
                self._message(client, cell, index, {"msg_type": "stream", "content": content})

    def _finish(self, client: NotebookClient, cell: Any, done: dict[str, Any]) -> dict[str, Any]:
        start, end = (
            datetime.fromtimestamp(done.pop(name), UTC).isoformat().replace("+00:00", "Z")
            for name in ("started", "ended")
        )
        cell["execution_count"] = client.code_cells_executed
        cell["metadata"]["execution"] = {
            "iopub.status.busy": start,
            "iopub.execute_input": start,
            "shell.execute_reply": end,
            "iopub.status.idle": end,
        }
        return done

    def _fork(self, fds: tuple[int, ...]) -> Any:
        from gristmill.warm import WarmProcess, child_message, request_child

        launch = launch_of(self.request)
        argv = [*launch.argv, HISTORY_ARGUMENT]
        message = child_message("direct", argv, launch.cwd, launch.env)
        return WarmProcess(*request_child(launch.spec, message, fds))

    def _interrupt(self) -> None:
        """Let the cell clean up, then end the process."""
        self.process.send_signal(signal.SIGINT)
        self.channel.close()
        self._drain_until_exit()

    def _drain_until_exit(self) -> None:
        """Nobody may wait for a reader of its output while it ends."""
        until = time.monotonic() + INTERRUPT_GRACE
        while self.process.poll() is None and time.monotonic() < until:
            for fd, pipe in self.pipes.items():
                pipe.read(fd)
            select.select([self.process.pidfd, *self._open_pipes()], [], [], EXIT_POLL)
        self.process.kill()

    def _open_pipes(self) -> list[int]:
        return [fd for fd, pipe in self.pipes.items() if not pipe.ended]

    def _close_own(self) -> None:
        self.channel.close()
        for fd in self.pipes:
            os.close(fd)
        self.pipes = {}
