"""A sweep on disk: what was asked and what each trial came to. One writer, always whole."""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gristmill.errors import Invalid, NotFound
from gristmill.files import write_atomic
from gristmill.project import Project, finds_project
from gristmill.sweeps._spec import SweepSpec

FILE = "sweep.json"
NAME = re.compile(r"[A-Za-z0-9][\w.\-]*")
WAITING, RUNNING, DONE, FAILED, PRUNED = "waiting", "running", "done", "failed", "pruned"
ENDED = {DONE, FAILED, PRUNED}


@dataclass
class Trial:
    """One point. `value` is the metric's, `run` the id of its run, `seconds` wall time, `reports`
    what the steps reported as (step, value)."""

    number: int
    params: dict[str, Any]
    state: str = WAITING
    value: float | None = None
    run: str | None = None
    seconds: float = 0.0
    error: str = ""
    reports: list[tuple[int, float]] = field(default_factory=list)


@dataclass
class Sweep:
    """`parent` is the sweep's run in MLflow; `trials` are in order of their numbers."""

    name: str
    spec: SweepSpec
    total: int
    parent: str | None = None
    trials: list[Trial] = field(default_factory=list)

    @property
    def best(self) -> Trial | None:
        """The trial with the best metric; the earlier of equals."""
        done = [t for t in self.trials if t.state == DONE and t.value is not None]
        sign = -1 if self.spec.maximize else 1
        return min(done, key=lambda t: (sign * (t.value or 0.0), t.number), default=None)

    @property
    def finished(self) -> bool:
        return len(self.trials) >= self.total and all(t.state in ENDED for t in self.trials)

    def ranked(self) -> list[Trial]:
        """Best first; trials without a value after them."""
        sign = -1 if self.spec.maximize else 1
        return sorted(
            self.trials,
            key=lambda t: (t.value is None or t.state != DONE, sign * (t.value or 0.0), t.number),
        )

    def count(self, state: str) -> int:
        return sum(t.state == state for t in self.trials)


def sweep_directory(project: Project, name: str) -> Path:
    """Where a sweep is kept. Raises Invalid for what is no name."""
    if not NAME.fullmatch(name):
        raise Invalid("sweep.name", f"`{name}` is no name for a sweep.", hint="Letters, digits, -.")
    return project.state / "sweeps" / name


def save(project: Project, sweep: Sweep) -> None:
    write_atomic(
        sweep_directory(project, sweep.name) / FILE, json.dumps(asdict(sweep), default=str)
    )


def sweep_names(project: Project) -> list[str]:
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
    """Whether a process works on the sweep: it holds the lock, which says by whom."""
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
    """Raises NotFound for an unknown name, Invalid for a damaged record."""
    try:
        raw: Mapping[str, Any] = json.loads(
            (sweep_directory(project, name) / FILE).read_text("utf-8")
        )
        spec = SweepSpec(**{**raw["spec"], "steps": tuple(raw["spec"]["steps"])})
        trials = [
            Trial(**{**t, "reports": [(int(s), float(v)) for s, v in t["reports"]]})
            for t in raw["trials"]
        ]
        return Sweep(raw["name"], spec, raw["total"], raw["parent"], trials)
    except FileNotFoundError:
        known = ", ".join(sweep_names(project)) or "none"
        raise NotFound(
            "sweep.not-found", f"no sweep `{name}` has run.", hint=f"Sweeps: {known}."
        ) from None
    except (KeyError, TypeError, ValueError) as error:
        path = sweep_directory(project, name) / FILE
        raise Invalid("sweep.unreadable", f"{path} is damaged: {error}") from error
