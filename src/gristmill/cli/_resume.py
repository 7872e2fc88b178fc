"""`gristmill resume`."""

from __future__ import annotations

import argparse

from gristmill.cli._options import add_name
from gristmill.project import Project


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill resume`."""
    parser.add_argument("step", nargs="?", metavar="STEP", help="default: the only one that waits")
    add_name(parser)
    parser.add_argument("--json", action="store_true", help="print events as JSON lines")


def main(args: argparse.Namespace) -> int:
    """Resume the step and print its progress; returns the exit code of the run."""
    from gristmill.cli._progress import JsonLines, Progress
    from gristmill.cli._run import report
    from gristmill.runner import resume

    project = Project.find()
    listener = JsonLines() if args.json else Progress()
    with listener:
        result = resume(project, args.step, [listener], name=args.name)
    return report(project, result)
