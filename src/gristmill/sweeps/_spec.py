"""A sweep as asked: `sweeps/NAME.yaml` or the command line, checked against the steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from gristmill.errors import Invalid, NotFound
from gristmill.lineage import YamlLoader
from gristmill.project import Project
from gristmill.records import parse_table
from gristmill.sweeps._space import Space, grid, read_space
from gristmill.workspace import Workspace

METHODS = ("grid", "random", "optuna")
DRAWN = 20  # trials of a random or Optuna sweep that does not say how many


@dataclass(frozen=True)
class SweepSpec:
    """What to try.

    `parameters` maps `step.name` to values, a range or text like `-p`'s; `metric` is
    `FILE:KEY` of a step's Metrics, `maximize` whether more is better; `trials` 0 means all of a
    grid, else 20; `params` the parameter set that the rest comes from; `steps` what to run (the
    step that writes the metric when empty), with what it needs; `workers` 0 one trial per core;
    `prune` lets Optuna stop trials whose reports fall behind.
    """

    parameters: Mapping[str, Any]
    metric: str
    maximize: bool = True
    method: str = "grid"
    trials: int = 0
    seed: int = 0
    params: str | None = None
    steps: tuple[str, ...] = ()
    workers: int = 0
    prune: bool = True

    @property
    def file(self) -> str:
        return self.metric.rpartition(":")[0]

    @property
    def key(self) -> str:
        return self.metric.rpartition(":")[2]


@dataclass(frozen=True)
class CheckedSweep:
    """A sweep that can run: its spaces by `step.name`, its targets, and how many trials."""

    spec: SweepSpec
    spaces: Mapping[str, Space] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    total: int = 0


def read_spec(project: Project, name: str) -> SweepSpec:
    """`sweeps/NAME.yaml`. Raises NotFound or Invalid."""
    path = project.root / "sweeps" / f"{name}.yaml"
    where = f"sweeps/{name}.yaml"
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=YamlLoader)  # noqa: S506
    except FileNotFoundError:
        known = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise NotFound(
            "sweep.not-found",
            f"there is no sweep `{name}` ({where}).",
            hint=f"Sweeps: {', '.join(known) or 'none'}. Or name parameters: -p STEP.NAME=1,2,3.",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Invalid("sweep.syntax", f"{where}: {error}", hint="It must be YAML.") from error
    if not isinstance(raw, dict):
        raise Invalid("sweep.syntax", f"{where} must be a mapping with `parameters` and `metric`.")
    return parse_table(SweepSpec, raw, where)


def check_sweep(spec: SweepSpec, workspace: Workspace, where: str) -> CheckedSweep:
    """Everything that can be wrong is found here, before anything runs. Raises Invalid."""
    dag = workspace.dag
    if spec.method not in METHODS:
        raise Invalid(
            "sweep.method",
            f"{where}: there is no method `{spec.method}`.",
            hint=f"One of: {', '.join(METHODS)}.",
        )
    if not spec.parameters:
        raise Invalid("sweep.empty", f"{where}: no parameter to try.", hint="-p STEP.NAME=1,2,3")
    spaces = {}
    for key, given in spec.parameters.items():
        step, dot, name = key.rpartition(".")
        if not dot:
            raise Invalid(
                "sweep.parameter", f"{where}: `{key}` names no step and parameter.",
                hint="Write step.parameter, for example train.max_depth.",
            )  # fmt: skip
        spec_of = dag.steps[dag.find(step)]
        spaces[f"{spec_of.name}.{name}"] = read_space(given, spec_of, name, where)
    writer = _writer(spec, workspace, where)
    targets = tuple(dag.find(s) for s in spec.steps) or (writer,)
    reached = set(targets) | dag.ancestors(targets)
    for key in spaces:
        step = key.rpartition(".")[0]
        if step not in reached:
            raise Invalid(
                "sweep.no-effect",
                f"{where}: {key} has no effect on {', '.join(targets)}.",
                hint=f"{writer} writes {spec.file} and does not need {step}.",
            )
    if writer not in reached:
        raise Invalid("sweep.no-effect", f"{where}: {', '.join(targets)} do not need {writer}.")
    if spec.method == "grid":
        points = sum(1 for _ in grid(spaces))
        total = min(spec.trials, points) if spec.trials else points
    else:
        total = spec.trials or DRAWN
    if spec.trials < 0 or spec.workers < 0:
        raise Invalid("sweep.number", f"{where}: trials and workers are 0 or more.")
    return CheckedSweep(replace(spec, steps=targets), spaces, targets, total)


def _writer(spec: SweepSpec, workspace: Workspace, where: str) -> str:
    known = {
        o.path: name
        for name, step in workspace.dag.steps.items()
        for o in step.outputs
        if o.kind == "metrics"
    }
    if spec.file not in known or not spec.key:
        raise Invalid(
            "sweep.metric",
            f"{where}: `{spec.metric}` is no FILE:KEY of a step's Metrics.",
            hint=f"Files: {', '.join(known) or 'none'}; for example {next(iter(known), 'm.json')}"
            ":roc_auc.",
        )
    return known[spec.file]
