"""A run in full, as one JSON document beside its executed notebooks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gristmill.errors import Invalid

RECORD_FILE = "run.json"


@dataclass(frozen=True)
class StepRecord:
    """A step in a run.

    `status` is succeeded, restored, fresh, failed, blocked, waiting (for a decision), cancelled or,
    in a run that was killed, running; `seconds` wall time of its execution; `source` the digest of
    its normalised code with the project modules in `modules` (path -> digest); `inputs` and
    `outputs` map paths to DVC hashes; `executed` is the executed notebook relative to the project's
    root; `cell` the index of the cell that failed, -1 for none; `mlflow_run` its child run.
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
    """A run with every step it decided about, in the DAG's order.

    `started` is seconds since the epoch, `seconds` wall time of the steps that ran; `environment`
    the hash of the environment's lock file. An unknown value is None.
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
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> RunRecord:
        try:
            raw = json.loads(text)
            steps = {name: StepRecord(**step) for name, step in raw.pop("steps").items()}
            return cls(**raw, steps=steps)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Invalid("runs.unreadable", f"not a run's record: {error}") from error
