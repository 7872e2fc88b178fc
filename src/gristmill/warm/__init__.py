"""Kernels forked from a server that has already imported the libraries of the notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gristmill._door import door

if TYPE_CHECKING:
    from gristmill.warm._client.client import (
        START_TIMEOUT,
        await_ready,
        connect,
        request_child,
        servers,
        start_server,
    )
    from gristmill.warm._client.kernels import (
        HISTORY_ARGUMENT,
        KernelHandle,
        KernelRequest,
        acquire,
        attach,
        stop_servers,
    )
    from gristmill.warm._client.preload import third_party_imports
    from gristmill.warm._client.process import Pipe, WarmProcess
    from gristmill.warm._client.provisioner import NotWarm, parse_command, server_spec
    from gristmill.warm._client.runtime import runtime_dir
    from gristmill.warm._client.spec import ServerSpec, child_message, start_environment
    from gristmill.warm._server.child import exit_child
    from gristmill.warm._server.observe import VARIABLE
    from gristmill.warm._server.wire import receive, send
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "HISTORY_ARGUMENT",
    "START_TIMEOUT",
    "VARIABLE",
    "KernelHandle",
    "KernelRequest",
    "NotWarm",
    "Pipe",
    "ServerSpec",
    "WarmProcess",
    "acquire",
    "attach",
    "await_ready",
    "child_message",
    "connect",
    "exit_child",
    "parse_command",
    "receive",
    "request_child",
    "runtime_dir",
    "send",
    "server_spec",
    "servers",
    "start_environment",
    "start_server",
    "stop_servers",
    "third_party_imports",
]
