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
from gristmill.records import from_record
from gristmill.runner._interrupts import Interrupts
from gristmill.runner._kernels.parked import ParkedKernel

KERNELS = ("auto", "warm", "fresh")
SELECTION = ("targets", "tags", "only", "params", "overrides")


@dataclass(frozen=True)
class RunRequest:
    """What to run, and how.

    Attributes
    ----------
    targets
        Steps or notebooks.
    tags
        Each means all steps that carry it. Without targets and tags every step is meant.
    only
        Run the steps that are meant without those that they need.
    force
        Run fresh steps too.
    params
        The name of a parameter set, `params.NAME.yaml`.
    overrides
        `step.name` to a value, which comes before those of the files.
    workers
        How many steps run at once; 0 takes `[run] workers`, else one for each CPU.
    keep_going
        Run what a failed step does not keep from running.
    wait
        Queue behind another run of the project; else that is a Conflict.
    pull
        Ask the DVC remote for outputs that are missing here; None takes `[run] pull`.
    smoke
        Run the project's double on little data, with the parameter set `smoke` unless `params`
        names another.
    kernel
        `auto` is a forked shell where a notebook needs nothing of the kernel protocol, else a warm
        kernel; `warm` always a warm kernel; `fresh` a new interpreter for each step.
    trigger
        Who or what asked, for the run's record.
    labels
        Tags for the run in MLflow.
    keep_failed
        Park the kernel of a step that fails.
    resume
        The parked kernel in which its step goes on.
    name
        The run's name as `run_name` makes them; empty makes one.
    """

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

    def selection(self) -> dict[str, Any]:
        """Which steps and values are meant, as a record: what a run that resumes this one needs."""
        return {name: getattr(self, name) for name in SELECTION}

    @classmethod
    def from_selection(cls, record: Mapping[str, Any]) -> RunRequest:
        """The request for what `selection` described, everything else by default."""
        return from_record(cls, dict(record), "the request of an earlier run")


@dataclass(frozen=True)
class StepResult:
    """What became of a step.

    Attributes
    ----------
    status
        succeeded, restored (from the run cache), fresh, failed, blocked, waiting (for a decision)
        or cancelled.
    reason
        Why it ran, or did not.
    seconds
        Wall time of the last attempt.
    executed
        The executed notebook of the last attempt.
    mlflow_run
        The id of the last attempt's run in MLflow, a child of the run's.
    error
        Why it failed, or what it waits for.
    cell
        The index of the cell that failed, -1 for none.
    attempts
        How often it was executed.
    """

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
    reasons = {"waiting": "waits for a decision", "blocked": "did not run"}
    steps: dict[str, list[str]] = {}
    for step, result in causes.items():
        steps.setdefault(reasons.get(result.status, "did not succeed"), []).append(step)
    return StepResult("blocked", "; ".join(f"{', '.join(s)} {why}" for why, s in steps.items()))


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes
    ----------
    run
        The run's name.
    status
        succeeded, failed, waiting (steps wait for a decision and nothing failed) or cancelled.
    steps
        Every step that the run decided about, in the pipeline's order.
    seconds
        Wall time.
    mlflow_run
        The id of the run in MLflow; None when no step had to run.
    """

    run: str
    status: str
    steps: Mapping[str, StepResult]
    seconds: float
    mlflow_run: str | None = None

    @property
    def ok(self) -> bool:
        return self.status == "succeeded"

    def raise_for_status(self) -> RunResult:
        """The result itself when the run succeeded.

        Raises
        ------
        GristmillError
            The first failed step's error; else Waiting, or Cancelled.
        """
        if self.status == "cancelled":
            raise Cancelled("run.cancelled", f"Run {self.run} was cancelled.")
        for result in sorted(self.steps.values(), key=lambda s: isinstance(s.error, Waiting)):
            if result.error is not None:
                raise result.error
        if not self.ok:
            raise StepFailed("run.failed", f"Run {self.run} failed.")
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
