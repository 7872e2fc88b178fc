"""The light path in the forked child: IPython's shell without sockets and the kernel protocol.

It is the shell class that the kernel uses, so results, tracebacks and display data are the same;
messages and text go as frames over one socket, in order. What subprocesses and C libraries write
to descriptors 1 and 2 goes into pipes that the other side reads.
"""

from __future__ import annotations

import builtins
import getpass
import glob
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NoReturn

from . import wire
from .publish import Publisher


def run(request: dict[str, Any], channel: socket.socket, settle: Callable[[], None]) -> int:
    """Execute the cells that arrive on `channel` until it closes; the exit code.

    `settle` puts right what libraries had bound before the shell existed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if configured := _user_configuration():
        wire.send(channel, {"unsuitable": f"IPython is configured by {configured}"})
        return 0
    publish = Publisher(channel)
    sys.stdout, sys.stderr = publish.streams
    publish.start()
    shell = make_shell(request, publish)
    settle()
    from ipykernel.ipkernel import IPythonKernel

    wire.send(channel, {"ready": True, "language_info": IPythonKernel.language_info})
    while True:
        try:
            message, _ = wire.receive(channel)
        except (EOFError, ConnectionError):
            return 0
        done = execute(shell, publish, message["source"])
        publish.frame({"done": done})


def _user_configuration() -> str:
    """A file of the user or the system that would change the kernel's shell."""
    from IPython.paths import get_ipython_dir

    profile = os.path.join(get_ipython_dir(), "profile_default")
    for folder in (profile, "/etc/ipython", "/usr/local/etc/ipython", f"{sys.prefix}/etc/ipython"):
        for pattern in ("ipython_*config.*", "startup/*.py", "startup/*.ipy"):
            for path in glob.iglob(os.path.join(folder, pattern)):
                return path
    return ""


def make_shell(request: dict[str, Any], publish: Publisher) -> Any:
    import comm
    import ipykernel_launcher  # type: ignore[import-untyped]
    from ipykernel.compiler import XCachingCompiler
    from ipykernel.zmqshell import ZMQInteractiveShell
    from IPython.core.shellapp import InteractiveShellApp
    from traitlets.config import Config

    sys.argv = [ipykernel_launcher.__file__, *request["argv"]]
    shell = ZMQInteractiveShell.instance(
        config=Config({"HistoryManager": {"enabled": False}}),
        kernel=NoKernel(publish),
        compiler_class=XCachingCompiler,
        user_ns={},
    )
    session = publish.session()
    shell.displayhook.session = shell.display_pub.session = session
    shell.displayhook.topic = b"execute_result"
    shell.displayhook.pub_socket = shell.display_pub.pub_socket = publish
    shell.enable_gui = lambda gui=None: publish.unsuitable(f"a GUI loop ({gui})") if gui else None
    comm.create_comm = lambda *_, **__: publish.unsuitable("it opens a comm, as widgets do")
    builtins.input = _no_input("raw_input")
    getpass.getpass = _no_input("getpass")
    InteractiveShellApp.init_path(SimpleNamespace(ignore_cwd=False))
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    return shell


def _no_input(name: str) -> Callable[..., NoReturn]:
    from IPython.core.error import StdinNotImplementedError

    def refuse(*_: object, **__: object) -> NoReturn:
        raise StdinNotImplementedError(
            f"{name} was called, but this frontend does not support input requests."
        )

    return refuse


def execute(shell: Any, publish: Publisher, source: str) -> dict[str, Any]:
    """Run one cell; the content of the kernel's `execute_reply`, with times of start and end."""
    started = time.time()
    shell.displayhook.set_parent({"header": {}})
    with publish.interruptible():
        result = shell.run_cell(source, store_history=True)
    publish.flush()
    failed = not result.success or getattr(shell, "_last_traceback_during_displayhook", False)
    reply: dict[str, Any] = {
        "status": "error" if failed else "ok",
        "execution_count": shell.execution_count - 1,
        "payload": [],
        "user_expressions": {},
        "started": started,
        "ended": time.time(),
    }
    if failed:
        error = result.error_before_exec or result.error_in_exec
        reply |= {
            "ename": type(error).__name__,
            "evalue": str(error),
            "traceback": shell._last_traceback or [],
        }
    shell.payload_manager.clear_payload()
    return reply


class NoKernel:
    """Stands where the shell expects its kernel; using it shows that one is needed."""

    def __init__(self, publish: Publisher) -> None:
        self._publish = publish

    def __getattr__(self, name: str) -> NoReturn:
        if not name.startswith("_"):
            self._publish.unsuitable(f"it uses the kernel's {name}")
        raise AttributeError(name)
