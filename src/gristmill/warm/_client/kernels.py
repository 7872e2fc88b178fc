"""Warm kernels: `acquire` one, use its `km` with nbclient or papermill, `close` it.

    with acquire(KernelRequest(cwd=project.root, environment=lock)) as kernel:
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
    """What kernel is wanted.

    `preload`: modules the server imports; None takes those of the project's notebooks.
    `environment`: hash of the environment's lock file; None hashes the known ones in `project`.
    `project`: root of the project; None finds it upwards from `cwd`.
    `env`: the kernel's whole environment; None is this process's.
    `log`: file that takes what the kernel's process prints outside of cells; None drops it.
    `parkable`: the kernel can be left running by `KernelHandle.park`. A fresh kernel then also
    survives a crash of this process.
    `connections`: folder for the connection file; None takes one for temporary files.
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
            asked = self.kernel_info()
            reply = await self._reply(asked)
            if reply is not None and await self._published_within(
                SUBSCRIBED_WITHIN, "status", asked
            ):
                self._handle_kernel_info_reply(reply)
                return
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > deadline:
                raise RuntimeError(f"Kernel didn't respond in {timeout} seconds")

    async def _reply(self, asked: str) -> dict[str, Any] | None:
        until = time.monotonic() + REPLY_WITHIN
        while (left := until - time.monotonic()) > 0:
            try:
                message: dict[str, Any] = await self.get_shell_msg(timeout=left)
            except Empty:
                return None
            if message["parent_header"].get("msg_id") == asked:
                return message
        return None

    async def _published_within(self, seconds: float, kind: str, asked: str | None) -> bool:
        """Was a message of `kind` seen (for `asked`: its idle status)? Reads what comes before."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                message = await self.get_iopub_msg(timeout=left)
            except Empty:
                return False
            if message["msg_type"] == kind and (
                asked is None
                or (
                    message["parent_header"].get("msg_id") == asked
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
    """A running kernel. `warm` is whether it was forked, `reason` why or why not."""

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
        """Leave the kernel running when this process ends; returns its connection file.

        A forked kernel ends itself when the file `lease` is gone or untouched for `seconds`.
        """
        if not self.parkable:
            raise Unavailable(
                "kernels.not_parkable",
                "a fresh kernel ends with its owner unless it was asked for as parkable",
                hint="Use KernelRequest(parkable=True).",
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
    """Start the kernel that `request` wants: forked when possible, else fresh.

    NoSuchKernel (of jupyter_client) when no kernelspec has that name.
    """
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
    """`acquire_async` for callers without an event loop."""
    handle: KernelHandle = run_sync(start_kernel_async)(request)
    return handle


def attach_kernel(connection_file: str, pid: int) -> KernelHandle:
    """A handle on a parked kernel, which `close` ends and `park` leaves as it was.

    ProcessLookupError when it has ended; Unavailable where a process cannot be held by descriptor.
    """
    if not hasattr(os, "pidfd_open"):
        raise Unavailable("kernels.no_pidfd", f"{sys.platform} has no pidfd to hold a kernel by")
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
    """Stop this user's fork servers; how many were asked. With `kill`, their kernels too."""
    try:
        from gristmill.warm._client import servers
    except ImportError:
        return 0
    return servers.stop_servers(kill=kill)
