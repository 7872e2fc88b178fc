"""The rest of `gristmill model`: compare two versions, write a card, ask for decisions."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gristmill.cli import out
from gristmill.cli.model_text import history_table
from gristmill.project import Project

if TYPE_CHECKING:
    from gristmill.registry.version import Version


def show_comparison(project: Project, model: str, args: argparse.Namespace) -> int:
    from gristmill.registry.comparison import side_by_side

    found = side_by_side(project, model, args.first, args.second)
    if args.json:
        out.say(out.as_json(found.record()))
        return 0
    one, two = f"version {found.first.version}", f"version {found.second.version}"
    out.say(f"{out.style(f'{model}: {two} against {one}', 'bold')}, {found.rows:,} hold-out rows")
    if found.trouble:
        out.say(f"  cannot be scored: {found.trouble}")
    if found.metrics:
        rows = [
            (m.metric, m.champion, m.challenger, m.difference, m.lower, m.upper, m.method)
            for m in found.metrics
        ]
        out.say(out.table(rows, ("metric", one, two, "better by", "from", "to", "90 % interval")))
    if found.agreement:
        out.say()
        out.say(out.table(list(found.agreement.items()), ("rows", "count")))
    for title, values in (
        ("parameter", found.params),
        ("lineage", found.lineage),
        ("input", found.inputs),
    ):
        if values:
            out.say()
            out.say(out.table([(k, a, b) for k, (a, b) in values.items()], (title, one, two)))
    return 0


def decide(project: Project, version: Version, args: argparse.Namespace) -> int:
    """`request`, `approve` and `reject`."""
    from gristmill.registry import review
    from gristmill.registry.store import Registry

    name, number = version.model, version.version
    if args.verb == "request":
        entry = review.request(project, name, number, reason=args.reason)
    else:
        entry = review.decide(
            project, name, number, decision=args.verb, reason=args.reason, report=args.report
        )
    if args.json:
        out.say(out.as_json(entry.record()))
    else:
        standing = review.standing_of(Registry(project), version)
        out.say(f"{name} version {number}: {args.verb} by {entry.actor}; {standing.sentence()}")
    return 0


def show_waiting(project: Project, args: argparse.Namespace) -> int:
    from gristmill.registry.review import waiting

    entries = waiting(project)
    if args.json:
        out.say(out.as_json([e.record() for e in entries]))
    else:
        out.say(history_table(entries) if entries else "Nobody waits for a decision.")
    return 0


def show_card(project: Project, version: Version, args: argparse.Namespace) -> int:
    from gristmill.registry.card import card

    text = card(project, version.model, version.version, as_html=args.html)
    out.say(out.as_json({"card": text}) if args.json else text.rstrip())
    return 0
