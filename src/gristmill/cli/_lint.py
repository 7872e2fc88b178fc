"""`gristmill lint`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict

from gristmill.authoring import Finding
from gristmill.cli import _out as out
from gristmill.project import Project

LOOKS = {"error": "red", "warning": "yellow"}


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("steps", nargs="*", metavar="STEP", help="steps or notebooks (default all)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def main(args: argparse.Namespace) -> int:
    from gristmill.authoring import lint

    found = lint(Project.find(), args.steps)
    if args.json:
        out.say(out.as_json([asdict(f) for f in found]))
    else:
        _print(found)
    return int(any(f.severity == "error" for f in found))


def _print(found: Sequence[Finding]) -> None:
    for finding in found:
        label = out.style(finding.severity, "bold", LOOKS[finding.severity])
        out.say(f"{finding.location()}: {label}: {finding.message} [{finding.code}]")
        if finding.hint:
            out.say(out.style(f"  {finding.hint}", "dim"))
    errors = sum(f.severity == "error" for f in found)
    out.say(
        f"{_count(errors, 'error')}, {_count(len(found) - errors, 'warning')}"
        if found
        else "nothing found"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
