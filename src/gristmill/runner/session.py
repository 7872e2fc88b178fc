"""What a run does around each step: decide again, clear, execute, check, record."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gristmill.errors import Cancelled, GristmillError
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
from gristmill.pipeline.plan import Plan, judge
from gristmill.runner.attempt import Attempt, Tell
from gristmill.runner.execute import Failure
from gristmill.runner.lineage import make_lineage, remember
from gristmill.runner.outputs import (
    failure_of,
    metrics_of,
    plots_of,
    require_outputs,
    require_unchanged,
)
from gristmill.runner.request import RunRequest, StepResult
from gristmill.runner.summary import keep, summarise
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
        self._attempts: dict[str, Attempt] = {}
        self._cancelled = threading.Event()

    def __enter__(self) -> Session:
        project = self.workspace.project
        self.began = time.time()
        self.directory.mkdir(parents=True)
        lock = self.workspace.environment
        self.environment_hash = self.workspace.hashes.md5(lock) if lock else None
        self.git = git_state(project.home)
        self.dvc = DvcRepo(project.root)
        try:
            tags = {"gristmill.trigger": self.request.trigger}
            if self.git.commit:
                tags["gristmill.commit"] = self.git.commit
            if self.git.author:
                tags["gristmill.author"] = self.git.author
            if self.request.params:
                tags["gristmill.params"] = self.request.params
            self.tracker = Tracker(project, self.name, tags | dict(self.request.tags))
        except BaseException:
            self.dvc.close()
            raise
        self.parent = self.tracker.parent
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.dvc.close()

    def close(self, status: str) -> None:
        record = summarise(
            self.workspace,
            self.request,
            self.plan,
            self.results,
            run=self.name,
            status=status,
            started=self.began,
            git=self.git,
            mlflow_run=self.parent,
        )
        keep(record, self.directory)
        self.tracker.finish(
            MLFLOW_STATUS[status], record.flat_params(), record.flat_metrics(), record.to_json()
        )

    def begin(self, step: str) -> bool:
        """Whether the step still has to run, now that all it needs is done."""
        why = self.plan.decisions[step].why
        state = self.workspace.state(step)
        if not self.request.force:
            decision = judge(state, self.workspace.locked(self.dvc.lock).get(step))
            why = decision.why
            if not decision.run:
                self._skip(step, "what it reads came out the same")
                return False
            if self.dvc.restore(step):
                self.dvc.commit(step)
                self.results[step] = StepResult("restored", why)
                self.emit(StepRestored(time.time(), self.name, step, why))
                return False
        spec = self.workspace.dag.steps[step]
        self.dvc.clear_outputs(step)
        began = time.time()
        params = self.workspace.params[step]
        environment = self.tracker.start_step(step, params, spec.notebook)
        attempt = Attempt(spec, 1, began, state, environment, self.directory)
        self._attempts[step] = attempt
        self.emit(
            StepStarted(
                time.time(),
                self.name,
                step,
                spec.notebook,
                why,
                spec.cells,
                attempt=attempt.number,
                executed=str(attempt.executed),
            )
        )
        return True

    def execute(self, step: str, tell: Tell) -> Failure | None:
        """In a worker thread."""
        attempt = self._attempts[step]
        return attempt.run(self.workspace, self.environment_hash, self.request.kernel, tell)

    def progress(self, step: str, message: tuple[int, float | None]) -> None:
        index, seconds = message
        attempt = self._attempts[step]
        cells = attempt.step.cells
        attempt.cells_begun += seconds is None
        number = min(attempt.cells_begun, cells)
        if seconds is None:
            self.emit(CellStarted(time.time(), self.name, step, number, cells, index))
        else:
            self.emit(CellFinished(time.time(), self.name, step, number, cells, index, seconds))

    def finish(self, step: str, result: Any) -> bool:
        """Check and record a step; True when it succeeded."""
        attempt = self._attempts.pop(step)
        seconds = time.time() - attempt.started
        failure, entry = self._commit(attempt, result)
        error, status = None, "succeeded"
        if failure is not None:
            error, status = failure.error, "failed"
            if self._cancelled.is_set():
                status, error = "cancelled", Cancelled("step.cancelled", f"{step} was cancelled.")
        self._track(attempt, status, entry, error)
        cell = failure.cell if failure else -1
        self.results[step] = StepResult(
            status,
            self.plan.decisions[step].why,
            seconds,
            attempt.executed,
            self.tracker.child(step),
            error,
            cell,
        )
        at, executed = time.time(), str(attempt.executed)
        if error is None:
            self.emit(StepSucceeded(at, self.name, step, seconds, executed))
        else:
            self.emit(StepFailedEvent(at, self.name, step, seconds, executed, cell, error.record()))
        return error is None

    def _commit(
        self, attempt: Attempt, result: Any
    ) -> tuple[Failure | None, Mapping[str, Any] | None]:
        """What is wrong with a finished step, or its record in `dvc.lock`."""
        failure = failure_of(attempt.step, result, attempt.log)
        if failure is not None:
            return failure, None
        spec, root = attempt.step, self.workspace.project.root
        try:
            require_unchanged(spec, attempt.before, self.workspace.state(spec.name))
            require_outputs(root, spec)
            return None, self.dvc.commit(spec.name)
        except GristmillError as error:
            return Failure(error), None

    def _track(
        self,
        attempt: Attempt,
        status: str,
        entry: Mapping[str, Any] | None,
        error: GristmillError | None,
    ) -> None:
        """Lineage, metrics, plots and the executed notebook to their places."""
        spec, root = attempt.step, self.workspace.project.root
        lineage, metrics, plots = None, None, None
        if entry is not None:
            metrics, plots = metrics_of(root, spec), plots_of(root, spec)
            lineage = make_lineage(
                self.workspace, spec.name, self.git, self.name, attempt.executed, entry
            )
            remember(self.workspace.project, lineage)
        self.tracker.finish_step(
            spec.name,
            MLFLOW_STATUS[status],
            executed=attempt.executed,
            metrics=metrics,
            files=plots,
            lineage=lineage,
            error=str(error) if error else "",
        )

    def block(self, step: str, failed: Iterable[str]) -> None:
        reason = f"{', '.join(failed)} did not succeed"
        self.results[step] = StepResult("blocked", reason)
        self.emit(StepSkipped(time.time(), self.name, step, reason, blocked=True))

    def cancel(self) -> None:
        self._cancelled.set()
        for attempt in list(self._attempts.values()):
            attempt.end()

    def _skip(self, step: str, reason: str) -> None:
        self.results[step] = StepResult("fresh", reason)
        self.emit(StepSkipped(time.time(), self.name, step, reason))
