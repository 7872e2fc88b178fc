"""`gristmill audit`: does the ledger hold, and who did what."""

from __future__ import annotations

import argparse
import json

from gristmill.cli import _out as out
from gristmill.cli._model_text import history_table
from gristmill.errors import Forbidden
from gristmill.project import Project


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill audit`."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    verify = verbs.add_parser("verify", help="check the chain, and MLflow against it")
    log = verbs.add_parser("log", help="who did what, when, why, from, to")
    log.add_argument("--model", help="only this model")
    log.add_argument(
        "--action",
        dest="actions",
        nargs="+",
        default=(),
        metavar="WORD",
        help="only these: promote, approve, gate, alert...",
    )
    signing = verbs.add_parser("keys", help="the public keys you sign with, for [roles.keys]")
    for sub in (verify, log, signing):
        sub.add_argument("--json", action="store_true", help="print JSON")


def main(args: argparse.Namespace) -> int:
    """Verify the ledger, print its entries or the signing keys; returns the exit code."""
    project = Project.find()
    if args.verb == "log":
        from gristmill.registry import history

        entries = history(project, args.model, args.actions)
        out.say(out.as_json([e.record() for e in entries]) if args.json else history_table(entries))
        return 0
    if args.verb == "keys":
        from gristmill.registry import signing_keys

        keys = signing_keys(project)
        lines = "\n".join(f"{json.dumps(who)} = {json.dumps(own)}" for who, own in keys.items())
        out.say(out.as_json(keys) if args.json else lines)
        return 0
    from gristmill.registry import audit

    result = audit(project)
    if args.json:
        problems = [{"seq": p.seq, "message": p.message} for p in result.problems]
        out.say(out.as_json({"entries": result.entries, "problems": problems}))
    elif result.problems:
        for problem in result.problems:
            out.say(out.style(problem.message, "red"))
    else:
        out.say(f"{result.entries} entries: the chain holds and MLflow agrees.")
    return Forbidden.exit_code if result.problems else 0
