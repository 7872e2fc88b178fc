"""The part of the schema about past runs and sweeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.runs.compare import RunDiff
from gristmill.runs.plots import FigurePair
from gristmill.runs.rows import RunRow


@dataclass(frozen=True)
class RunsView:
    """Runs as lines of a table, and `more` when there are others than these."""

    rows: tuple[RunRow, ...]
    more: bool


@dataclass(frozen=True)
class DiffView:
    """Two runs beside each other."""

    diff: RunDiff
    plots: tuple[FigurePair, ...]


@dataclass(frozen=True)
class SweepParameter:
    """A parameter that a sweep may try, with its value now."""

    name: str
    type: str
    value: Any


@dataclass(frozen=True)
class SweepSummary:
    """A sweep that ran or runs; `alive` is whether a process works on it."""

    name: str
    method: str
    metric: str
    total: int
    ended: int
    failed: int
    best: float | None
    params: Mapping[str, Any]
    alive: bool
    problem: str = ""


@dataclass(frozen=True)
class SweepsView:
    """What a sweep can be made of: files below `sweeps/`, parameters, `FILE:KEY` of metrics."""

    files: tuple[str, ...]
    parameters: tuple[SweepParameter, ...]
    metrics: tuple[str, ...]
    sweeps: tuple[SweepSummary, ...]


@dataclass(frozen=True)
class SweepRequest:
    """Start `name`: the file of that name when `parameters` is empty, else what is asked here.

    Values are written as on the command line: `1,2,3`, `10..100`, `0.001..1:log`. `trials` 0 is all
    of a grid, else 20.
    """

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    metric: str = ""
    maximize: bool = True
    method: str = "grid"
    trials: int = 0


@dataclass(frozen=True)
class MlflowView:
    """Where MLflow's pages are; `url` is empty while none are served. `own` is whether this server
    can serve them, on the loopback interface."""

    url: str
    own: bool
