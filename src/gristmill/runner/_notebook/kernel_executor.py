"""Cells on a real kernel over its protocol, by one thread and blocking sockets.

    with KernelExecutor(kernel.km) as executor:
        executor.execute_cell(client, cell, index)

nbclient's own rules turn messages into outputs, and its exceptions tell of failures; what it spends
on an event loop for each message is saved. The kernel stays when the executor ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import zmq
from jupyter_client.blocking import BlockingKernelClient
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.client import timestamp
from nbclient.exceptions import CellExecutionComplete, CellTimeoutError, DeadKernelError

from gristmill.runner._notebook.shell_executor import OUTPUT_POLL, is_executable

ALIVE_POLL = 1.0
ASK_AGAIN = 1.0
START_TIMEOUT = 60.0


class KernelExecutor:
    """With a kernel that runs: `with` opens and closes the sockets, `execute_cell` runs a cell.

    `on_output` is called after output, and now and then while there is none.
    """

    def __init__(self, km: Any) -> None:
        self.km = km
        self.language_info: Mapping[str, Any] = {}
        self.on_output: Callable[[], object] | None = None
        self._alive = run_sync(km.is_alive)

    def __enter__(self) -> KernelExecutor:
        self.kc = BlockingKernelClient()
        self.kc.load_connection_info(self.km.get_connection_info())
        self.kc.start_channels(stdin=False, hb=False, control=False)
        self.shell = self.kc.shell_channel.socket
        self.iopub = self.kc.iopub_channel.socket
        self.poller = zmq.Poller()
        for socket in (self.shell, self.iopub):
            self.poller.register(socket, zmq.POLLIN)
        try:
            self.language_info = self._kernel_info()["language_info"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kc.stop_channels()

    def _kernel_info(self) -> dict[str, Any]:
        """Request `kernel_info` until both sockets have had the answer; its content.

        What a kernel publishes before it knows of the subscription is lost.
        """
        deadline = time.monotonic() + START_TIMEOUT
        request_id, repeat_at = "", 0.0
        content: dict[str, Any] = {}
        subscribed = False
        while not (content and subscribed):
            clock = time.monotonic()
            if clock > deadline:
                raise DeadKernelError(f"Kernel didn't respond in {START_TIMEOUT:g} seconds")
            if clock > repeat_at:
                self._require_alive()
                request_id, repeat_at = self.kc.kernel_info(), clock + ASK_AGAIN
            for socket, message in self._messages(max(0.0, repeat_at - clock)):
                is_answer = message["parent_header"].get("msg_id") == request_id
                if socket is self.shell and message["msg_type"] == "kernel_info_reply":
                    content = message["content"]
                elif is_answer and message["content"].get("execution_state") == "idle":
                    subscribed = True
        return content

    def execute_cell(
        self, client: NotebookClient, cell: Any, index: int, timeout: float | None = None
    ) -> dict[str, Any] | None:
        """Execute a cell in place; its `execute_reply`, None for a cell that is not executed.

        CellTimeoutError after `timeout` seconds, DeadKernelError when the kernel ended.
        """
        if not is_executable(client, cell):
            return None
        client.kc = self.kc  # output widgets answer the kernel through it
        cell["metadata"]["execution"] = {}
        allowed = client.allow_errors or "raises-exception" in cell.metadata.get("tags", [])
        request_id = self.kc.execute(cell.source, allow_stdin=False, stop_on_error=not allowed)
        client.code_cells_executed += 1
        cell.outputs = []
        client.clear_before_next_output = False
        deadline = None if timeout is None else time.monotonic() + timeout
        reply: dict[str, Any] | None = None
        complete = False
        while reply is None or not complete:
            wait = ALIVE_POLL if self.on_output is None else min(ALIVE_POLL, OUTPUT_POLL)
            if deadline is not None:
                wait = min(wait, deadline - time.monotonic())
                if wait <= 0:
                    run_sync(self.km.interrupt_kernel)()
                    raise CellTimeoutError.error_from_timeout_and_cell(
                        "Cell execution timed out", timeout, cell
                    )
            messages = self._messages(wait)
            for socket, message in messages:
                if message["parent_header"].get("msg_id") != request_id:
                    continue
                if socket is self.shell:
                    reply = message
                    cell["metadata"]["execution"]["shell.execute_reply"] = timestamp(message)
                    continue
                try:
                    client.process_message(message, cell, index)
                except CellExecutionComplete:
                    complete = True
            if self.on_output is not None:
                self.on_output()
            if not messages:
                self._require_alive()
        return reply

    def _messages(self, wait: float) -> list[tuple[Any, dict[str, Any]]]:
        """What arrives within `wait` seconds: what the kernel published first, then its reply."""
        ready = dict(self.poller.poll(int(wait * 1000) + 1))
        messages = []
        for socket in (self.iopub, self.shell):
            if socket in ready:
                parts = socket.recv_multipart(zmq.NOBLOCK)
                _, parts = self.kc.session.feed_identities(parts)
                messages.append((socket, self.kc.session.deserialize(parts)))
        return messages

    def _require_alive(self) -> None:
        if not self._alive():
            raise DeadKernelError("Kernel died")
