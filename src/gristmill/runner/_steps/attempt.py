"""One attempt at a step: its notebook on a kernel, or in a shell where that is enough."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gristmill.errors import GristmillError, StepFailed, Unavailable
from gristmill.lineage import GitState
from gristmill.pipeline import StepSpec, StepState, parse_notebook
from gristmill.processes import kill_process_tree
from gristmill.runner._kernels.parked import ParkedKernel, ParkedKernels
from gristmill.runner._lock import forget_kernel, note_kernel
from gristmill.runner._notebook.execute import CellPosition, Failure, cell_positions, execute
from gristmill.runner._notebook.hooks import Hooks
from gristmill.runner._notebook.kernel_needed import why_kernel_needed
from gristmill.runner._notebook.shell_executor import ShellExecutor
from gristmill.runner._steps.file_access import UndeclaredFile
from gristmill.runner._steps.outputs import clear_outputs, metrics_of, plots_of
from gristmill.runner._steps.parking import park, resume_point
from gristmill.tracking import Tracker
from gristmill.warm import (
    KernelHandle,
    KernelRequest,
    NotWarm,
    attach_kernel,
    start_ahead,
    start_kernel,
)
from gristmill.workspace import StepPolicy, Workspace, make_lineage, save_lineage

ReportCell = Callable[[tuple[int, float | None]], None]


@dataclass
class Attempt:
    """One attempt at a step, from its beginning to its end.

    Timeouts count from the start of the first cell, on the monotonic clock.

    Attributes
    ----------
    step, policy
        The step, and what the settings say of it.
    number
        From 1.
    started
        Seconds since the epoch.
    before
        The step's state when the attempt began.
    directory
        The run's.
    reason
        Why the step runs.
    environment
        Variables of the kernel beyond those of this process.
    keep
        What the run was asked, if kernels of failed cells are to be parked.
    parked
        The parked kernel to go on in.
    positions
        The source's code cells, by their index in the executed notebook.
    opened
        Files that the notebook opened without declaring them.
    expired
        The error when the step, or a cell, took too long.
    """

    step: StepSpec
    policy: StepPolicy
    number: int
    started: float
    before: StepState
    directory: Path
    reason: str
    environment: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[str, Any] | None = None
    parked: ParkedKernel | None = None
    positions: Mapping[int, CellPosition] = field(default_factory=dict)
    opened: Sequence[UndeclaredFile] = ()
    expired: StepFailed | None = None
    _index: int = -1
    _began: float | None = None
    _cell_began: float | None = None
    _pid: int | None = None
    _end: threading.Event = field(default_factory=threading.Event)

    @property
    def name(self) -> str:
        return self.step.name if self.number == 1 else f"{self.step.name}.attempt-{self.number}"

    @property
    def executed(self) -> Path:
        return self.directory / f"{self.name}.ipynb"

    @property
    def log(self) -> Path:
        return self.directory / f"{self.name}.log"

    @property
    def observed(self) -> Path:
        """Where the kernel notes the files it opens."""
        return self.directory / f"{self.name}.files"

    def cell_began(self, index: int, clock: float) -> CellPosition | None:
        """A cell of the executed notebook began; which of the source it is, if it is one."""
        if index <= self._index:  # started again on a kernel
            self._began = None
        self._index, self._cell_began = index, clock
        if self._began is None:
            self._began = clock
        return self.positions.get(index)

    def cell_ended(self, index: int) -> CellPosition | None:
        """That cell ended; which of the source it is, if it is one."""
        self._cell_began = None
        return self.positions.get(index)

    @property
    def deadline(self) -> float | None:
        """When the attempt or its running cell has taken too long, on the monotonic clock."""
        ends = []
        if self.policy.timeout is not None and self._began is not None:
            ends.append(self._began + self.policy.timeout)
        if self.policy.cell_timeout is not None and self._cell_began is not None:
            ends.append(self._cell_began + self.policy.cell_timeout)
        return min(ends, default=None)

    def expire(self, clock: float) -> None:
        """End it because its time, or its cell's, is over."""
        whole = self.policy.timeout
        if whole is not None and self._began is not None and clock >= self._began + whole:
            what, limit, key = "the step", whole, "timeout"
        else:
            position = self.positions.get(self._index)
            what = f"code cell {position.number} of {self.step.cells}" if position else "a cell"
            limit, key = self.policy.cell_timeout or 0.0, "cell_timeout"
        self.expired = StepFailed(
            "step.timeout",
            f"{self.step.notebook}: {what} took longer than {limit:g} s.",
            hint=f"Raise `{key}` in gristmill.toml [steps.{self.step.name}]. "
            f"The notebook so far: {self.executed}",
        )
        self.end()

    def end(self) -> None:
        """Kill the kernel and all it started, now or as soon as it is there."""
        self._end.set()
        if self._pid is not None:
            kill_process_tree(self._pid)

    def run(
        self,
        workspace: Workspace,
        environment_hash: str | None,
        kernel: str,
        report_cell: ReportCell,
    ) -> Failure | None:
        """The notebook through papermill; `report_cell` gets (cell, None) at the start of a cell
        and (cell, seconds) at its end."""
        name = self.step.name
        self.positions = cell_positions(workspace.texts[name], bool(workspace.params[name]))
        hooks = Hooks(
            source=self.step.notebook,
            save_to=self.executed,
            log=self.log,
            on_cell_start=lambda index: report_cell((index, None)),
            on_cell_end=lambda index, seconds: report_cell((index, seconds)),
        )
        request = replace(
            _request(workspace, self.step, environment_hash, kernel, self.environment),
            parkable=self.keep is not None,
            log=self.log,
            connections=ParkedKernels(workspace.project.state).connections if self.keep else None,
        )
        if self.parked is not None:
            return self._resume(workspace, self.parked, hooks)
        if kernel == "auto" and self.keep is None and not self._why_kernel(workspace):
            try:
                with ShellExecutor(request) as shell:
                    return self._execute(workspace, shell, hooks)
            except NotWarm as reason:
                self.log.write_text(f"started again on a kernel: {reason}\n", encoding="utf-8")
                clear_outputs(workspace.project.root, self.step)
        with self._kernel(request) as handle:
            return self._execute(workspace, handle, hooks)

    def _execute(
        self, workspace: Workspace, kernel: KernelHandle | ShellExecutor, hooks: Hooks
    ) -> Failure | None:
        name = self.step.name
        self._pid = kernel.pid
        note_kernel(self.directory, name, kernel.pid)
        if self._end.is_set():
            kill_process_tree(kernel.pid)
        try:
            text, params = workspace.texts[name], workspace.params[name]
            failure = execute(self.step, text, params, kernel, hooks)
            if failure is not None and isinstance(kernel, KernelHandle) and self._may_park(failure):
                park(workspace, self, kernel, failure)
            return failure
        finally:
            self._pid = None
            forget_kernel(self.directory, name)

    def _resume(self, workspace: Workspace, parked: ParkedKernel, hooks: Hooks) -> Failure | None:
        hooks.resume_point = resume_point(parked, workspace.project.root)
        with attach_kernel(parked.connection_file, parked.pid) as kernel:
            try:
                return self._execute(workspace, kernel, hooks)
            finally:
                if not kernel.parked:
                    ParkedKernels(workspace.project.state).end(parked)

    def _why_kernel(self, workspace: Workspace) -> str:
        """Why the notebook's cells need a kernel, empty when a shell is enough."""
        cells = parse_notebook(workspace.texts[self.step.name], self.step.notebook).cells
        return why_kernel_needed(cell.source for cell in cells)

    def _may_park(self, failure: Failure) -> bool:
        last = self.number > self.policy.retries
        return self.keep is not None and last and failure.cell >= 0 and not self._end.is_set()

    def _kernel(self, request: KernelRequest) -> KernelHandle:
        from jupyter_client.kernelspec import NoSuchKernel

        try:
            return start_kernel(request)
        except NoSuchKernel as error:
            raise Unavailable(
                "kernel.not-found",
                f"{self.step.notebook} asks for the kernel `{self.step.kernel}`, which is "
                "not installed.",
                hint="`jupyter kernelspec list` shows which are.",
            ) from error


def start_server(
    workspace: Workspace,
    step: str,
    policies: Mapping[str, StepPolicy],
    environment_hash: str | None,
    kernel: str,
) -> None:
    """The server of a step's kernel imports while MLflow and DVC are made ready here."""
    policy = policies[step]
    if policy.gpus == 0:
        spec = workspace.dag.steps[step]
        start_ahead(_request(workspace, spec, environment_hash, kernel, policy.threads()))


def _request(
    workspace: Workspace,
    step: StepSpec,
    environment_hash: str | None,
    kernel: str,
    environment: Mapping[str, str],
) -> KernelRequest:
    """What a step asks of its kernel; `environment` is what it sets beyond ours."""
    return KernelRequest(
        cwd=workspace.project.root,
        kernel_name=step.kernel,
        preload=workspace.preload,
        environment=environment_hash,
        project=workspace.project.origin,
        env={**os.environ, **environment},
        fresh=kernel == "fresh",
    )


def record_attempt(
    workspace: Workspace,
    tracker: Tracker,
    git: GitState,
    run: str,
    attempt: Attempt,
    status: str,
    entry: Mapping[str, Any] | None,
    error: GristmillError | None,
) -> None:
    """Write down an attempt that ended: lineage, metrics, plots and the executed notebook.

    `entry` is the step's record in `dvc.lock`, None when it did not succeed.
    """
    spec, root = attempt.step, workspace.project.root
    lineage, metrics, plots = None, None, None
    if entry is not None:
        metrics, plots = metrics_of(root, spec), plots_of(root, spec)
        lineage = make_lineage(workspace, spec.name, git, run, attempt.executed, entry)
        lineage = replace(lineage, undeclared={u.path: u.kind for u in attempt.opened})
        save_lineage(workspace.project, lineage)
    if not attempt.environment:  # it failed before its child run began
        return
    tracker.finish_step(
        spec.name,
        status,
        executed=attempt.executed,
        metrics=metrics,
        files=plots,
        lineage=lineage,
        error=str(error) if error else "",
    )
