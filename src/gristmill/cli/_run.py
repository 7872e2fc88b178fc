"""`gristmill run`."""

from __future__ import annotations

import argparse

from gristmill.cli import _out as out
from gristmill.cli._options import add_name, add_parameters, add_smoke, overrides
from gristmill.errors import Cancelled, Waiting
from gristmill.project import Project
from gristmill.runner import ParkedKernels, RunResult

SMOKE = ".gristmill/smoke/"


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("steps", nargs="*", metavar="STEP", help="steps or notebooks (default all)")
    parser.add_argument(
        "-t", "--tag", action="append", default=[], help="steps with this tag (repeatable)"
    )
    parser.add_argument("--only", action="store_true", help="without the steps they need")
    parser.add_argument("-f", "--force", action="store_true", help="run fresh steps too")
    parser.add_argument(
        "-j",
        "--workers",
        type=int,
        default=0,
        help="steps at once (default: [run] workers, else one for each cpu)",
    )
    parser.add_argument(
        "--fail-fast", action="store_true", help="begin nothing new after the first failure"
    )
    parser.add_argument(
        "--no-wait", action="store_true", help="refuse when another run goes on, instead of waiting"
    )
    parser.add_argument(
        "--kernel",
        choices=("auto", "warm", "fresh"),
        default="auto",
        help="auto: without the kernel protocol where it is not needed; fresh: a new interpreter",
    )
    parser.add_argument(
        "--keep-failed",
        action="store_true",
        help="keep the kernel of a step that fails, for `gristmill open` and `gristmill resume`",
    )
    parser.add_argument(
        "--pull",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="fetch outputs that are missing here from the DVC remote (default: [run] pull, no)",
    )
    parser.add_argument("--json", action="store_true", help="print events as JSON lines")
    add_name(parser)
    add_smoke(parser)
    add_parameters(parser)


def main(args: argparse.Namespace) -> int:
    from gristmill.cli._progress import JsonLines, Progress
    from gristmill.runner import RunRequest, run

    project = Project.find()
    request = RunRequest(
        targets=tuple(args.steps),
        tags=tuple(args.tag),
        only=args.only,
        force=args.force,
        params=args.params,
        overrides=overrides(args.param),
        workers=args.workers,
        keep_going=not args.fail_fast,
        wait=not args.no_wait,
        pull=args.pull,
        smoke=args.smoke,
        kernel=args.kernel,
        keep_failed=args.keep_failed,
        name=args.name,
    )
    listener = JsonLines() if args.json else Progress(SMOKE if args.smoke else "")
    with listener:
        result = run(project, request, [listener])
    return report(project, result)


def report(project: Project, result: RunResult) -> int:
    """Print what failed, and where a kernel waits; returns the exit code."""
    for step in result.steps.values():
        if step.status == "failed" and step.error is not None:
            out.error(step.error)
    for kernel in ParkedKernels(project.state).all():
        if kernel.run == result.run:
            out.say(
                f"the kernel of {kernel.step} waits: `gristmill open {kernel.step}` to look inside,"
                f" `gristmill resume {kernel.step}` when its notebook is mended"
            )
    if result.status == "cancelled":
        return Cancelled.exit_code
    if result.status == "waiting":
        return Waiting.exit_code
    return 0 if result.ok else 1
