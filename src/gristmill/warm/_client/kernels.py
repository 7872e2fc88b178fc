"""Warm kernels: start one, use its `km` with nbclient or papermill, close it.

    with start_kernel(KernelRequest(cwd=project.root, environment=lock)) as kernel:
        NotebookClient(notebook, km=kernel.km).execute()

Where forking is not possible the kernel is a fresh one and `kernel.reason` says why.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.session import new_id
from jupyter_core.utils import run_sync
from traitlets import Type, default

from gristmill.errors import Unavailable
from gristmill.warm._client.provisioner import WarmProvisioner
from gristmill.warm._client.runtime import private_sockets

SUBSCRIBED_WITHIN = 0.2
REPLY_WITHIN = 1.0
HISTORY_ARGUMENT = "--HistoryManager.hist_file=:memory:"
"""What a notebook executes by itself is not the history of its user; as nbclient has it."""


@dataclass(frozen=True)
class KernelRequest:
    """Which kernel to start, and how.

    Attributes
    ----------
    cwd
        The kernel's working directory.
    kernel_name
        The kernelspec.
    preload
        Modules that the server imports; None takes those of the project's notebooks.
    environment
        The hash of the environment's lock file; None hashes the usual lock files in `project`.
    project
        The root of the project; None looks for it from `cwd` upwards.
    env
        The kernel's whole environment; None takes this process's.
    fresh
        Start a new interpreter instead of forking.
    parkable
        The kernel can be left running by `KernelHandle.park`. A fresh kernel then also survives a
        crash of this process.
    log
        A file for what the kernel's process prints outside of cells; None drops it.
    connections
        The folder for the connection file; None takes one for temporary files.
    """

    cwd: Path
    kernel_name: str = "python3"
    preload: tuple[str, ...] | None = None
    environment: str | None = None
    project: Path | None = None
    env: Mapping[str, str] | None = None
    fresh: bool = False
    parkable: bool = False
    log: Path | None = None
    connections: Path | None = None


class ReadyClient(AsyncKernelClient):  # type: ignore[misc]
    """Is ready when the kernel has answered and gone idle, without listening 200 ms for more."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """RuntimeError when the kernel died, or did not answer within `timeout` seconds."""
        deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
        await self._published_within(SUBSCRIBED_WITHIN, "iopub_welcome", None)
        while True:
            request_id = self.kernel_info()
            reply = await self._reply(request_id)
            if reply is not None and await self._published_within(
                SUBSCRIBED_WITHIN, "status", request_id
            ):
                self._handle_kernel_info_reply(reply)
                return
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Kernel didn't respond in {timeout} seconds")

    async def _reply(self, request_id: str) -> dict[str, Any] | None:
        until = time.monotonic() + REPLY_WITHIN
        while (left := until - time.monotonic()) > 0:
            try:
                message: dict[str, Any] = await self.get_shell_msg(timeout=left)
            except Empty:
                return None
            if message["parent_header"].get("msg_id") == request_id:
                return message
        return None

    async def _published_within(self, seconds: float, kind: str, request_id: str | None) -> bool:
        """Was a message of `kind` seen (for `request_id`: its idle status)? Skips those before."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                message = await self.get_iopub_msg(timeout=left)
            except Empty:
                return False
            if message["msg_type"] == kind and (
                request_id is None
                or (
                    message["parent_header"].get("msg_id") == request_id
                    and message["content"]["execution_state"] == "idle"
                )
            ):
                return True
        return False


class WarmKernelManager(AsyncKernelManager):  # type: ignore[misc]
    """Starts kernels through `WarmProvisioner` and waits for events instead of asking."""

    client_factory = Type(klass=AsyncKernelClient)

    @default("client_factory")
    def _ready_client(self) -> type[ReadyClient]:
        return ReadyClient

    def client(self, **arguments: Any) -> ReadyClient:
        """A client whose channels close with the kernel's handle: nbclient leaves them open.

        Each has a session of its own. Its id is the routing id of its sockets, and of two open
        clients with one id the kernel answers only the one that connected last: after a restart,
        when all connect again, that is anybody's guess.
        """
        made: ReadyClient = super().client(**arguments)
        made.session.session = new_id()
        self._clients = [*getattr(self, "_clients", []), made]
        return made

    def close_clients(self) -> None:
        for made in getattr(self, "_clients", []):
            made.stop_channels()
        self._clients = []

    async def _async_wait(self, pollinterval: float = 0.1) -> None:
        while await self._async_is_alive():
            if not await self.provisioner.wait_for_exit(60.0):
                await asyncio.sleep(pollinterval)


@dataclass
class KernelHandle:
    """A running kernel, which a `with` block ends.

    Attributes
    ----------
    km
        Its kernel manager, for nbclient or papermill.
    warm
        Whether it was forked.
    reason
        Why it was forked, or was not.
    parkable
        Whether `park` can leave it running.
    parked
        Whether `park` did.
    """

    km: WarmKernelManager
    warm: bool
    reason: str
    parkable: bool
    parked: bool = False

    @property
    def pid(self) -> int:
        return int(self.km.provisioner.pid)

    @property
    def connection_file(self) -> str:
        return str(self.km.connection_file)

    async def close_async(self, *, now: bool = False) -> None:
        """Shut the kernel down, at once with `now`; without effect when it has gone."""
        self.km.close_clients()
        if self.km.has_kernel and not self.parked:
            await self.km.shutdown_kernel(now=now or not await self.km.is_alive())

    def close(self, *, now: bool = False) -> None:
        run_sync(self.close_async)(now=now)

    def park(self, lease: Path | None = None, seconds: float = 0.0) -> str:
        """Leave the kernel running when this process ends.

        Parameters
        ----------
        lease, seconds
            A forked kernel ends itself when this file is gone, or untouched for so long.

        Returns
        -------
        str
            The connection file.

        Raises
        ------
        Unavailable
            `kernels.not_parkable`.
        """
        if not self.parkable:
            raise Unavailable(
                "kernels.not_parkable",
                "A fresh kernel ends with the process that started it.",
                hint="Start it with KernelRequest(parkable=True).",
            )
        self.km.close_clients()
        if self.warm:
            self.km.provisioner.process.detach(str(lease or ""), seconds)
        self.km._connection_file_written = False
        self.km._owns_kernel = False
        self.parked = True
        return self.connection_file

    def __enter__(self) -> KernelHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> KernelHandle:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close_async()


async def start_kernel_async(request: KernelRequest) -> KernelHandle:
    """`start_kernel` in an event loop."""
    manager = WarmKernelManager(kernel_name=request.kernel_name)
    if prefix := private_sockets():
        manager.transport, manager.ip = "ipc", prefix
    if request.connections is not None:
        request.connections.mkdir(parents=True, exist_ok=True)
        manager.connection_file = str(request.connections / f"kernel-{uuid.uuid4()}.json")
    spec = manager.kernel_spec
    stanza = spec.metadata.get("kernel_provisioner", {})
    chosen = stanza.get("provisioner_name", "gristmill-warm")
    if chosen == "gristmill-warm":
        manager.provisioner = WarmProvisioner(
            kernel_id="",
            kernel_spec=spec,
            parent=manager,
            preload=None if request.preload is None else list(request.preload),
            environment=request.environment,
            project=str(request.project or ""),
            fresh=request.fresh,
            owned=True,
        )
    arguments: dict[str, Any] = {"cwd": str(request.cwd), "independent": request.parkable}
    if manager.ipykernel:
        arguments["extra_arguments"] = [HISTORY_ARGUMENT]
    if request.env is not None:
        arguments["env"] = dict(request.env)
    if request.log is None:
        await manager.start_kernel(**arguments)
    else:
        with open(request.log, "ab") as log:
            await manager.start_kernel(stdout=log, stderr=log, **arguments)
    provisioner = manager.provisioner
    warm = bool(getattr(provisioner, "warm", False))
    reason = getattr(provisioner, "reason", f"the kernelspec chooses {chosen}")
    return KernelHandle(manager, warm, reason, parkable=warm or request.parkable)


def start_kernel(request: KernelRequest) -> KernelHandle:
    """Start a kernel: forked when possible, else fresh.

    Parameters
    ----------
    request
        Which kernel, and how.

    Raises
    ------
    jupyter_client.kernelspec.NoSuchKernel
        No kernelspec has the requested name.
    """
    handle: KernelHandle = run_sync(start_kernel_async)(request)
    return handle


def attach_kernel(connection_file: str, pid: int) -> KernelHandle:
    """A handle on a parked kernel, which `close` ends and `park` leaves as it was.

    Parameters
    ----------
    connection_file
        As `KernelHandle.park` returned it.
    pid
        The kernel's process.

    Raises
    ------
    ProcessLookupError
        The kernel has ended.
    Unavailable
        `kernels.no_pidfd`, on systems without process descriptors.
    """
    if not hasattr(os, "pidfd_open"):
        raise Unavailable(
            "kernels.no_pidfd",
            f"A parked kernel needs process descriptors, which {sys.platform} lacks.",
        )
    from gristmill.warm._client.process import WarmProcess

    process = WarmProcess(None, pid, os.pidfd_open(pid))
    manager = WarmKernelManager(connection_file=connection_file)
    manager.load_connection_file()
    provisioner = WarmProvisioner(kernel_id="", kernel_spec=manager.kernel_spec, parent=manager)
    provisioner.process, provisioner.pid, provisioner.pgid = process, pid, pid
    provisioner.connection_info = manager.get_connection_info()
    provisioner.warm = True
    manager.provisioner = provisioner
    manager._connection_file_written = True
    manager._connect_control_socket()
    return KernelHandle(manager, warm=True, reason="it was parked", parkable=True)


def stop_servers(*, kill: bool = False) -> int:
    """Stop this user's fork servers.

    Parameters
    ----------
    kill
        End their kernels too; else each server ends after its last kernel.

    Returns
    -------
    int
        How many servers were asked to stop.
    """
    try:
        from gristmill.warm._client import servers
    except ImportError:
        return 0
    return servers.stop_servers(kill=kill)
