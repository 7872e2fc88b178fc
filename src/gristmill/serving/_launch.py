"""`python -m gristmill.serving._launch PARENT ARGUMENT...`: BentoML's command line, which ends when
process PARENT does, and whose workers end when it does."""

from __future__ import annotations

import os
import sys

from gristmill.processes import end_with_parent
from gristmill.serving._service import SUPERVISOR


def main() -> None:
    from bentoml_cli.cli import cli

    end_with_parent(int(sys.argv[1]))
    os.environ[SUPERVISOR] = str(os.getpid())
    cli(args=sys.argv[2:], prog_name="bentoml")


if __name__ == "__main__":
    main()
