"""A command-line program forked from a server that has its libraries imported."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
from dataclasses import dataclass

from gristmill.errors import GristmillError
from gristmill.warm._client.runtime import runtime_dir
from gristmill.warm._client.servers import START_TIMEOUT, await_ready, connect, start_server
from gristmill.warm._client.spec import ServerSpec, child_message, start_environment
from gristmill.warm._server import wire

STATUS_TIMEOUT = 2.0
SIGNAL_EXIT = 128  # a shell's exit code for a program that a signal ended, less the signal's number
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@dataclass(frozen=True)
class CommandServer:
    """The fork server of a command-line program.

    Attributes
    ----------
    program
        The program's name; also the package that is imported even from a folder where it is edited.
    module
        One of the modules in `preload`. Its `run_command(arguments)` runs in the child and returns
        the exit code.
    preload
        Names of modules that the server imports.
    version
        What changes with the program's own code: another version is another server.
    """

    program: str
    module: str
    preload: tuple[str, ...]
    version: str

    def run(self, arguments: list[str]) -> int | None:
        """Run a command as if in this process: its streams, directory, environment and signals.

        Parameters
        ----------
        arguments
            The command line without the program's name.

        Returns
        -------
        int | None
            The exit code as a shell would give it; None when no server runs that could be asked.
        """
        try:
            with connect(runtime_dir() / f"{self._spec().name}.sock") as conn:
                environment = dict(os.environ)
                message = child_message("command", arguments, os.getcwd(), environment)
                message |= {"module": self.module, "program": self.program}
                wire.send(conn, message, (0, 1, 2))
                conn.settimeout(START_TIMEOUT)
                child = await_ready(conn)
                return None if child is None else _follow(conn, *child)
        except (OSError, EOFError, GristmillError):
            return None

    def start(self) -> None:
        """Start the server and wait until it listens; without effect when it does already.

        Raises
        ------
        Unavailable
            It cannot be started, and why.
        """
        start_server(self._spec())

    def _spec(self) -> ServerSpec:
        environment = start_environment(dict(os.environ), os.getcwd())
        return ServerSpec(
            (sys.executable,), self.preload, self.version, "the command line", environment,
            own=self.program,
        )  # fmt: skip


def _follow(conn: socket.socket, pid: int, pidfd: int) -> int:
    """Pass signals on until the child has ended; its exit code as a shell would give it."""

    def pass_on(number: int, _: object) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            signal.pidfd_send_signal(pidfd, number)

    for number in SIGNALS:
        signal.signal(number, pass_on)
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    while not poller.poll():
        pass
    conn.settimeout(STATUS_TIMEOUT)
    try:
        while True:
            message, _ = wire.receive(conn)
            if "exit" in message:
                code = int(message["exit"])
                return code if code >= 0 else SIGNAL_EXIT - code
    except (OSError, EOFError):
        return 1  # the server died with its child
