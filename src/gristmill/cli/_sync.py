"""`gristmill sync`."""

from __future__ import annotations

import argparse

from gristmill.cli import _out as out
from gristmill.cli._options import add_parameters, overrides
from gristmill.errors import Conflict
from gristmill.project import Project


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--steps",
        action="store_true",
        help="write only .gristmill/steps (what `dvc repro` calls for the stage `sources`)",
    )
    add_parameters(parser)


def main(args: argparse.Namespace) -> int:
    from gristmill.runner import project_lock
    from gristmill.workspace import load_workspace, pipeline_text, sync

    project = Project.find()
    workspace = load_workspace(project, args.params, overrides(args.param))
    if args.steps:
        if pipeline_text(project.root, workspace) is not None:
            raise Conflict(
                "pipeline.out-of-date",
                "dvc.yaml does not say what the notebooks declare.",
                hint="Run `gristmill sync`, then `dvc repro` again.",
            )
        workspace.write_step_files()
        workspace.hashes.save()
        return 0
    with project_lock(project.state, "gristmill sync", notify=out.say):
        changed = sync(workspace)
    steps = len(workspace.dag.steps)
    out.say(f"dvc.yaml {'written' if changed else 'is up to date'}: {steps} steps")
    return 0
