"""`gristmill status`."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from gristmill.cli import _out as out
from gristmill.cli._options import add_parameters, add_smoke, overrides
from gristmill.project import Project


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill status`."""
    parser.add_argument(
        "targets", nargs="*", metavar="STEP", help="steps or notebooks (default all)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_smoke(parser)
    add_parameters(parser)


def main(args: argparse.Namespace) -> int:
    """Print the steps and why each would run; returns the exit code."""
    from gristmill.runner import status

    project = Project.find()
    pipeline = status(
        project,
        *args.targets,
        params=args.params,
        overrides=overrides(args.overrides),
        smoke=args.smoke,
    )
    if args.json:
        out.say(out.as_json(asdict(pipeline)))
        return 0
    rows = [
        (
            "stale" if step.stale else "fresh",
            name,
            ", ".join(step.needs) or "-",
            "; ".join(step.reasons) or "nothing changed",
        )
        for name, step in pipeline.steps.items()
    ]
    if rows:
        out.say(out.table(rows, ("state", "step", "needs", "why")))
        out.say()
    else:
        out.say(f"{project.name}: no steps. Tag a cell `parameters` to make a notebook one.")
    for path, why in pipeline.not_steps.items():
        out.say(f"{path} is not a step: {why}")
    for path, error in pipeline.errors.items():
        out.say(f"{path} cannot be read: {error['message']} [{error['code']}]")
    for path, readers in pipeline.missing.items():
        out.say(f"missing: {path}, read by {', '.join(readers)}; no step writes it")
    if rows:
        stale = len(pipeline.stale)
        out.say(
            f"{stale} of {len(rows)} steps would run: gristmill run{' --smoke' * args.smoke}"
            if stale
            else f"{len(rows)} steps, nothing to do"
        )
    return 0
