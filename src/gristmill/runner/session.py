"""What a run does around each step: decide again, clear, execute, check, record."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gristmill.errors import Cancelled, GristmillError, StepFailed, Unavailable
from gristmill.events import (
    CellFinished,
    CellStarted,
    Event,
    StepFailedEvent,
    StepRestored,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
from gristmill.lineage.dvc import DvcRepo
from gristmill.lineage.git import git_state
from gristmill.pipeline.plan import Plan, StepState, judge
from gristmill.runner.execute import Failure, execute
from gristmill.runner.hooks import Hooks
from gristmill.runner.kernels import KernelHandle, KernelRequest, acquire
from gristmill.runner.lineage import make_lineage, remember
from gristmill.runner.lock import end_family, forget_kernel, note_kernel
from gristmill.runner.outputs import metrics_of, plots_of, require_outputs
from gristmill.runner.request import RunRequest, StepResult
from gristmill.runner.workspace import Workspace
from gristmill.tracking import Tracker

MLFLOW_STATUS = {"succeeded": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}


class Session:
    """One run over a workspace. Implements the scheduler's `Work`; a context manager."""

    def __init__(
        self,
        workspace: Workspace,
        request: RunRequest,
        plan: Plan,
        name: str,
        emit: Callable[[Event], None],
    ) -> None:
        self.workspace = workspace
        self.request = request
        self.plan = plan
        self.name = name
        self.emit = emit
        self.results: dict[str, StepResult] = {}
        self.directory = workspace.project.state / "runs" / name
        self._kernels: dict[str, int] = {}
        self._cancelled = threading.Event()
        self._before: dict[str, StepState] = {}
        self._started: dict[str, float] = {}
        self._environment: dict[str, dict[str, str]] = {}
        self._entries: dict[str, dict[str, Any]] = {}
        self._count: dict[str, int] = {}

    def __enter__(self) -> Session:
        project = self.workspace.project
        self.directory.mkdir(parents=True)
        lock = self.workspace.environment
        self.environment_hash = self.workspace.hashes.md5(lock) if lock else None
        self.git = git_state(project.root)
        self.dvc = DvcRepo(project.root)
        try:
            tags = {"gristmill.trigger": self.request.trigger}
            if self.git.commit:
                tags["gristmill.commit"] = self.git.commit
            if self.request.params:
                tags["gristmill.params"] = self.request.params
            self.tracker = Tracker(project, self.name, tags)
        except BaseException:
            self.dvc.close()
            raise
        self.parent = self.tracker.parent
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.dvc.close()

    def close(self, status: str) -> None:
        ran = [r for r in self.results.values() if r.status == "succeeded"]
        self.tracker.finish(
            MLFLOW_STATUS[status],
            {"steps": len(self.results), "seconds": sum(r.seconds for r in ran)},
        )

    def begin(self, step: str) -> bool:
        """Whether the step still has to run, now that all it needs is done."""
        decision = self.plan.decisions[step]
        state = self.workspace.state(step)
        if not self.request.force:
            locked = self.workspace.locked().get(step)
            decision = judge(state, locked)
            if not decision.run:
                self._skip(step, "what it reads came out the same")
                return False
            if self.dvc.restore(step):
                self.dvc.commit(step)
                self.results[step] = StepResult("restored", decision.why)
                self.emit(StepRestored(time.time(), self.name, step, decision.why))
                return False
        spec = self.workspace.dag.steps[step]
        self.dvc.clear_outputs(step)
        self._before[step] = state
        self._started[step] = time.time()
        params = self.workspace.params[step]
        self._environment[step] = self.tracker.start_step(step, params, spec.notebook)
        self.emit(
            StepStarted(
                time.time(),
                self.name,
                step,
                spec.notebook,
                decision.why,
                spec.cells,
                executed=str(self._executed(step)),
            )
        )
        return True

    def execute(self, step: str, tell: Callable[[Any], None]) -> Failure | None:
        """In a worker thread: papermill on a kernel."""
        spec = self.workspace.dag.steps[step]
        hooks = Hooks(
            save_to=self._executed(step),
            log=self.directory / f"{step}.log",
            on_cell_start=lambda index: tell((index, None)),
            on_cell_end=lambda index, seconds: tell((index, seconds)),
        )
        with self._kernel(step, spec.kernel, hooks.log) as kernel:
            self._kernels[step] = kernel.pid
            note_kernel(self.directory, step, kernel.pid)
            if self._cancelled.is_set():
                end_family(kernel.pid)
            try:
                text, params = self.workspace.texts[step], self.workspace.params[step]
                return execute(spec, text, params, kernel, hooks)
            finally:
                self._kernels.pop(step, None)
                forget_kernel(self.directory, step)

    def _kernel(self, step: str, name: str, log: Path | None) -> KernelHandle:
        from jupyter_client.kernelspec import NoSuchKernel

        project = self.workspace.project
        request = KernelRequest(
            cwd=project.root,
            kernel_name=name,
            preload=self.workspace.preload,
            environment=self.environment_hash,
            project=project.root,
            env={**os.environ, **self._environment[step]},
            log=log,
        )
        try:
            return acquire(request)
        except NoSuchKernel as error:
            raise Unavailable(
                "kernel.not-found",
                f"{self.workspace.dag.steps[step].notebook} asks for the kernel `{name}`, which is "
                "not installed.",
                hint="`jupyter kernelspec list` shows which are.",
            ) from error

    def progress(self, step: str, message: tuple[int, float | None]) -> None:
        index, seconds = message
        cells = self.workspace.dag.steps[step].cells
        at = time.time()
        if seconds is None:
            self._count[step] = self._count.get(step, 0) + 1
            number = min(self._count[step], cells)
            self.emit(CellStarted(at, self.name, step, number, cells, index))
        else:
            number = min(self._count[step], cells)
            self.emit(CellFinished(at, self.name, step, number, cells, index, seconds))

    def finish(self, step: str, result: Any) -> bool:
        """Check and record a step; True when it succeeded."""
        seconds = time.time() - self._started[step]
        error, cell = self._verdict(step, result)
        status = "succeeded"
        if self._cancelled.is_set() and error is not None:
            status, error = "cancelled", Cancelled("step.cancelled", f"{step} was cancelled.")
        elif error is not None:
            status = "failed"
        executed = self._executed(step)
        lineage, metrics, plots = None, None, None
        if error is None:
            spec, root = self.workspace.dag.steps[step], self.workspace.project.root
            metrics, plots = metrics_of(root, spec), plots_of(root, spec)
            lineage = make_lineage(
                self.workspace, step, self.git, self.name, executed, self._entries[step]
            )
            remember(self.workspace.project, lineage)
        self.tracker.finish_step(
            step,
            MLFLOW_STATUS[status],
            executed=executed,
            metrics=metrics,
            files=plots,
            lineage=lineage,
            error=str(error) if error else "",
        )
        self.results[step] = StepResult(
            status,
            self.plan.decisions[step].why,
            seconds,
            executed,
            self.tracker.child(step),
            error,
            cell,
        )
        at = time.time()
        if error is None:
            self.emit(StepSucceeded(at, self.name, step, seconds, str(executed)))
        else:
            self.emit(
                StepFailedEvent(at, self.name, step, seconds, str(executed), cell, error.record())
            )
        return error is None

    def _verdict(self, step: str, result: Any) -> tuple[GristmillError | None, int]:
        """The error of a finished step, if any; a step without one is committed."""
        if isinstance(result, Failure):
            return result.error, result.cell
        if isinstance(result, GristmillError):
            return result, -1
        if isinstance(result, BaseException):
            error = StepFailed(
                "step.engine-failed",
                f"{step}: {type(result).__name__}: {result}",
                hint=f"The kernel's log: {self.directory / f'{step}.log'}",
            )
            return error, -1
        try:
            self._unchanged_inputs(step)
            require_outputs(self.workspace.project.root, self.workspace.dag.steps[step])
            self._entries[step] = self.dvc.commit(step)
        except GristmillError as error:
            return error, -1
        return None, -1

    def _unchanged_inputs(self, step: str) -> None:
        before, now = self._before[step].inputs, self.workspace.state(step).inputs
        changed = sorted(p for p in before if before[p] != now[p])
        if changed:
            raise StepFailed(
                "step.input-changed",
                f"{step}: {', '.join(changed)} changed while the step ran.",
                hint="Run again: what it wrote may mix old and new.",
            )

    def block(self, step: str, failed: Iterable[str]) -> None:
        reason = f"{', '.join(failed)} did not succeed"
        self.results[step] = StepResult("blocked", reason)
        self.emit(StepSkipped(time.time(), self.name, step, reason, blocked=True))

    def cancel(self) -> None:
        self._cancelled.set()
        for pid in list(self._kernels.values()):
            end_family(pid)

    def _skip(self, step: str, reason: str) -> None:
        self.results[step] = StepResult("fresh", reason)
        self.emit(StepSkipped(time.time(), self.name, step, reason))

    def _executed(self, step: str) -> Path:
        return self.directory / f"{step}.ipynb"
