"""What a run is asked and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, Protocol, TypedDict, Unpack, overload

from gristmill.errors import Cancelled, GristmillError, Invalid, StepFailed, Waiting
from gristmill.events import Listener
from gristmill.project import Project, split_project
from gristmill.runner._interrupts import Interrupts
from gristmill.runner._kernels.parked import ParkedKernel

KERNELS = ("auto", "warm", "fresh")


@dataclass(frozen=True)
class RunRequest:
    """What to run. `targets` are steps and `tags` mean all steps that carry one (neither: every
    step), run with what they need unless `only`; `params` names a parameter set; `overrides` maps
    `step.name` to a value; `workers` 0 means the settings', else one for each cpu; `wait` is
    whether to queue behind another run. `kernel` is `auto` (a forked shell where a notebook needs
    nothing of the kernel protocol, else a warm kernel), `warm`, or `fresh` (a new interpreter for
    each step). `labels` go on the run in MLflow. `keep_failed` parks the kernel of a step that
    fails; `resume` is the parked kernel in which its step goes on. `pull` is whether to ask the DVC
    remote for outputs that are missing here; None leaves it to the settings. `smoke` runs the
    project's double (see `runner.smoke`), with the parameter set `smoke` unless `params` names
    another. `name` is the run's, where the caller made one with `run_name`."""

    targets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    only: bool = False
    force: bool = False
    params: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 0
    keep_going: bool = True
    wait: bool = True
    pull: bool | None = None
    smoke: bool = False
    kernel: str = "auto"
    trigger: str = "user"
    labels: Mapping[str, str] = field(default_factory=dict)
    keep_failed: bool = False
    resume: ParkedKernel | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.kernel not in KERNELS:
            raise Invalid(
                "run.kernel",
                f"There is no kernel mode {self.kernel!r}.",
                hint=f"One of {', '.join(KERNELS)}.",
            )
        if self.workers < 0:
            raise Invalid("run.workers", f"{self.workers} workers cannot run anything.")

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> RunRequest:
        """The request that `again` described."""
        return cls(**{**asked, "targets": tuple(asked["targets"]), "tags": tuple(asked["tags"])})

    def again(self) -> dict[str, Any]:
        """What another run must be asked to want the same steps and values."""
        return {
            "targets": list(self.targets),
            "tags": list(self.tags),
            "only": self.only,
            "params": self.params,
            "overrides": dict(self.overrides),
        }


@dataclass(frozen=True)
class StepResult:
    """`status` is succeeded, restored, fresh, failed, blocked, waiting (for a decision, which
    `error` describes) or cancelled; `executed`, `mlflow_run` (its child run) and `seconds` of wall
    time are those of the last of `attempts`."""

    status: str
    reason: str = ""
    seconds: float = 0.0
    executed: Path | None = None
    mlflow_run: str | None = None
    error: GristmillError | None = None
    cell: int = -1
    attempts: int = 0


def blocked_by(causes: Mapping[str, StepResult]) -> StepResult:
    """The result of a step that cannot run because of how others ended. Pure."""
    said: dict[str, list[str]] = {}
    for step, result in causes.items():
        what = {"waiting": "waits for a decision", "blocked": "did not run"}
        said.setdefault(what.get(result.status, "did not succeed"), []).append(step)
    return StepResult("blocked", "; ".join(f"{', '.join(s)} {w}" for w, s in said.items()))


@dataclass(frozen=True)
class RunResult:
    """`status` is succeeded, failed, waiting (steps wait for a decision, nothing failed) or
    cancelled; `mlflow_run` is the parent run."""

    run: str
    status: str
    steps: Mapping[str, StepResult]
    seconds: float
    mlflow_run: str | None = None

    @property
    def ok(self) -> bool:
        return self.status == "succeeded"

    def raise_for_status(self) -> RunResult:
        """Raise the first failed step's error, else Waiting, or Cancelled; returns itself when all
        is well."""
        if self.status == "cancelled":
            raise Cancelled("run.cancelled", f"run {self.run} was cancelled.")
        for result in sorted(self.steps.values(), key=lambda s: isinstance(s.error, Waiting)):
            if result.error is not None:
                raise result.error
        if not self.ok:
            raise StepFailed("run.failed", f"run {self.run} failed.")
        return self


class RunOptions(TypedDict, total=False):
    """The fields of a `RunRequest` but its targets, as keywords of `run`."""

    tags: tuple[str, ...]
    only: bool
    force: bool
    params: str | None
    overrides: Mapping[str, Any]
    workers: int
    keep_going: bool
    wait: bool
    pull: bool | None
    smoke: bool
    kernel: str
    trigger: str
    labels: Mapping[str, str]
    keep_failed: bool
    resume: ParkedKernel | None
    name: str


class RunVerb(Protocol):
    """How `run` may be called: with a request, or with targets and options."""

    @overload
    def __call__(
        self,
        project: Project,
        request: RunRequest | None = None,
        listeners: Iterable[Listener] = (),
        interrupts: Interrupts | None = None,
    ) -> RunResult: ...
    @overload
    def __call__(
        self,
        project: Project,
        /,
        *targets: str,
        listeners: Iterable[Listener] = (),
        interrupts: Interrupts | None = None,
        **options: Unpack[RunOptions],
    ) -> RunResult: ...
    @overload
    def __call__(
        self,
        *targets: str,
        listeners: Iterable[Listener] = (),
        interrupts: Interrupts | None = None,
        **options: Unpack[RunOptions],
    ) -> RunResult: ...


def takes_targets(verb: Callable[..., RunResult]) -> RunVerb:
    """Let `run` be called with targets and the fields of a request: `run("train", force=True)`.

    Parameters
    ----------
    verb
        Takes a project, a RunRequest, listeners and interrupts.

    Returns
    -------
    RunVerb
        The same function. Called with text it makes the request; without a project it finds that
        of the working directory. An option that `RunRequest` lacks raises Invalid.
    """

    @wraps(verb)
    def call(*args: Any, **kwargs: Any) -> RunResult:
        project, rest = split_project(args)
        options = {k: kwargs.pop(k) for k in list(kwargs) if k not in CALL_KEYWORDS}
        if options or any(isinstance(argument, str) for argument in rest):
            unknown = sorted(options.keys() - RunOptions.__annotations__.keys())
            if unknown or not all(isinstance(argument, str) for argument in rest):
                wrong = unknown[0] if unknown else "a request together with targets"
                raise Invalid(
                    "run.option",
                    f"`run` does not take {wrong}.",
                    hint=f"Options: {', '.join(RunOptions.__annotations__)}.",
                )
            rest = (RunRequest(targets=rest, **options),)
        return verb(project, *rest, **kwargs)

    return call


CALL_KEYWORDS = ("request", "listeners", "interrupts")
