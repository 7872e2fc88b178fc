"""`gristmill model reproduce`: make a version again and say whether it is the same."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gristmill.cli import out
from gristmill.project import Project

if TYPE_CHECKING:
    from gristmill.registry.version import Version

DIFFERS = 1


def show_reproduction(project: Project, version: Version, args: argparse.Namespace) -> int:
    """Exit code 0 when all that could be compared is identical, 1 otherwise."""
    from gristmill.registry.reproduce import reproduce

    found = reproduce(
        project, version.model, version.version, keep=args.keep, progress=out.progress
    )
    if args.json:
        out.say(out.as_json(found.record()))
        return 0 if found.same else DIFFERS
    said = "reproduced" if found.same else "not reproduced"
    style = "green" if found.same else "red"
    out.say(out.style(f"{found.model} version {found.version} is {said}", style))
    for name, value in (
        ("commit", found.commit),
        ("environment", found.environment),
        ("ran", f"{found.steps} steps in {found.seconds:.1f} s"),
        ("predictions", f"{found.predictions} on {found.rows:,} hold-out rows"),
        ("metrics", found.metrics),
        ("first difference", found.difference or "none"),
    ):
        out.say(f"  {name:<17} {value}")
    for artifact in found.artifacts:
        out.say(f"  {'':<17} {artifact}")
    return 0 if found.same else DIFFERS
