"""`gristmill audit`: does the ledger hold, and who did what."""

from __future__ import annotations

import argparse
import json

from gristmill.cli import _out as out
from gristmill.cli._model_text import history_table
from gristmill.errors import Forbidden
from gristmill.project import Project


def add(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    verify = verbs.add_parser("verify", help="check the chain, and MLflow against it")
    log = verbs.add_parser("log", help="who did what, when, why, from, to")
    log.add_argument("--model", help="only this model")
    log.add_argument(
        "--action", nargs="+", metavar="WORD", help="only these: promote, approve, gate, alert..."
    )
    keys = verbs.add_parser("keys", help="the public keys you sign with, for [roles.keys]")
    for sub in (verify, log, keys):
        sub.add_argument("--json", action="store_true", help="print JSON")


def main(args: argparse.Namespace) -> int:
    project = Project.find()
    if args.verb == "log":
        from gristmill.registry import Registry

        entries = [
            e
            for e in Registry(project).ledger.entries(args.model)
            if args.action is None or e.action in args.action
        ]
        out.say(out.as_json([e.record() for e in entries]) if args.json else history_table(entries))
        return 0
    if args.verb == "keys":
        from gristmill.registry import Roles, current_actor

        actor = current_actor(project)
        mine = {actor: list(Roles.public_keys(actor))}
        out.say(
            out.as_json(mine) if args.json else f"{json.dumps(actor)} = {json.dumps(mine[actor])}"
        )
        return 0
    from gristmill.registry import audit

    found = audit(project)
    if args.json:
        problems = [{"seq": p.seq, "message": p.message} for p in found.problems]
        out.say(out.as_json({"entries": found.entries, "problems": problems}))
    elif found.problems:
        for problem in found.problems:
            out.say(out.style(problem.message, "red"))
    else:
        out.say(f"{found.entries} entries: the chain holds and MLflow agrees.")
    return Forbidden.exit_code if found.problems else 0
