"""The light path: a notebook's cells in a forked IPython shell, without the kernel protocol.

    with ShellExecutor(KernelRequest(cwd=root)) as executor:
        executor.execute_cell(client, cell, index)

The executed notebook is what nbclient would have made of it: nbclient's own rules turn messages
into outputs, and its exceptions tell of failures. NotWarm means: use a kernel. It comes before
the first cell, or when a cell asks for something only a kernel has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from gristmill.warm import ForkedShell, KernelRequest

OUTPUT_POLL = 2.0
PARENT = {"msg_id": "direct"}


def is_executable(client: NotebookClient, cell: Any) -> bool:
    """Whether nbclient would execute the cell."""
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


class ShellExecutor:
    """Executes cells in a forked shell: `with` starts and ends it, `execute_cell` runs a cell.

    `on_output` is called after output, and now and then while there is none.
    """

    def __init__(self, request: KernelRequest) -> None:
        self._shell = ForkedShell(request)
        self.on_output: Callable[[], object] | None = None

    def __enter__(self) -> ShellExecutor:
        self._shell.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._shell.__exit__(*error)

    @property
    def pid(self) -> int:
        return self._shell.pid

    @property
    def language_info(self) -> Mapping[str, Any]:
        return self._shell.language_info

    def execute_cell(
        self,
        client: NotebookClient,
        cell: Any,
        index: int,
        timeout: float | None = None,
    ) -> dict[str, Any] | None:
        """Execute a cell in place; its `execute_reply`, None for a cell that is not executed.

        CellTimeoutError after `timeout` seconds, DeadKernelError when the process ended.
        """
        if not is_executable(client, cell):
            return None
        cell.outputs = []
        client.clear_before_next_output = False
        client.code_cells_executed += 1
        try:
            reply = self._shell.execute(
                cell.source,
                lambda kind, content: _add_output(client, cell, index, kind, content),
                timeout=timeout,
                on_wake=self.on_output,
                wake_every=OUTPUT_POLL,
            )
        except ForkedShell.TimedOut:
            raise CellTimeoutError.error_from_timeout_and_cell(
                "Cell execution timed out", timeout, cell
            ) from None
        except ForkedShell.Died:
            raise DeadKernelError("Kernel died") from None
        start, end = _timestamp(reply.started), _timestamp(reply.ended)
        cell["execution_count"] = client.code_cells_executed
        cell["metadata"]["execution"] = {
            "iopub.status.busy": start,
            "iopub.execute_input": start,
            "shell.execute_reply": end,
            "iopub.status.idle": end,
        }
        return {"msg_type": "execute_reply", "parent_header": PARENT, "content": reply.content}


def _add_output(
    client: NotebookClient, cell: Any, index: int, kind: str, content: dict[str, Any]
) -> None:
    """Let nbclient make an output of a message; text goes on where it stopped."""
    last = cell.outputs[-1] if cell.outputs else None
    if (
        kind == "stream"
        and last is not None
        and last.get("name") == content["name"]
        and not client.clear_before_next_output
    ):
        last["text"] += content["text"]
        return
    message = {
        "msg_type": kind,
        "content": content,
        "parent_header": PARENT,
        "header": {"msg_type": kind},
    }
    client.process_message(message, cell, index)


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
