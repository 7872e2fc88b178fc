"""The command line, forked from a process that has imported MLflow, DVC and papermill.

Those imports take longer than most commands. The first command imports them itself and leaves a
fork server behind (see `warm`); the next ones are forked from it. Output, exit code, signals and
the working directory are as if the command ran here; when this process dies, so does the child.
GRISTMILL_DRIVER=0 turns it off.
"""

from __future__ import annotations

import contextlib
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import NoReturn

    from gristmill.warm import ServerSpec

COMMANDS = frozenset({
    "audit", "lint", "model", "monitor", "resume", "run", "runs", "status", "sync",
})  # fmt: skip
PRELOAD = (
    "gristmill.cli._commands",
    "gristmill.cli._model",
    "gristmill.cli._progress",
    "gristmill.cli._run",
    "gristmill.cli._status",
    "gristmill.registry._promotion",
    "gristmill.runner._run",
    "gristmill.runner._steps.session",
    "gristmill.warm._client.client",
    "gristmill.warm._client.process",
    "IPython.core.interactiveshell",
    "alembic.command",
    "alembic.config",
    "configobj",
    "dulwich.ignore",
    "dulwich.index",
    "dulwich.repo",
    "dulwich.worktree",
    "dvc.cachemgr",
    "dvc.data_cloud",
    "dvc.dirs",
    "dvc.lock",
    "dvc.repo.artifacts",
    "dvc.repo.datasets",
    "dvc.repo.metrics",
    "dvc.repo.params",
    "dvc.repo.plots",
    "dvc.repo.stage",
    "dvc.rwlock",
    "dvc.scm",
    "dvc.stage.cache",
    "dvc.utils.strictyaml",
    "dvc_data.hashfile._progress",
    "dvc_data.hashfile.db.local",
    "dvc_data.hashfile.status",
    "dvc_render.image",
    "flatten_dict",
    "fsspec.implementations.memory",
    "ipykernel.kernelspec",
    "mlflow",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_workspace_store",
    "papermill.execute",
    "ruamel.yaml",
    "scmrepo.git",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "zc.lockfile",
    "gristmill.cli._warmup",
)
KILLED = 128
GARBAGE = 100_000  # new objects until Python looks for garbage among them


def run(words: list[str]) -> int:
    """Run a command: in a child of the fork server, or here where there is none yet."""
    code = _forked(words)
    return _alone(words) if code is None else code


def _forked(words: list[str]) -> int | None:
    """The exit code of the command, None when no fork server can run it."""
    from gristmill.errors import GristmillError
    from gristmill.warm import START_TIMEOUT, await_ready, child_message, connect, runtime_dir, send

    try:
        path = runtime_dir() / f"{_spec().name}.sock"
        with connect(path) as conn:
            environment = dict(os.environ)
            message = child_message("command", words, os.getcwd(), environment)
            send(conn, message | {"module": PRELOAD[0]}, (0, 1, 2))
            conn.settimeout(START_TIMEOUT)
            child = await_ready(conn)
            return None if child is None else _follow(conn, *child)
    except (OSError, EOFError, GristmillError):
        return None


def _alone(words: list[str]) -> NoReturn:
    """Run the command here, and end as a forked one does: to tear the modules down and look for
    garbage among them takes seconds that the user would wait."""
    import gc

    from gristmill.cli._commands import run_command
    from gristmill.warm import exit_child

    gc.set_threshold(GARBAGE)
    code = run_command(words)
    _prepare()
    exit_child(code)


def _prepare() -> None:
    """Leave a fork server for the next command, started in the background."""
    import subprocess

    with contextlib.suppress(OSError):
        subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def serves(words: list[str]) -> bool:
    """Is this a command that the fork server prepares for?"""
    at = 2 if words[:1] in (["-C"], ["--directory"]) else 0
    return (
        sys.platform == "linux"
        and os.environ.get("GRISTMILL_DRIVER") != "0"
        and bool(COMMANDS.intersection(words[at : at + 1]))
        and not {"-h", "--help"} & set(words)
    )


def _spec() -> ServerSpec:
    from gristmill.warm import ServerSpec, start_environment

    environment = start_environment(dict(os.environ), os.getcwd())
    return ServerSpec(
        (sys.executable,), PRELOAD, _own_code(), "the command line", environment, own="gristmill"
    )


def _own_code() -> str:
    """What changes with this package's code; the server itself watches the installed ones."""
    import gristmill

    top = os.path.dirname(gristmill.__file__)
    if "site-packages" in top:
        return gristmill.__version__
    newest = max(
        entry.stat().st_mtime_ns
        for directory in (top, *(f.path for f in os.scandir(top) if f.is_dir()))
        for entry in os.scandir(directory)
        if entry.name.endswith(".py")
    )
    return f"{gristmill.__version__} {newest}"


def _follow(conn: socket.socket, pid: int, pidfd: int) -> int:
    """Hand signals on until the child has ended; its exit code as a shell would give it."""
    import select
    import signal

    from gristmill.warm import receive

    def hand_on(number: int, _: object) -> None:
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            signal.pidfd_send_signal(pidfd, number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, hand_on)
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    while not poller.poll():
        pass
    conn.settimeout(2.0)
    try:
        while True:
            message, _ = receive(conn)
            if "exit" in message:
                code = int(message["exit"])
                return code if code >= 0 else KILLED - code
    except (OSError, EOFError):
        return 1  # the server died with its child


if __name__ == "__main__":
    from gristmill.warm import start_server

    start_server(_spec())
