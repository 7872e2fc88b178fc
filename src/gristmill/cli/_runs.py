"""`gristmill runs`: list past runs, show one, compare two."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from gristmill.cli import _out as out
from gristmill.cli import _runs_text as runs_text
from gristmill.errors import Invalid
from gristmill.project import Project

ID = "a run's id, the beginning of one, `last` or `last~N`"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill runs`."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="the newest runs, or the best by a metric")
    listing.add_argument(
        "-w",
        "--where",
        default="",
        metavar="CONDITIONS",
        help='"metrics.roc_auc > 0.7 and params.train.trees = 80 and status = succeeded"',
    )
    listing.add_argument("--sort", default="", metavar="KEY", help="metrics.NAME or params.S.NAME")
    listing.add_argument("--ascending", action="store_true", help="smallest first")
    listing.add_argument("-n", "--limit", type=int, default=30, help="how many (default 30)")
    listing.add_argument(
        "--show", action="append", default=[], metavar="KEY", help="one more column (repeatable)"
    )
    listing.add_argument("--sweep", metavar="NAME", help="the trials of a sweep")
    show = verbs.add_parser("show", help="steps, parameters, metrics, lineage, errors, files")
    show.add_argument("run", nargs="?", default="last", help=ID)
    diff = verbs.add_parser("diff", help="parameters, metrics, cells and lineage that differ")
    diff.add_argument("one", nargs="?", default="last~1", help=ID)
    diff.add_argument("other", nargs="?", default="last", help=ID)
    for sub in (listing, show, diff):
        sub.add_argument("--json", action="store_true", help="print JSON")


def main(args: argparse.Namespace) -> int:
    """List, show or compare past runs; returns the exit code."""
    from gristmill import runs

    project = Project.find()
    text: Any
    if args.verb == "list":
        if args.limit < 1:
            raise Invalid("runs.limit", f"--limit is {args.limit}; it must be at least 1.")
        rows = runs.search(
            project,
            args.where,
            sort=args.sort,
            ascending=args.ascending,
            limit=args.limit,
            sweep=args.sweep,
        )
        columns = runs_text.columns(project, args.where, args.sort, args.show)
        text = [asdict(r) for r in rows] if args.json else runs_text.listing(rows, columns)
    elif args.verb == "show":
        record = runs.find(project, args.run)
        left = runs.run_files(project, record.run)
        names = [p.relative_to(project.root).as_posix() for p in left]
        text = {**asdict(record), "files": names} if args.json else runs_text.show(record, names)
    else:
        comparison = runs.diff(project, args.one, args.other)
        text = asdict(comparison) if args.json else runs_text.diff(comparison)
    out.say(out.as_json(text) if args.json else str(text))
    return 0
