"""What happens during a run, as values: the terminal, MLflow and JupyterLab read the same ones.

Times are seconds since the epoch; durations are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """One change.

    Attributes
    ----------
    kind
        The name of the class on the wire.
    at
        When, in seconds since the epoch.
    run
        The run's id.
    """

    kind: ClassVar[str]
    at: float
    run: str

    def record(self) -> dict[str, Any]:
        """The event as it is written and sent."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class RunAsked(Event):
    """The first event of a run, before it holds the project's lock.

    Attributes
    ----------
    pid
        The process that works on it.
    started
        When that process began, in seconds since the epoch.
    trigger
        Who or what started the run.
    """

    kind = "run-asked"
    pid: int
    started: float
    trigger: str


@dataclass(frozen=True)
class RunRefused(Event):
    """The last event of a run that could not begin or was broken off.

    Attributes
    ----------
    error
        The error's record.
    """

    kind = "run-refused"
    error: dict[str, str]


@dataclass(frozen=True)
class RunStarted(Event):
    """The run holds the project.

    Attributes
    ----------
    project
        The project's name.
    steps
        The steps that may run, in order.
    workers
        Steps at once.
    """

    kind = "run-started"
    project: str
    steps: tuple[str, ...]
    workers: int


@dataclass(frozen=True)
class StepSkipped(Event):
    """The step is fresh, or something that it needs failed.

    Attributes
    ----------
    step
        The step.
    reason
        Why.
    blocked
        Whether something that it needs failed.
    """

    kind = "step-skipped"
    step: str
    reason: str
    blocked: bool = False


@dataclass(frozen=True)
class StepRestored(Event):
    """The outputs came from the run cache.

    Attributes
    ----------
    step
        The step.
    reason
        Why it had to run.
    """

    kind = "step-restored"
    step: str
    reason: str


@dataclass(frozen=True)
class StepStarted(Event):
    """An attempt begins.

    Attributes
    ----------
    step
        The step.
    notebook
        Its notebook, relative to the root.
    reason
        Why it runs.
    cells
        How many code cells it has.
    attempt
        The attempt's number, from 1.
    executed
        The executed notebook, relative to the root.
    """

    kind = "step-started"
    step: str
    notebook: str
    reason: str
    cells: int
    attempt: int = 1
    executed: str = ""


@dataclass(frozen=True)
class CellStarted(Event):
    """A cell begins.

    Attributes
    ----------
    step
        The step.
    cell
        The cell's number among code cells, from 1.
    cells
        How many code cells there are.
    index
        The cell's position in the source notebook, from 0.
    """

    kind = "cell-started"
    step: str
    cell: int
    cells: int
    index: int


@dataclass(frozen=True)
class CellFinished(Event):
    """A cell ended without an error.

    Attributes
    ----------
    step
        The step.
    cell
        The cell's number among code cells, from 1.
    cells
        How many code cells there are.
    index
        The cell's position in the source notebook, from 0.
    seconds
        How long it took.
    """

    kind = "cell-finished"
    step: str
    cell: int
    cells: int
    index: int
    seconds: float


@dataclass(frozen=True)
class StepSucceeded(Event):
    """The step ended and its outputs are recorded.

    Attributes
    ----------
    step
        The step.
    seconds
        How long it took.
    executed
        The executed notebook, relative to the root.
    """

    kind = "step-succeeded"
    step: str
    seconds: float
    executed: str


@dataclass(frozen=True)
class StepFailedEvent(Event):
    """The step failed for good.

    Attributes
    ----------
    step
        The step.
    seconds
        How long it took.
    executed
        The executed notebook, relative to the root.
    cell
        The position in the notebook of the cell that raised, from 0; -1 when none did.
    error
        The error's record.
    """

    kind = "step-failed"
    step: str
    seconds: float
    executed: str
    cell: int
    error: dict[str, str]


@dataclass(frozen=True)
class StepWaiting(Event):
    """The step begins in a later run, when people have decided.

    Attributes
    ----------
    step
        The step.
    error
        The record of what has to be decided.
    """

    kind = "step-waiting"
    step: str
    error: dict[str, str]


@dataclass(frozen=True)
class StepRetried(Event):
    """An attempt failed and another one follows.

    Attributes
    ----------
    step
        The step.
    attempt
        The number of the attempt that failed, from 1.
    attempts
        How many there may be.
    seconds
        How long it took.
    wait
        Seconds until the next attempt.
    executed
        The executed notebook, relative to the root.
    cell
        The position in the notebook of the cell that raised, from 0; -1 when none did.
    error
        The error's record.
    """

    kind = "step-retried"
    step: str
    attempt: int
    attempts: int
    seconds: float
    wait: float
    executed: str
    cell: int
    error: dict[str, str]


@dataclass(frozen=True)
class Notice(Event):
    """Something that the user should know and that is not a failure.

    Attributes
    ----------
    message
        What it is.
    step
        The step that it is about, "" for the run.
    """

    kind = "notice"
    message: str
    step: str = ""


@dataclass(frozen=True)
class RunFinished(Event):
    """The last event of a run that came to its end.

    Attributes
    ----------
    status
        succeeded, failed, waiting (for a decision) or cancelled.
    seconds
        How long it took.
    ran
        How many steps ran.
    skipped
        How many were skipped.
    failed
        How many failed.
    """

    kind = "run-finished"
    status: str
    seconds: float
    ran: int
    skipped: int
    failed: int


Listener = Callable[[Event], None]
