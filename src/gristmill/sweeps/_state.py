"""A sweep on disk: what was asked and the result of each trial. One writer, always whole."""

from __future__ import annotations

import fcntl
import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from gristmill.errors import Invalid, NotFound
from gristmill.files import write_atomic
from gristmill.project import Project, finds_project
from gristmill.records import from_record, to_record
from gristmill.sweeps._spec import SweepSpec

FILE = "sweep.json"
NAME = re.compile(r"[A-Za-z0-9][\w.\-]*")


class TrialState(StrEnum):
    """Where a trial is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    PRUNED = "pruned"

    @property
    def ended(self) -> bool:
        """Whether it has a final result: `resume` does not run it again."""
        return self not in {TrialState.WAITING, TrialState.RUNNING}


@dataclass
class Trial:
    """One set of values that is tried.

    Attributes
    ----------
    number
        From 0.
    params
        Values by `step.name`.
    state
        Where it is.
    value
        The metric; None before the trial is done.
    run
        The name of its run.
    seconds
        Wall time.
    error
        Why it failed.
    reports
        What its steps reported while they ran: (step, value).
    """

    number: int
    params: dict[str, Any]
    state: TrialState = TrialState.WAITING
    value: float | None = None
    run: str | None = None
    seconds: float = 0.0
    error: str = ""
    reports: list[tuple[int, float]] = field(default_factory=list)


@dataclass
class Sweep:
    """A sweep and its trials.

    Attributes
    ----------
    name, spec
        The sweep's name, and what it was asked.
    total
        How many trials it will have.
    parent
        The id of the sweep's run in MLflow.
    trials
        By number.
    """

    name: str
    spec: SweepSpec
    total: int
    parent: str | None = None
    trials: list[Trial] = field(default_factory=list)

    @property
    def best(self) -> Trial | None:
        """The trial with the best metric; the earlier of equals."""
        done = [t for t in self.trials if t.state == TrialState.DONE and t.value is not None]
        sign = -1 if self.spec.maximize else 1
        return min(done, key=lambda t: (sign * (t.value or 0.0), t.number), default=None)

    @property
    def finished(self) -> bool:
        return len(self.trials) >= self.total and all(t.state.ended for t in self.trials)

    def ranked(self) -> list[Trial]:
        """Best first; trials without a value after them."""
        sign = -1 if self.spec.maximize else 1
        return sorted(
            self.trials,
            key=lambda t: (
                t.value is None or t.state != TrialState.DONE,
                sign * (t.value or 0.0),
                t.number,
            ),
        )

    def count(self, state: TrialState) -> int:
        """How many trials are in a state."""
        return sum(t.state == state for t in self.trials)


def sweep_directory(project: Project, name: str) -> Path:
    """The folder of a sweep.

    Parameters
    ----------
    project
        The project.
    name
        The sweep's name.

    Raises
    ------
    Invalid
        `sweep.name`, for a text that is not a sweep's name.
    """
    if not NAME.fullmatch(name):
        raise Invalid(
            "sweep.name",
            f"`{name}` is not a valid name for a sweep.",
            hint="Use letters, digits and `-`, `_` or `.`, beginning with a letter or digit.",
        )
    return project.state / "sweeps" / name


def save(project: Project, sweep: Sweep) -> None:
    path = sweep_directory(project, sweep.name) / FILE
    write_atomic(path, json.dumps(to_record(sweep)))


def sweep_names(project: Project) -> list[str]:
    """The names of all sweeps that have run, in order.

    Parameters
    ----------
    project
        The project.
    """
    return sorted(p.parent.name for p in (project.state / "sweeps").glob(f"*/{FILE}"))


@finds_project
def list_sweeps(project: Project) -> list[Sweep]:
    """Every sweep that has begun, by name.

    Parameters
    ----------
    project
        May be left out inside a project.

    Returns
    -------
    list of Sweep
        Empty when none has run.

    Raises
    ------
    Invalid
        A record is damaged.
    """
    return [load_sweep(project, name) for name in sweep_names(project)]


def is_running(project: Project, name: str) -> bool:
    """Whether a process works on the sweep: it holds the lock.

    Parameters
    ----------
    project
        The project.
    name
        The sweep's name.
    """
    try:
        with (sweep_directory(project, name) / "lock").open("r+") as file:
            if not file.read():
                return False
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@finds_project
def load_sweep(project: Project, name: str) -> Sweep:
    """A sweep as it is on disk.

    Parameters
    ----------
    project
        The project.
    name
        The sweep's name.

    Raises
    ------
    NotFound
        No sweep of that name has run.
    Invalid
        `sweep.unreadable`, for a damaged record.
    """
    path = sweep_directory(project, name) / FILE
    try:
        return from_record(Sweep, json.loads(path.read_text("utf-8")), str(path))
    except FileNotFoundError:
        names = ", ".join(sweep_names(project)) or "none"
        raise NotFound(
            "sweep.not-found", f"No sweep `{name}` has run.", hint=f"Sweeps: {names}."
        ) from None
    except (ValueError, Invalid) as error:
        raise Invalid("sweep.unreadable", f"{path} is damaged: {error}") from error
