"""`gristmill sync`."""

from __future__ import annotations

import argparse

from gristmill.cli import _out as out
from gristmill.cli._options import add_parameters, overrides
from gristmill.project import Project


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill sync`."""
    parser.add_argument(
        "--steps",
        action="store_true",
        help="write only .gristmill/steps (what `dvc repro` calls for the stage `sources`)",
    )
    add_parameters(parser)


def main(args: argparse.Namespace) -> int:
    """Write dvc.yaml from the notebooks; returns the exit code."""
    from gristmill.runner import sync

    result = sync(
        Project.find(),
        params=args.params,
        overrides=overrides(args.overrides),
        steps=args.steps,
        notify=out.say,
    )
    if not args.steps:
        written = "written" if result.changed else "is up to date"
        out.say(f"dvc.yaml {written}: {result.steps} steps")
    return 0
