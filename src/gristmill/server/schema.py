"""What travels between the server and JupyterLab. `typescript.py` writes the same for the client.

Paths named `...path` are as Jupyter's file browser names them, null where it cannot reach them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ErrorRecord:
    """Every error that the server replies with."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True)
class ProjectView:
    """The project of a folder; `served` is whether the file browser reaches its root."""

    found: bool
    folder: str
    name: str = ""
    root: str = ""
    served: bool = True
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class InitRequest:
    """Make `folder` a project."""

    folder: str = ""
    name: str | None = None


@dataclass(frozen=True)
class FileView:
    """A file or a folder of the project: `name` relative to its root."""

    name: str
    path: str | None
    exists: bool
    folder: bool


@dataclass(frozen=True)
class StepView:
    """A step; `reasons` say why it would run, none when it is fresh."""

    name: str
    notebook: str
    path: str | None
    needs: tuple[str, ...]
    inputs: tuple[FileView, ...]
    outputs: tuple[FileView, ...]
    params: Mapping[str, Any]
    cells: int
    stale: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ParkedView:
    """The kernel of a failed step that waits; `cell` as in the notebook, from 0; `executed`
    relative to the project's root; `at` seconds since the epoch."""

    step: str
    run: str
    cell: int
    error: str
    executed: str
    at: float


@dataclass(frozen=True)
class PipelineView:
    """The steps in the DAG's order; `missing` inputs that no step writes, with their readers;
    `sets` of parameters beside the default."""

    project: str
    steps: tuple[StepView, ...]
    not_steps: Mapping[str, str]
    missing: Mapping[str, list[str]]
    sets: tuple[str, ...]
    parked: tuple[ParkedView, ...]


@dataclass(frozen=True)
class RunWanted:
    """What to run, as `gristmill run` takes it: no `targets` are all steps."""

    targets: tuple[str, ...] = ()
    only: bool = False
    force: bool = False
    keep_failed: bool = True
    params: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 0
    kernel: str = "auto"


@dataclass(frozen=True)
class RunAccepted:
    """The name of a run that was begun."""

    run: str


@dataclass(frozen=True)
class KernelView:
    """A parked kernel that can be connected to: its id here, the executed notebook as `RUN/FILE`,
    the index of the cell that failed."""

    id: str
    executed: str
    cell: int
    run: str
