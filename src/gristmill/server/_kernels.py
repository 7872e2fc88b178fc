"""`gristmill/steps/{step}/kernel`: the kernel of a failed step among those of this Jupyter server.

A parked kernel is not this server's: it is listed, connected to and interrupted like others, but to
shut it down in JupyterLab only lets go of it. It disappears here when its process has ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gristmill.errors import Unavailable
from gristmill.runner import ParkedKernel, ParkedKernels
from gristmill.server._handlers import ApiRequest, Route
from gristmill.server._schema import KernelView
from gristmill.server._threads import in_thread

LOOK_S = 0.5


async def open_kernel(request: ApiRequest) -> KernelView:
    """Make the parked kernel of a step one that clients of this server connect to."""
    project = await in_thread(lambda: request.project)
    registry = ParkedKernels(project.state)
    kernel = await in_thread(registry.find, request.names["step"])
    await in_thread(registry.renew, kernel)
    manager = request.shared.app.kernel_manager
    kernel_id = request.shared.adopted.get(kernel.connection_file)
    if kernel_id is None or kernel_id not in manager:
        kernel_id = adopt(manager, kernel)
        request.shared.adopted[kernel.connection_file] = kernel_id
        watching = asyncio.create_task(_let_go(manager, kernel_id, kernel))
        request.shared.tasks.add(watching)
        watching.add_done_callback(request.shared.tasks.discard)
    name = Path(kernel.executed)
    return KernelView(kernel_id, f"{name.parent.name}/{name.name}", kernel.cell, kernel.run)


def adopt(manager: Any, kernel: ParkedKernel) -> str:
    """The id under which the server's kernel manager has a kernel that it did not start."""
    try:
        connection = json.loads(Path(kernel.connection_file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Unavailable(
            "kernel.connection",
            f"the connection file of the kernel of {kernel.step} cannot be read: {error}",
            hint="Run the step again with its kernel kept.",
        ) from error
    identity = str(manager.new_kernel_id())
    adopted = manager.kernel_manager_factory(parent=manager, log=manager.log, owns_kernel=False)
    adopted.load_connection_info(connection)
    adopted.kernel_id = identity
    adopted.kernel_name = connection.get("kernel_name") or manager.default_kernel_name
    adopted.execution_state = "idle"
    adopted.reason = ""
    adopted.last_activity = datetime.now(UTC)
    adopted.ready.set_result(None)

    async def signal_kernel(number: int) -> None:
        os.kill(kernel.pid, number)

    async def interrupt_kernel() -> None:
        await signal_kernel(signal.SIGINT)

    adopted.signal_kernel = signal_kernel
    adopted.interrupt_kernel = interrupt_kernel
    manager._kernels[identity] = adopted
    manager._kernel_connections[identity] = 0
    manager._kernel_ports[identity] = adopted.ports
    manager.start_watching_activity(identity)
    return identity


async def _let_go(manager: Any, identity: str, kernel: ParkedKernel) -> None:
    while identity in manager and await in_thread(lambda: kernel.alive):
        await asyncio.sleep(LOOK_S)
    if identity in manager:
        manager.stop_watching_activity(identity)
        manager._kernel_connections.pop(identity, None)
        manager._kernel_ports.pop(identity, None)
        manager.remove_kernel(identity)


def end(request: ApiRequest) -> None:
    """End the parked kernel of a step."""
    registry = ParkedKernels(request.project.state)
    registry.end(registry.find(request.names["step"]))


ROUTES = [
    Route("POST", "steps/{step}/kernel", open_kernel),
    Route("DELETE", "steps/{step}/kernel", end),
]
