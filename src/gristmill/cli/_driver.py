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
    from typing import NoReturn

    from gristmill.warm import CommandServer

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
    "gristmill.warm._client.process",
    "gristmill.warm._client.servers",
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
GARBAGE = 100_000  # new objects until Python looks for garbage among them


def run(arguments: list[str]) -> int:
    """Run a command: in a child of the fork server, or here where there is none yet."""
    code = _server().run(arguments)
    return _alone(arguments) if code is None else code


def _alone(arguments: list[str]) -> NoReturn:
    """Run the command here, and end as a forked one does: to tear the modules down and look for
    garbage among them takes seconds that the user would wait."""
    import gc

    from gristmill.cli._commands import run_command
    from gristmill.warm import exit_without_teardown

    gc.set_threshold(GARBAGE)
    code = run_command(arguments)
    _prepare()
    exit_without_teardown(code)


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


def serves(arguments: list[str]) -> bool:
    """Is this a command that the fork server prepares for?"""
    at = 2 if arguments[:1] in (["-C"], ["--directory"]) else 0
    return (
        sys.platform == "linux"
        and os.environ.get("GRISTMILL_DRIVER") != "0"
        and bool(COMMANDS.intersection(arguments[at : at + 1]))
        and not {"-h", "--help"} & set(arguments)
    )


def _server() -> CommandServer:
    from gristmill.warm import CommandServer

    return CommandServer("gristmill", PRELOAD[0], PRELOAD, _own_code())


def _own_code() -> str:
    """What changes with this package's code; the server itself watches the installed ones."""
    import gristmill

    top = os.path.dirname(gristmill.__file__)
    if "site-packages" in top:
        return gristmill.__version__
    newest = max(
        os.stat(os.path.join(folder, name)).st_mtime_ns
        for folder, _, names in os.walk(top)
        for name in names
        if name.endswith(".py")
    )
    return f"{gristmill.__version__} {newest}"


if __name__ == "__main__":
    _server().start()
