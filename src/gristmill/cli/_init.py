"""`gristmill init`."""

from __future__ import annotations

import argparse
from pathlib import Path

from gristmill.cli import _out as out


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill init`."""
    parser.add_argument("path", nargs="?", type=Path, help="directory (default: this one)")
    parser.add_argument("--name", help="the project's name (default: the directory's)")


def main(args: argparse.Namespace) -> int:
    """Make the directory a project and print the files that were written."""
    from gristmill.workspace import initialise

    root = args.path or Path.cwd()
    made = initialise(root, args.name)
    for path in made:
        out.say(f"wrote {path}")
    out.say(f"{root.resolve()} is a Gristmill project.")
    out.say("Tag a notebook's first code cell `parameters`, then: gristmill status")
    return 0
