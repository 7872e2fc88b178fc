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
    """Declare the arguments of `gristmill run`."""
    parser.add_argument(
        "targets", nargs="*", metavar="STEP", help="steps or notebooks (default all)"
    )
    parser.add_argument(
        "-t",
        "--tag",
        dest="tags",
        action="append",
        default=[],
        help="steps with this tag (repeatable)",
    )
    parser.add_argument(
        "--only", action="store_true", help="only the named steps, without those they need"
    )
    parser.add_argument("-f", "--force", action="store_true", help="run fresh steps too")
    parser.add_argument(
        "-j",
        "--workers",
        type=int,
        default=0,
        help="steps at once (default: [run] workers, else one for each cpu)",
    )
    parser.add_argument(
        "--fail-fast",
        dest="keep_going",
        action="store_false",
        help="begin nothing new after the first failure",
    )
    parser.add_argument(
        "--no-wait",
        dest="wait",
        action="store_false",
        help="fail when another run is in progress, instead of waiting",
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
    """Run the stale steps and print their progress; returns the exit code of the run."""
    from gristmill.cli._progress import JsonLines, Progress
    from gristmill.runner import RunRequest, run

    project = Project.find()
    request = RunRequest(
        targets=tuple(args.targets),
        tags=tuple(args.tags),
        only=args.only,
        force=args.force,
        params=args.params,
        overrides=overrides(args.overrides),
        workers=args.workers,
        keep_going=args.keep_going,
        wait=args.wait,
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
                f"the kernel of {kernel.step} is kept: `gristmill open {kernel.step}` to look "
                f"inside, `gristmill resume {kernel.step}` once its notebook is fixed"
            )
    if result.status == "cancelled":
        return Cancelled.exit_code
    if result.status == "waiting":
        return Waiting.exit_code
    return 0 if result.ok else 1
