"""A forked child: first as if it had just been started, then a real ipykernel.

What a fresh interpreter would read at start (environment, time zone, working directory, limits,
random state) is set again; what a library had bound while the server imported it (streams of log
handlers, warning filters, matplotlib's backend, multiprocessing's directory) is put right.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import io
import logging
import os
import random
import resource
import select
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
from typing import Any, NoReturn

from . import native, observe, wire
from .late_imports import ImportLog

DETACH = "detach"
LEASE_POLL = 2.0
LOW_MEMORY = 0.03


class Baseline:
    """What the server's imports changed in the process, to be replayed in a child."""

    def __init__(self) -> None:
        self.front: list[Any] = []
        self.back: list[Any] = []
        self.handlers: list[logging.Handler] = []
        self.environment: dict[str, str] = {}
        self._environment = dict(os.environ)

    def take(self) -> None:
        """Remember the state after the kernel's own imports, before the libraries'."""
        self._filters = list(warnings.filters)
        self._handlers = set(map(id, self._all_handlers()))

    def finish(self) -> None:
        """Note what the imports since `take` changed."""
        self.front, self.back, seen = [], [], False
        for item in warnings.filters:
            if item in self._filters:
                seen = True
            else:
                (self.back if seen else self.front).append(item)
        self.handlers = [h for h in self._all_handlers() if id(h) not in self._handlers]
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if self._environment.get(name) != value
        }

    @staticmethod
    def _all_handlers() -> list[logging.Handler]:
        handlers = (ref() for ref in logging._handlerList)  # type: ignore[attr-defined]
        return [handler for handler in handlers if handler is not None]

    def restore(self) -> None:
        """Log handlers write to the kernel's streams; the libraries' filters surround IPython's."""
        streams = {id(sys.__stderr__): sys.stderr, id(sys.__stdout__): sys.stdout}
        for handler in self.handlers:
            if isinstance(handler, logging.StreamHandler) and id(handler.stream) in streams:
                handler.stream = streams[id(handler.stream)]
        added = [*self.front, *self.back]
        own = [item for item in warnings.filters if item not in added]
        warnings.filters[:] = [*self.front, *own, *self.back]  # type: ignore[index]
        warnings._filters_mutated()  # type: ignore[attr-defined]


def main(
    request: dict[str, Any],
    fds: list[int],
    conn: socket.socket,
    client_fd: int,
    client_pid: int,
    baseline: Baseline,
    import_log: ImportLog,
) -> NoReturn:
    """Become the kernel that `request` describes; never returns."""
    code = 1
    try:
        import_log.begin()
        conn.settimeout(None)
        channel = socket.socket(fileno=fds.pop()) if request["mode"] == "direct" else None
        become_fresh(request, fds, baseline)
        observe.begin()
        lifeline = Lifeline(conn, client_fd, detached=request["independent"])
        if request["mode"] == "command":
            code = run_command(request, lifeline)
        elif channel is None:
            code = run_kernel(request, baseline, lifeline, client_pid)
        else:
            code = run_shell(request, baseline, lifeline, channel)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:  # noqa: BLE001 - nothing may return into the server's loop
        traceback.print_exc()
    finally:
        try:
            import_log.report()
        finally:
            exit_without_teardown(code)


def exit_without_teardown(code: int) -> NoReturn:
    """End this process as the interpreter does, but without tearing the modules down.

    Parameters
    ----------
    code
        The exit code.
    """
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            with contextlib.suppress(Exception):
                stream.flush()  # type: ignore[union-attr]
    finally:
        os._exit(code)


def become_fresh(request: dict[str, Any], fds: list[int], baseline: Baseline) -> None:
    """Take over what a process started by the client would have inherited."""
    os.setsid()
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    for target, fd in enumerate(fds):
        os.dup2(fd, target)
    for fd in fds:
        os.close(fd)
    fds.clear()
    os.environ.clear()
    os.environ.update(baseline.environment)
    os.environ.update(request["env"])
    time.tzset()
    os.umask(request["umask"])
    for number, limits in request["limits"].items():
        if resource.getrlimit(int(number)) != tuple(limits):
            resource.setrlimit(int(number), tuple(limits))
    os.sched_setaffinity(0, request["affinity"])
    os.nice(request["nice"] - os.nice(0))
    os.chdir(request["cwd"])
    random.seed()
    modules = sys.modules
    if "numpy.random" in modules:
        modules["numpy.random"].seed()
    if "tempfile" in modules:
        modules["tempfile"].tempdir = None  # type: ignore[attr-defined]
    if "multiprocessing.process" in modules:
        modules["multiprocessing.process"].ORIGINAL_DIR = os.getcwd()  # type: ignore[attr-defined]


def run_kernel(
    request: dict[str, Any], baseline: Baseline, lifeline: Lifeline, client_pid: int
) -> int:
    import ipykernel_launcher  # type: ignore[import-untyped]
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = [ipykernel_launcher.__file__, *request["argv"]]
    app = IPKernelApp.instance(parent_handle=client_pid)
    app.initialize(request["argv"])
    app.poller = lifeline
    match_matplotlib()
    baseline.restore()
    lifeline.ready()
    try:
        app.start()
    finally:
        if app.control_thread is not None and app.control_thread.is_alive():
            app.control_thread.stop()
            app.control_thread.join(2)
    return 0


def run_shell(
    request: dict[str, Any], baseline: Baseline, lifeline: Lifeline, channel: socket.socket
) -> int:
    from . import shell

    def settle() -> None:
        match_matplotlib()
        baseline.restore()

    lifeline.start()
    lifeline.ready()
    return shell.run(request, channel, settle)


def run_command(request: dict[str, Any], lifeline: Lifeline) -> int:
    """The command line, in a module that the server has imported."""
    commands = importlib.import_module(request["module"])
    sys.argv = [request["program"], *request["argv"]]
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=os.isatty(number))
    lifeline.start()
    lifeline.ready()
    return int(commands.run_command(request["argv"]))


def match_matplotlib() -> None:
    """matplotlib reads MPLBACKEND when it is imported, and the kernel has only now set it."""
    matplotlib = sys.modules.get("matplotlib")
    backend = os.environ.get("MPLBACKEND")
    if matplotlib is not None and backend:
        matplotlib.rcParams["backend"] = backend


class Lifeline(threading.Thread):
    """Ends the kernel when the process that asked for it dies or lets go of the connection.

    It takes the place of ipykernel's poller, which would watch the fork server instead. A
    `detach` message makes the kernel live on by itself, as long as its lease when it names one.
    """

    def __init__(self, conn: socket.socket, client_fd: int, *, detached: bool) -> None:
        super().__init__(daemon=True, name="gristmill-lifeline")
        self.conn = conn
        self.client_fd = client_fd
        self.detached = detached
        self.pydev_do_not_trace = True
        self.is_pydev_daemon_thread = True

    def ready(self) -> None:
        try:
            wire.send(self.conn, {"ready": True})
        except OSError:  # who asked for the child was killed meanwhile
            raise SystemExit(1) from None

    def run(self) -> None:
        if self.detached:
            return
        poller = select.poll()
        poller.register(self.client_fd, select.POLLIN)
        poller.register(self.conn, select.POLLIN)
        while True:
            if self.conn.fileno() in dict(poller.poll()):
                try:
                    message, _ = wire.receive(self.conn)
                except (EOFError, OSError):
                    os._exit(1)
                if message.get("op") == DETACH:
                    release_streams()
                    if message["lease"]:
                        live_while(message["lease"], message["seconds"])
                    return
            else:
                os._exit(1)


def live_while(lease: str, seconds: float) -> None:
    """End this process when the file `lease` is gone, was not touched for `seconds`, or when the
    machine has no memory left."""
    while True:
        time.sleep(LEASE_POLL)
        try:
            overdue = time.time() - os.stat(lease).st_mtime > seconds
        except FileNotFoundError:
            break
        if overdue or native.memory_left() < LOW_MEMORY:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(lease)
            break
    os._exit(0)


def release_streams() -> None:
    """Let go of the starting process's output, whose reader would wait for this kernel's end."""
    null = os.open(os.devnull, os.O_WRONLY)
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        os.dup2(null, getattr(stream, "_original_stdstream_copy", None) or number)
    os.close(null)
