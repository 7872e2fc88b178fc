"""The rest of `gristmill model`: compare versions, write a card, ask for decisions."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gristmill.cli import out
from gristmill.cli.model_compare import say_comparison
from gristmill.cli.model_text import history_table
from gristmill.project import Project

if TYPE_CHECKING:
    from gristmill.registry.version import Version


def show_comparison(project: Project, model: str, args: argparse.Namespace) -> int:
    from gristmill.registry.comparison import compare

    found = compare(project, model, args.refs)
    if args.html:
        from gristmill.files import write_atomic
        from gristmill.registry.comparison_page import comparison_page

        write_atomic(args.html, comparison_page(found))
    if args.json:
        out.say(out.as_json(found.record()))
    elif args.html:
        out.say(f"{args.html} compares {len(found.versions)} versions of {model}")
    else:
        say_comparison(found)
    return 0


def decide(project: Project, version: Version, args: argparse.Namespace) -> int:
    """`request`, `approve` and `reject`."""
    from gristmill.registry import review

    name, number = version.model, version.version
    if args.verb == "request":
        entry = review.request_approval(project, name, number, reason=args.reason)
        text = f"{name} version {number}: {entry.actor} asked the reviewers for a decision."
        record = entry.record()
    else:
        decision = review.decide(
            project, name, number, decision=args.verb, reason=args.reason, report=args.report
        )
        text = decision.sentence()
        record = {**decision.entry.record(), "consequences": list(decision.consequences)}
    out.say(out.as_json(record) if args.json else text)
    return 0


def show_waiting(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry.review import open_requests

    entries = open_requests(project)
    if args.json:
        out.say(out.as_json([e.record() for e in entries]))
    else:
        out.say(history_table(entries) if entries else "Nobody waits for a decision.")
    return 0


def show_card(project: Project, version: Version, args: argparse.Namespace) -> int:
    from gristmill.registry.card import card

    text = card(project, version.model, version.version, as_html=args.html)
    if args.output:
        from gristmill.files import write_atomic

        write_atomic(args.output, text)
        text = f"{args.output} is the card of {version.model} version {version.version}"
    out.say(out.as_json({"card": text}) if args.json else text.rstrip())
    return 0


def write_contract(project: Project, model: str, *, as_json: bool) -> int:
    from gristmill.registry.contract_writing import infer_contract

    path, named = infer_contract(project, model)
    if as_json:
        out.say(out.as_json({"path": str(path), "contract": named}))
    else:
        out.say(f"wrote {path.relative_to(project.root)}; edit it, then put into [models.{model}]:")
        out.say(f'contract = "{named}"')
    return 0
