"""Kernels, shells and commands forked from a server that has already imported their libraries."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.warm._client.command import CommandServer
    from gristmill.warm._client.diagnose import Check, diagnose
    from gristmill.warm._client.file_log import log_files_to, read_file_log
    from gristmill.warm._client.kernels import (
        KernelHandle,
        KernelRequest,
        attach_kernel,
        start_kernel,
        stop_servers,
    )
    from gristmill.warm._client.preload import third_party_imports
    from gristmill.warm._client.provisioner import NotWarm
    from gristmill.warm._client.runtime import runtime_dir
    from gristmill.warm._client.shell import ForkedShell, start_ahead
    from gristmill.warm._server.child import exit_without_teardown
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "Check",
    "CommandServer",
    "ForkedShell",
    "KernelHandle",
    "KernelRequest",
    "NotWarm",
    "attach_kernel",
    "diagnose",
    "exit_without_teardown",
    "log_files_to",
    "read_file_log",
    "runtime_dir",
    "start_ahead",
    "start_kernel",
    "stop_servers",
    "third_party_imports",
]
