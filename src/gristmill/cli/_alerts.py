"""`gristmill alerts [acknowledge | snooze | resolve]`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gristmill.cli import _out as out
from gristmill.project import Project

if TYPE_CHECKING:
    from gristmill.monitoring import Alert


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill alerts`."""
    parser.add_argument("--model", help="only alerts of this model")
    parser.add_argument("--all", action="store_true", help="resolved ones too")
    parser.add_argument("--json", action="store_true", help="print records")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    for verb, text in (
        ("acknowledge", "record that you are looking into it"),
        ("snooze", "send nothing about it for a while"),
        ("resolve", "close it by hand"),
    ):
        sub = verbs.add_parser(verb, help=text, description=text.capitalize() + ".")
        sub.add_argument("alert", help="the alert's id, or its beginning")
        sub.add_argument("--reason", default="", required=verb == "resolve")
        sub.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
        if verb == "snooze":
            sub.add_argument("--until", required=True, metavar="LENGTH", help="12h, 7d, 2w")


def main(args: argparse.Namespace) -> int:
    """List the alerts, or acknowledge, snooze or resolve one; returns the exit code."""
    from gristmill.monitoring import acknowledge, alerts, resolve_alert, snooze

    project = Project.find()
    if args.verb is None:
        _list(alerts(project, args.model, all=args.all), args)
        return 0
    if args.verb == "acknowledge":
        alert = acknowledge(project, args.alert, reason=args.reason)
    elif args.verb == "snooze":
        alert = snooze(project, args.alert, until=args.until, reason=args.reason)
    else:
        alert = resolve_alert(project, args.alert, reason=args.reason)
    now = datetime.now(UTC)
    if args.json:
        out.say(out.as_json(alert.record(now)))
    else:
        out.say(f"{alert.id} {alert.model} {alert.rule}: {_standing(alert, now)}")
    return 0


def _list(entries: list[Alert], args: argparse.Namespace) -> None:
    now = datetime.now(UTC)
    if args.json:
        out.say(out.as_json([a.record(now) for a in entries]))
        return
    if not entries:
        out.say("No alerts yet." if args.all else "No open alert.")
        return
    rows = [
        (
            a.id,
            f"{a.model} v{a.version}",
            a.rule,
            a.severity,
            f"{a.first:%Y-%m-%d}",
            _standing(a, now),
            ", ".join(a.owners) or "-",
            a.reason,
        )
        for a in entries
    ]
    header = ["alert", "model", "rule", "severity", "since", "state", "owner", "reason"]
    out.say(out.table(rows, header))


def _standing(alert: Alert, now: datetime) -> str:
    state = alert.state(now)
    if state == "acknowledged":
        return f"acknowledged by {alert.acknowledged}"
    if state == "snoozed" and alert.snoozed:
        return f"snoozed until {alert.snoozed:%Y-%m-%d %H:%M} UTC"
    return f"resolved: {alert.closing}" if state == "resolved" else state
