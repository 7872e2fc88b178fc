"""What a sweep is asked, by `sweeps/NAME.yaml` or a caller; checked against the steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gristmill.documents import read_yaml
from gristmill.errors import Invalid, NotFound
from gristmill.project import Project
from gristmill.records import parse_table
from gristmill.sweeps._space import Space, grid, read_space
from gristmill.workspace import Workspace

METHODS = ("grid", "random", "optuna")
DEFAULT_TRIALS = 20  # trials of a random or Optuna sweep that does not say how many


@dataclass(frozen=True)
class SweepSpec:
    """What to try: the keys of `sweeps/NAME.yaml`.

    Attributes
    ----------
    parameters
        `step.name` to a list of values, a range (`low`, `high`, `step`, `log`), or text as
        for `-p`.
    metric
        `FILE:KEY` of a step's Metrics.
    maximize
        Whether more is better.
    method
        grid, random or optuna.
    trials
        How many; 0 means all of a grid, else 20.
    seed
        Of what is drawn at random.
    params
        The parameter set that all other values come from.
    steps
        What to run, with what it needs; empty means the step that writes the metric.
    workers
        How many trials run at once; 0 means one for each core.
    prune
        Let Optuna stop trials whose reports fall behind.
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
    """A sweep that can run.

    Attributes
    ----------
    spec
        What was asked, with the steps to run.
    spaces
        What each parameter may be, by `step.name`.
    targets
        The steps to run.
    total
        How many trials there will be.
    """

    spec: SweepSpec
    spaces: Mapping[str, Space] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    total: int = 0


def read_spec(project: Project, name: str) -> SweepSpec:
    """What `sweeps/NAME.yaml` asks.

    Parameters
    ----------
    project
        The project.
    name
        The file's name without its ending.

    Raises
    ------
    NotFound
        There is no such file.
    Invalid
        It is not YAML, or has an unknown key or a wrong type.
    """
    path = project.root / "sweeps" / f"{name}.yaml"
    where = f"sweeps/{name}.yaml"
    try:
        raw = read_yaml(path, where, code="sweep.syntax", hint="Correct the YAML.")
    except FileNotFoundError:
        names = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise NotFound(
            "sweep.not-found",
            f"There is no sweep `{name}` ({where}).",
            hint=f"Sweeps: {', '.join(names) or 'none'}. Or name parameters: -p STEP.NAME=1,2,3.",
        ) from None
    if not isinstance(raw, dict):
        raise Invalid("sweep.syntax", f"{where} must be a mapping with `parameters` and `metric`.")
    return parse_table(SweepSpec, raw, where)


def check_sweep(spec: SweepSpec, workspace: Workspace, where: str) -> CheckedSweep:
    """Check everything that can be wrong with a sweep before anything runs.

    Parameters
    ----------
    spec
        What is asked.
    workspace
        The project with the sweep's parameter set.
    where
        What the sweep is called in errors.

    Raises
    ------
    Invalid
        The sweep cannot run as asked.
    """
    dag = workspace.dag
    if spec.method not in METHODS:
        raise Invalid(
            "sweep.method",
            f"{where}: unknown method `{spec.method}`.",
            hint=f"Choose one of: {', '.join(METHODS)}.",
        )
    if not spec.parameters:
        raise Invalid(
            "sweep.empty", f"{where}: there is no parameter to try.", hint="Add -p STEP.NAME=1,2,3."
        )
    spaces = {}
    for key, given in spec.parameters.items():
        step, dot, name = key.rpartition(".")
        if not dot:
            raise Invalid(
                "sweep.parameter", f"{where}: `{key}` is not a step and a parameter.",
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
        total = spec.trials or DEFAULT_TRIALS
    if spec.trials < 0 or spec.workers < 0:
        raise Invalid("sweep.number", f"{where}: trials and workers must be 0 or more.")
    return CheckedSweep(replace(spec, steps=targets), spaces, targets, total)


def _writer(spec: SweepSpec, workspace: Workspace, where: str) -> str:
    writers = {
        o.path: name
        for name, step in workspace.dag.steps.items()
        for o in step.outputs
        if o.kind == "metrics"
    }
    if spec.file not in writers or not spec.key:
        raise Invalid(
            "sweep.metric",
            f"{where}: `{spec.metric}` is not FILE:KEY of a step's Metrics.",
            hint=f"Files: {', '.join(writers) or 'none'}; for example "
            f"{next(iter(writers), 'm.json')}:roc_auc.",
        )
    return writers[spec.file]
