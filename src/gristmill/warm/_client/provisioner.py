"""The Jupyter kernel provisioner `gristmill-warm`.

Select it for JupyterLab with `JUPYTER_DEFAULT_PROVISIONER_NAME=gristmill-warm`, or in a kernelspec:

    "metadata": {"kernel_provisioner": {"provisioner_name": "gristmill-warm",
                                        "config": {"preload": ["pandas"]}}}

A kernel that cannot be forked is started fresh; `reason` says why.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner
from traitlets import Bool, List, Unicode

from gristmill.errors import GristmillError
from gristmill.warm._server import observe

LAUNCH_ARGUMENTS = {"env", "cwd", "stdin", "stdout", "stderr", "independent"}
LOCK_FILES = ("requirements.lock", "uv.lock", "poetry.lock", "pixi.lock", "conda-lock.yml")

LARGEST = 64 << 20  # bytes of a lock file that count


class WarmProvisioner(LocalProvisioner):  # type: ignore[misc]
    """Forks the kernel from a server that has imported the project's libraries."""

    preload = List(
        Unicode(), None, allow_none=True, help="modules to import; default: those of the notebooks"
    )
    environment = Unicode(
        None, allow_none=True, help="what changes with the environment; default: its lock file"
    )
    project = Unicode("", help="root of the project; default: found from the working directory")
    fresh = Bool(False, help="never fork")
    owned = Bool(False, help="a forked kernel, though independent, ends with us until it is parked")

    warm = False
    reason = "not started"

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> dict[str, Any]:
        self.warm = False
        try:
            process = await asyncio.to_thread(self._fork, cmd, kwargs)
        except NotWarm as why:
            self.reason = str(why)
            self.log.info("a fresh kernel: %s", why)
            watched = observe.watching(cmd, kwargs.get("env"))
            info: dict[str, Any] = await super().launch_kernel(watched, **kwargs)
            return info
        self.process = process
        self.pid = self.pgid = process.pid
        self.cwd = kwargs.get("cwd") or os.getcwd()
        self.warm, self.reason = True, "forked from a warm server"
        return self.connection_info  # type: ignore[no-any-return]

    def _fork(self, cmd: list[str], kwargs: dict[str, Any]) -> Any:
        if self.fresh:
            raise NotWarm("a fresh kernel was asked for")
        python, argv = parse_command(cmd)
        if unknown := kwargs.keys() - LAUNCH_ARGUMENTS - {"extra_arguments", "kernel_id"}:
            raise NotWarm(f"launch arguments that only a new process can have: {sorted(unknown)}")
        with contextlib.suppress(ImportError):
            return self._fork_on_linux(python, argv, kwargs)
        raise NotWarm(f"{sys.platform} has no fork server; only Linux has")

    def _fork_on_linux(self, python: list[str], argv: list[str], kwargs: dict[str, Any]) -> Any:
        from gristmill.warm._client import process, servers
        from gristmill.warm._client.spec import child_message

        cwd = os.path.abspath(kwargs.get("cwd") or os.getcwd())
        env = dict(kwargs.get("env") or os.environ)
        independent = bool(kwargs.get("independent")) and not self.owned
        if not independent:
            env["JPY_PARENT_PID"] = str(os.getpid())
        root = Path(self.project) if self.project else None
        spec = server_spec(python, cwd, env, root, self.preload, self.environment)
        message = child_message("kernel", argv, cwd, env, independent=independent)
        with contextlib.ExitStack() as stack:
            fds = standard_descriptors(kwargs, stack)
            try:
                return process.WarmProcess(*servers.request_child(spec, message, fds))
            except (GristmillError, OSError) as error:
                raise NotWarm(getattr(error, "message", str(error))) from error

    async def send_signal(self, signum: int) -> None:
        if self.process is not None and self.process.poll() is None:
            await super().send_signal(signum)

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Wait here for the exit as an event: the manager would ask every 100 ms."""
        await self.wait_for_exit(self.get_shutdown_wait_time(5.0) / 2)

    async def wait(self) -> int | None:
        while self.process is not None and not await self.wait_for_exit(60.0):
            pass
        code: int | None = await super().wait()
        return code

    async def wait_for_exit(self, timeout: float) -> bool:
        """Has the kernel ended, or does it within `timeout` seconds?"""
        if self.process is None or self.process.poll() is not None:
            return True
        if self.warm:
            return bool(await self.process.wait_async(timeout))
        if not hasattr(os, "pidfd_open"):
            return False
        from gristmill.warm._client.process import wait_for_exit

        pidfd = os.pidfd_open(self.process.pid)
        try:
            return await wait_for_exit(pidfd, timeout)
        finally:
            os.close(pidfd)


class NotWarm(Exception):
    """Why a kernel or its cells cannot run in a forked process."""


def server_spec(
    python: list[str],
    cwd: str,
    env: dict[str, str],
    project: Path | None,
    preload: Sequence[str] | None,
    environment: str | None,
) -> Any:
    """The server that a kernel in `cwd` is forked from. NotWarm when none would do."""
    from gristmill.warm._client.preload import project_preload, project_root
    from gristmill.warm._client.spec import ServerSpec, start_environment

    if os.path.exists(os.path.join(cwd, "matplotlibrc")):
        raise NotWarm(f"matplotlib reads {cwd}/matplotlibrc when it is imported")
    root = project_root(Path(cwd)) if project is None else project
    return ServerSpec(
        tuple(python),
        project_preload(root) if preload is None else tuple(preload),
        lock_hash(root) if environment is None else environment,
        str(root),
        start_environment(env, cwd),
    )


def parse_command(cmd: list[str]) -> tuple[list[str], list[str]]:
    """Split a kernel's command into interpreter with options, and the kernel's arguments."""
    for module in ("ipykernel_launcher", "ipykernel"):
        if module in cmd and cmd[cmd.index(module) - 1] == "-m":
            at = cmd.index(module) - 1
            options = cmd[1:at]
            python = shutil.which(cmd[0])
            if at >= 1 and python and all(option.startswith("-") for option in options):
                return [python, *options], cmd[at + 2 :]
    raise NotWarm(f"only IPython kernels are forked, not {' '.join(cmd[:3])}")


def standard_descriptors(
    kwargs: dict[str, Any], stack: contextlib.ExitStack
) -> tuple[int, int, int]:
    """Descriptors for the child's 0, 1, 2; what is opened here closes with `stack`."""
    null = os.open(os.devnull, os.O_RDWR)
    stack.callback(os.close, null)
    out = _descriptor("stdout", kwargs.get("stdout"), 1, null)
    error = kwargs.get("stderr")
    return null, out, out if error == subprocess.STDOUT else _descriptor("stderr", error, 2, null)


def _descriptor(name: str, given: Any, inherited: int, null: int) -> int:
    if given is None:
        try:
            os.fstat(inherited)
        except OSError:
            return null
        return inherited
    if given == subprocess.DEVNULL:
        return null
    if given == subprocess.PIPE:
        raise NotWarm(f"{name} to a pipe needs a child of this process")
    return given if isinstance(given, int) else int(given.fileno())


def lock_hash(root: Path) -> str:
    """SHA-256 over the lock files in `root`, as far as LARGEST; of nothing when there is none."""
    digest = hashlib.sha256()
    for name in LOCK_FILES:
        path = root / name
        if path.is_file():
            with path.open("rb") as file:
                digest.update(name.encode() + b"\0" + file.read(LARGEST))
    return digest.hexdigest()
