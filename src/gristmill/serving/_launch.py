"""`python -m gristmill.serving._launch PARENT ARGUMENT...`: BentoML's command line, which ends when
process PARENT does, and whose workers end when it does.

BentoML's supervisor, circus, takes orders, to start any command, from whoever reaches its sockets.
BentoML has them listen on loopback ports, where every user of the machine does; here they are
files in a folder of this user's.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.files import scratch_directory
from gristmill.processes import end_with_parent
from gristmill.serving._service import SUPERVISOR
from gristmill.warm import runtime_dir

if TYPE_CHECKING:
    from bentoml._internal.utils.circus import Arbiter

CHECK_SECONDS = 10


def main() -> None:
    import bentoml._internal.utils.circus as supervisor
    from bentoml_cli.cli import cli

    end_with_parent(int(sys.argv[1]))
    os.environ[SUPERVISOR] = str(os.getpid())
    with scratch_directory(runtime_dir(), "bentoml") as folder:
        supervisor.create_standalone_arbiter = partial(_arbiter, folder)
        cli(args=sys.argv[2:], prog_name="bentoml")


def _arbiter(folder: Path, watchers: list[Any], *, threaded: bool, **options: Any) -> Arbiter:
    from bentoml._internal.utils.circus import Arbiter

    del threaded  # the command line never asks for it
    return Arbiter(
        watchers,
        endpoint=f"ipc://{folder / 'control'}",
        pubsub_endpoint=f"ipc://{folder / 'events'}",
        check_delay=CHECK_SECONDS,
        **options,
    )


if __name__ == "__main__":
    main()
