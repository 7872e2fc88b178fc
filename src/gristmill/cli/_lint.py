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
    """Declare the arguments of `gristmill lint`."""
    parser.add_argument("steps", nargs="*", metavar="STEP", help="steps or notebooks (default all)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def main(args: argparse.Namespace) -> int:
    """Print the findings; returns 1 when one of them is an error."""
    from gristmill.authoring import lint

    findings = lint(Project.find(), args.steps)
    if args.json:
        out.say(out.as_json([asdict(f) for f in findings]))
    else:
        _print(findings)
    return int(any(f.severity == "error" for f in findings))


def _print(findings: Sequence[Finding]) -> None:
    for finding in findings:
        label = out.style(finding.severity, "bold", LOOKS[finding.severity])
        out.say(f"{finding.location()}: {label}: {finding.message} [{finding.code}]")
        if finding.hint:
            out.say(out.style(f"  {finding.hint}", "dim"))
    errors = sum(f.severity == "error" for f in findings)
    out.say(
        f"{_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}"
        if findings
        else "no findings"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
