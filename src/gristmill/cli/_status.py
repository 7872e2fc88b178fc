"""`gristmill status`."""

from __future__ import annotations

import argparse

from gristmill.cli import _out as out
from gristmill.cli._options import add_parameters, add_smoke, overrides
from gristmill.project import Project


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("steps", nargs="*", metavar="STEP", help="steps or notebooks (default all)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_smoke(parser)
    add_parameters(parser)


def main(args: argparse.Namespace) -> int:
    from gristmill.runner import RunRequest, plan_run, target_project
    from gristmill.workspace import load_workspace

    asked = RunRequest(
        targets=tuple(args.steps),
        params=args.params,
        overrides=overrides(args.param),
        smoke=args.smoke,
    )
    project, request = target_project(Project.find(), asked)
    workspace = load_workspace(project, request.params, request.overrides)
    plan = plan_run(workspace, request)
    workspace.hashes.save()
    missing = {
        path: readers
        for path, readers in workspace.dag.external_inputs().items()
        if not (project.root / path).exists()
    }
    if args.json:
        steps = {
            name: {
                "notebook": workspace.dag.steps[name].notebook,
                "needs": sorted(workspace.dag.needs[name]),
                "inputs": workspace.dag.steps[name].inputs,
                "outputs": [o.path for o in workspace.dag.steps[name].outputs],
                "params": workspace.params[name],
                "stale": decision.run,
                "reasons": decision.reasons,
            }
            for name, decision in plan.decisions.items()
        }
        out.say(out.as_json({"steps": steps, "not_steps": workspace.not_steps, "missing": missing}))
        return 0
    if not workspace.dag.steps:
        out.say(f"{project.name}: no steps. Tag a cell `parameters` to make a notebook one.")
    rows = [
        (
            "stale" if decision.run else "fresh",
            name,
            ", ".join(sorted(workspace.dag.needs[name])) or "-",
            decision.why,
        )
        for name, decision in plan.decisions.items()
    ]
    if rows:
        out.say(out.table(rows, ("state", "step", "needs", "why")))
        out.say()
    for path, why in workspace.not_steps.items():
        out.say(f"{path} is not a step: {why}")
    for path, readers in missing.items():
        out.say(f"missing: {path}, read by {', '.join(readers)}, is written by no step")
    stale = len(plan.stale)
    if rows:
        out.say(
            f"{stale} of {len(rows)} steps would run: gristmill run{' --smoke' * args.smoke}"
            if stale
            else f"{len(rows)} steps, nothing to do"
        )
    return 0
