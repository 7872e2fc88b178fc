"""A failed attempt's kernel: parking it, deciding whether its step can go on in it, resuming."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from gristmill.pipeline import StepSpec, StepState, parse_notebook
from gristmill.processes import start_time
from gristmill.project import Project
from gristmill.runner._kernels.parked import (
    ParkedKernel,
    ParkedKernels,
    digests,
    first_change,
    state_of_files,
)
from gristmill.runner._notebook.execute import Failure
from gristmill.runner._notebook.hooks import ResumePoint
from gristmill.tracking import Tracker
from gristmill.warm import KernelHandle
from gristmill.workspace import Workspace


class ParkableAttempt(Protocol):
    """What parking needs to know of an attempt at a step, and sets: the kernel to go on in."""

    step: StepSpec
    number: int
    before: StepState
    directory: Path
    environment: Mapping[str, str]
    keep: Mapping[str, Any] | None
    parked: ParkedKernel | None

    @property
    def executed(self) -> Path: ...


def park(
    workspace: Workspace, attempt: ParkableAttempt, kernel: KernelHandle, failure: Failure
) -> None:
    """Leave the kernel of a failed attempt running, with a record of how it came there."""
    step, project = attempt.step, workspace.project
    cells = parse_notebook(workspace.texts[step.name], step.notebook).cells
    parked = ParkedKernel(
        step=step.name,
        run=attempt.directory.name,
        notebook=step.notebook,
        connection_file=kernel.connection_file,
        pid=kernel.pid,
        started=start_time(kernel.pid),
        at=time.time(),
        cell=failure.cell,
        executed=attempt.executed.relative_to(project.root).as_posix(),
        cells=digests(cell for cell in cells if cell.index < failure.cell),
        inputs=attempt.before.inputs,
        params=attempt.before.params,
        modules=workspace.modules[step.name],
        outputs=state_of_files(project.root, [o.path for o in step.outputs]),
        mlflow_run=attempt.environment.get("MLFLOW_RUN_ID"),
        error=failure.error.message,
        request=attempt.keep or {},
    )
    parked_kernels = ParkedKernels(project.state)
    parked_kernels.keep(parked)
    kernel.park(parked_kernels.path(parked), parked_kernels.lease_seconds)


def resume_point(kernel: ParkedKernel, root: Path) -> ResumePoint:
    """The executed code cells above the failing one, and the cell of values that papermill made."""
    import nbformat

    notebook = nbformat.read(root / kernel.executed, as_version=4)
    cells: list[Any] = []
    source_cells = 0
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if "injected-parameters" not in cell.metadata.get("tags", ()):
            if source_cells == len(kernel.cells):
                break
            source_cells += 1
        cells.append(cell)
    return ResumePoint(kernel.run, tuple(cells), notebook.metadata.get("widgets"))


def why_restart(workspace: Workspace, kernel: ParkedKernel, current: StepState) -> str:
    """Why a parked kernel's step must run from its beginning, empty when it can go on."""
    if not kernel.alive:
        return "its kernel has ended"
    if not (workspace.project.root / kernel.executed).is_file():
        return f"what it had executed, {kernel.executed}, is gone"
    step = workspace.dag.steps[kernel.step]
    outputs = state_of_files(workspace.project.root, [o.path for o in step.outputs])
    modules = workspace.modules[kernel.step]
    return first_change(kernel, workspace.texts[kernel.step], current, modules, outputs)


def adopt_parked(
    workspace: Workspace, attempt: ParkableAttempt, parked: ParkedKernel | None, run: str
) -> str:
    """Give an attempt the parked kernel that `run` was asked to go on in, if its step still can;
    a notice for the user."""
    step = attempt.step.name
    if parked is None or parked.step != step or attempt.number > 1:
        return ""
    reason = why_restart(workspace, parked, attempt.before)
    if reason:
        return f"{step} runs from its beginning: {reason}."
    ParkedKernels(workspace.project.state).resume(parked, run)
    attempt.parked = parked
    return f"{step} goes on in its kernel from the failed cell (run {parked.run})"


def end_parked(project: Project, step: str) -> str:
    """End what is parked of a step, so that it cannot write among the outputs of a new run.

    A notice for the user, empty when none was parked.
    """
    if ParkedKernels(project.state).end_step(step):
        return f"the parked kernel of {step} was ended: the step runs anew"
    return ""


def start_tracking(
    tracker: Tracker, workspace: Workspace, attempt: ParkableAttempt
) -> dict[str, str]:
    """The attempt's child run: a new one, or the one in which its parked kernel logs."""
    step, parked = attempt.step, attempt.parked
    if parked is None or parked.mlflow_run is None:
        params = workspace.params[step.name]
        return tracker.start_step(step.name, params, step.notebook, attempt.number)
    return tracker.resume_step(step.name, parked.mlflow_run, parked.run)
