"""`gristmill score MODEL INPUT OUTPUT`: predictions for a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from gristmill.cli import _out as out
from gristmill.project import Project


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model")
    parser.add_argument("input", type=Path, help="Parquet or CSV")
    parser.add_argument("output", type=Path, help="Parquet or CSV; written when all is done")
    parser.add_argument("--version", dest="ref", default="champion", help="number or alias")
    parser.add_argument(
        "--unchecked", action="store_true", help="score rows that break the model's contract too"
    )
    parser.add_argument("--log", action="store_true", help="also write the prediction log")


def main(args: argparse.Namespace) -> int:
    from gristmill.serving import score

    result = score(
        Project.find(),
        args.model,
        args.input,
        args.output,
        version=args.ref,
        log=args.log,
        checked=not args.unchecked,
        progress=out.say,
    )
    out.say(
        f"{args.model} version {result.version} scored {result.rows} rows "
        f"in {result.seconds:.1f} s: {args.output}"
    )
    return 0
