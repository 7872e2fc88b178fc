"""`gristmill sweep`: try parameters, show the results, apply the best to the project."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict, replace

from gristmill.cli import _out as out
from gristmill.cli._options import overrides
from gristmill.errors import Invalid
from gristmill.project import Project
from gristmill.sweeps import (
    METHODS,
    Sweep,
    SweepSpec,
    Trial,
    TrialState,
    list_sweeps,
    load_sweep,
    read_spec,
)

VERBS = ("apply", "show", "list")
LOOKS = {"done": "green", "failed": "red", "pruned": "yellow", "waiting": "yellow"}
SHOWN = 30


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill sweep`."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="NAME | apply NAME | show NAME | list",
        help="sweeps/NAME.yaml to run; apply writes its best parameters to params.yaml",
    )
    parser.add_argument(
        "-p",
        "--param",
        dest="parameters",
        action="append",
        default=[],
        metavar="STEP.NAME=VALUES",
        help="1,2,3 or 10..100, 10..100:10, 0.001..1:log (repeatable)",
    )
    parser.add_argument("--metric", metavar="FILE:KEY", help="for example metrics/m.json:roc_auc")
    better = parser.add_mutually_exclusive_group()
    better.add_argument("--maximize", action="store_true", default=None, help="more is better")
    better.add_argument("--minimize", dest="maximize", action="store_false", help="less is better")
    parser.add_argument("--method", choices=METHODS, help="default grid")
    parser.add_argument("--trials", type=int, help="how many (default: the grid, or 20)")
    parser.add_argument("--seed", type=int, help="of random and optuna (default 0)")
    parser.add_argument(
        "--steps", help="steps to run, with commas (default: the one that writes the metric)"
    )
    parser.add_argument("--params", metavar="SET", help="parameter set for all other parameters")
    parser.add_argument("-j", "--workers", type=int, help="trials at once (default: cores)")
    parser.add_argument("--no-prune", dest="prune", action="store_false", default=None)
    parser.add_argument("--name", help="name of a sweep given by -p (default: the time)")
    parser.add_argument("--resume", metavar="NAME", help="continue a sweep that was stopped")
    parser.add_argument("--trial", type=int, help="apply: this trial instead of the best")
    parser.add_argument("--json", action="store_true", help="print JSON")


def main(args: argparse.Namespace) -> int:
    """Run, list, show or apply a sweep; returns the exit code."""
    project = Project.find()
    arguments = list(args.words)
    verb = arguments.pop(0) if arguments and arguments[0] in VERBS else "run"
    if verb == "list":
        sweeps = list_sweeps(project)
        return _show(out.as_json([asdict(s) for s in sweeps]) if args.json else _list(sweeps))
    if verb == "run":
        return _run(project, args, arguments)
    if len(arguments) != 1:
        raise Invalid("sweep.words", f"`sweep {verb}` takes one name.", hint="`sweep list`")
    if verb == "show":
        shown = load_sweep(project, arguments[0])
        return _show(out.as_json(asdict(shown)) if args.json else _table(shown))
    from gristmill.sweeps import apply_sweep

    trial = apply_sweep(project, arguments[0], args.trial)
    if args.json:
        return _show(out.as_json(asdict(trial)))
    out.say(f"params.yaml now has trial {trial.number + 1}: {_point(trial)}")
    return _show("`gristmill run` takes its results from the cache")


def _run(project: Project, args: argparse.Namespace, names: list[str]) -> int:
    from gristmill.sweeps import sweep

    if len(names) > 1 or (names and args.resume):
        raise Invalid("sweep.words", "Name one sweep.", hint="`gristmill sweep NAME`")
    name = args.resume or args.name or (names[0] if names else time.strftime("%Y%m%d-%H%M%S"))
    spec = None
    if not args.resume:
        spec = _spec(project, args, names[0] if names else None)
    say = None if args.json else _Progress()
    done = sweep(project, name, spec, resume=bool(args.resume), listener=say or (lambda *_: None))
    if args.json:
        _show(out.as_json(asdict(done)))
    else:
        _show(_table(done))
        if done.best is not None:
            out.say(f"\nbest: {_point(done.best)}")
            out.say(f"use it in the project: gristmill sweep apply {name}")
    return 0 if done.best is not None else 1


def _spec(project: Project, args: argparse.Namespace, file: str | None) -> SweepSpec:
    given = {
        key: getattr(args, key)
        for key in ("metric", "maximize", "method", "trials", "seed", "params", "workers", "prune")
        if getattr(args, key) is not None
    }
    if args.steps:
        given["steps"] = tuple(s.strip() for s in args.steps.split(","))
    parameters = overrides(args.parameters)
    if file is not None:
        base = read_spec(project, file)
        return replace(base, **given, parameters={**base.parameters, **parameters})
    if not parameters or not args.metric:
        raise Invalid(
            "sweep.nothing",
            "a sweep needs parameters to try and a metric.",
            hint="gristmill sweep -p train.depth=4,6,8 --metric metrics/train.json:auc",
        )
    return SweepSpec(**{**given, "parameters": parameters})


class _Progress:
    """A line for each trial that ends."""

    def __init__(self) -> None:
        self._header_printed = False

    def __call__(self, sweep: Sweep, trial: Trial) -> None:
        if not self._header_printed:
            self._header_printed = True
            left = sweep.total - sum(t.state.ended for t in sweep.trials)
            out.say(f"sweep {sweep.name}: {left} of {sweep.total} trials, {sweep.spec.method}")
        if trial.state == TrialState.RUNNING:
            return
        word = out.style(trial.state.ljust(7), LOOKS[trial.state])
        value = "" if trial.value is None else f"{sweep.spec.key} {trial.value:.4g}"
        failed = trial.state == TrialState.FAILED
        text = trial.error.splitlines()[0] if failed and trial.error else value
        out.say(f"{word} {trial.number + 1:>4}  {_point(trial)}  {text}  {trial.seconds:.1f} s")


def _show(text: str) -> int:
    out.say(text)
    return 0


def _point(trial: Trial) -> str:
    return " ".join(f"{k}={_short(v)}" for k, v in trial.params.items())


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(sweep: Sweep) -> str:
    keys = list(sweep.trials[0].params) if sweep.trials else []
    rows = [
        (t.number + 1, t.value, *(t.params[k] for k in keys), t.state, f"{t.seconds:.1f} s", t.run)
        for t in sweep.ranked()[:SHOWN]
    ]
    text = out.table(rows, ("trial", sweep.spec.key, *keys, "state", "took", "run"))
    more = len(sweep.trials) - SHOWN
    return "\n" + text + (f"\nand {more} more" if more > 0 else "")


def _list(sweeps: list[Sweep]) -> str:
    if not sweeps:
        return "No sweep has run yet."
    rows = [
        (
            s.name,
            s.spec.method,
            f"{sum(t.state.ended for t in s.trials)} of {s.total}",
            s.spec.metric,
            s.best.value if s.best else None,
            _point(s.best) if s.best else None,
        )
        for s in sweeps
    ]
    return out.table(rows, ("sweep", "method", "trials", "metric", "best", "with"))
