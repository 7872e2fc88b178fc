"""What a process forked for a notebook begins with; its server, started before it is needed."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jupyter_client.kernelspec import NoSuchKernel
from jupyter_client.manager import AsyncKernelManager

from gristmill.errors import GristmillError
from gristmill.warm import KernelRequest, NotWarm, parse_command, server_spec

if TYPE_CHECKING:
    from gristmill.warm import ServerSpec


@dataclass(frozen=True)
class Launch:
    """`argv` are the kernel's arguments, `env` its whole environment."""

    spec: ServerSpec
    argv: list[str]
    cwd: str
    env: dict[str, str]


def launch_of(request: KernelRequest) -> Launch:
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
    return Launch(spec, argv, cwd, env)


def start_ahead(request: KernelRequest) -> None:
    """Have the server import while the caller makes ready, which may take as long.

    Who needs the server waits for it then, and says why there is none.
    """
    if sys.platform == "linux" and not request.fresh:
        threading.Thread(target=_start, args=(request,), daemon=True).start()


def _start(request: KernelRequest) -> None:
    from gristmill.warm import start_server

    with contextlib.suppress(GristmillError, NoSuchKernel, NotWarm, OSError):
        start_server(launch_of(request).spec)
