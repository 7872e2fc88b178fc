"""`gristmill score MODEL SOURCE TARGET`: predictions for a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from gristmill.cli import _out as out
from gristmill.project import Project


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill score`."""
    parser.add_argument("model")
    parser.add_argument("source", type=Path, help="Parquet or CSV")
    parser.add_argument("target", type=Path, help="Parquet or CSV; written when all is done")
    parser.add_argument("--version", default="champion", help="number or alias")
    parser.add_argument(
        "--unchecked",
        dest="checked",
        action="store_false",
        help="score rows that break the model's contract too",
    )
    parser.add_argument("--log", action="store_true", help="also write the prediction log")


def main(args: argparse.Namespace) -> int:
    """Score the source file and print how many rows were written."""
    from gristmill.serving import score

    result = score(
        Project.find(),
        args.model,
        args.source,
        args.target,
        version=args.version,
        log=args.log,
        checked=args.checked,
        progress=out.say,
    )
    out.say(
        f"{args.model} version {result.version} scored {result.rows} rows "
        f"in {result.seconds:.1f} s: {args.target}"
    )
    return 0
