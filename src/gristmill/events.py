"""What happens during a run, as values: the terminal, MLflow and JupyterLab read the same ones.

Times are seconds since the epoch; durations are seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """One change. `kind` names the class on the wire."""

    kind: ClassVar[str]
    at: float
    run: str

    def record(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class RunAsked(Event):
    """The first event of a run, before it holds the project's lock: process `pid`, begun at
    `started`, works on it; `trigger` says who started it."""

    kind = "run-asked"
    pid: int
    started: float
    trigger: str


@dataclass(frozen=True)
class RunRefused(Event):
    """The last event of a run that could not begin or was broken off."""

    kind = "run-refused"
    error: dict[str, str]


@dataclass(frozen=True)
class RunStarted(Event):
    kind = "run-started"
    project: str
    steps: tuple[str, ...]
    workers: int


@dataclass(frozen=True)
class StepSkipped(Event):
    """The step is fresh (`reason` says so), or something it needs failed."""

    kind = "step-skipped"
    step: str
    reason: str
    blocked: bool = False


@dataclass(frozen=True)
class StepRestored(Event):
    """The outputs came from the run cache."""

    kind = "step-restored"
    step: str
    reason: str


@dataclass(frozen=True)
class StepStarted(Event):
    kind = "step-started"
    step: str
    notebook: str
    reason: str
    cells: int
    attempt: int = 1
    executed: str = ""


@dataclass(frozen=True)
class CellStarted(Event):
    """`cell` counts code cells from 1; `index` is the position in the source notebook from 0."""

    kind = "cell-started"
    step: str
    cell: int
    cells: int
    index: int


@dataclass(frozen=True)
class CellFinished(Event):
    kind = "cell-finished"
    step: str
    cell: int
    cells: int
    index: int
    seconds: float


@dataclass(frozen=True)
class StepSucceeded(Event):
    kind = "step-succeeded"
    step: str
    seconds: float
    executed: str


@dataclass(frozen=True)
class StepFailedEvent(Event):
    """`cell` is the index in the notebook of the cell that raised, -1 when none did."""

    kind = "step-failed"
    step: str
    seconds: float
    executed: str
    cell: int
    error: dict[str, str]


@dataclass(frozen=True)
class StepWaiting(Event):
    """The step begins in a later run, when people have decided; `error` says on what."""

    kind = "step-waiting"
    step: str
    error: dict[str, str]


@dataclass(frozen=True)
class StepRetried(Event):
    """Attempt number `attempt` of `attempts` failed; the next begins in `wait` seconds."""

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
    """Something that the user should know and that is not a failure."""

    kind = "notice"
    message: str
    step: str = ""


@dataclass(frozen=True)
class RunFinished(Event):
    """`status` is succeeded, failed, waiting (for a decision) or cancelled."""

    kind = "run-finished"
    status: str
    seconds: float
    ran: int
    skipped: int
    failed: int


Listener = Callable[[Event], None]
