"""A run in full, as one JSON document beside its executed notebooks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gristmill.errors import Invalid
from gristmill.files import write_atomic
from gristmill.records import from_record, to_record

RECORD_FILE = "run.json"


@dataclass(frozen=True)
class StepRecord:
    """A step in a run.

    Attributes
    ----------
    status
        succeeded, restored, fresh, failed, blocked, waiting (for a decision), cancelled or, in a
        run that was killed, running.
    reason
        Why it ran, or did not.
    seconds
        Wall time of its execution.
    notebook
        The notebook's path.
    source
        The digest of its normalised code, with that of the project modules it imports.
    params, metrics
        Values by name.
    inputs, outputs
        DVC hashes by path.
    modules
        Digests of the project modules it imports, by path.
    executed
        The executed notebook, relative to the project's root.
    error
        The error's code, message and hint.
    cell
        The index of the cell that failed, -1 for none.
    mlflow_run
        The id of its run in MLflow.
    """

    status: str
    reason: str = ""
    seconds: float = 0.0
    notebook: str = ""
    source: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)
    executed: str | None = None
    error: Mapping[str, str] | None = None
    cell: int = -1
    mlflow_run: str | None = None


@dataclass(frozen=True)
class RunRecord:
    """A run with every step it decided about. An unknown value is None.

    Attributes
    ----------
    run, status
        The run's name, and succeeded, failed, waiting, cancelled or running.
    started
        Seconds since the epoch.
    seconds
        Wall time of the steps that ran, added up.
    steps
        In the pipeline's order.
    trigger
        Who or what asked for it.
    set
        The parameter set.
    commit, dirty, branch, author
        Of the project's git repository; `dirty` is whether files differed from the commit.
    environment
        The hash of the environment's lock file.
    mlflow_run
        Its id in MLflow.
    """

    run: str
    status: str
    started: float
    seconds: float
    steps: Mapping[str, StepRecord]
    trigger: str = "user"
    set: str | None = None
    commit: str | None = None
    dirty: bool | None = None
    branch: str | None = None
    author: str | None = None
    environment: str | None = None
    mlflow_run: str | None = None

    def flat_params(self) -> dict[str, Any]:
        """`step.name` -> value."""
        return {f"{s}.{n}": v for s, r in self.steps.items() for n, v in r.params.items()}

    def flat_metrics(self) -> dict[str, float]:
        """`step.name` -> number. In a run that succeeded also `name` -> that of the last step in
        the DAG that reports it; in a failed one that would be another step's."""
        done = self.steps.values() if self.status == "succeeded" else ()
        own = {n: v for r in done for n, v in r.metrics.items()}
        return own | {f"{s}.{n}": v for s, r in self.steps.items() for n, v in r.metrics.items()}

    def to_json(self) -> str:
        return json.dumps(to_record(self))

    @classmethod
    def from_json(cls, text: str) -> RunRecord:
        """The inverse of `to_json`. Raises Invalid (`runs.unreadable`)."""
        try:
            return from_record(cls, json.loads(text))
        except (ValueError, Invalid) as error:
            raise Invalid("runs.unreadable", f"This is not a run's record: {error}") from error

    def write(self, directory: Path) -> None:
        """Keep the record in the run's directory."""
        write_atomic(directory / RECORD_FILE, self.to_json())
