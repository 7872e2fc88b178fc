"""`gristmill serve MODEL`: the champion over REST, until it is stopped."""

from __future__ import annotations

import argparse

from gristmill.cli import _out as out
from gristmill.errors import Invalid
from gristmill.project import Project


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill serve`."""
    parser.add_argument("model", nargs="?", help="default: the project's only model")
    parser.add_argument("--port", type=int, help="0 takes a free one (default: the settings')")
    parser.add_argument("--workers", type=int, help="processes (default: the settings')")


def main(args: argparse.Namespace) -> int:
    """Serve the model until the process is stopped; returns the exit code."""
    from gristmill.serving import serve

    project = Project.find()
    model = args.model or only_model(project)
    return serve(project, model, port=args.port, workers=args.workers, progress=out.say)


def only_model(project: Project) -> str:
    """The project's model when it has just one. Raises Invalid otherwise."""
    if len(project.models) == 1:
        return project.models[0]
    raise Invalid(
        "model.which",
        f"the project declares {len(project.models)} models: name one.",
        hint=f"Declared: {', '.join(project.models) or 'none; add a [models.NAME] table'}.",
    )
