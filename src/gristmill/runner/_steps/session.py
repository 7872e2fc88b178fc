"""What a run does around each step: decide again, clear outputs, execute, check, record."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gristmill.authoring import lint_settings
from gristmill.errors import Cancelled, GristmillError, StepFailed, Waiting
from gristmill.events import (
    CellFinished,
    CellStarted,
    Event,
    Notice,
    StepFailedEvent,
    StepRestored,
    StepRetried,
    StepSkipped,
    StepStarted,
    StepSucceeded,
    StepWaiting,
)
from gristmill.lineage import DvcRepo
from gristmill.pipeline import SOURCES, Plan, staleness
from gristmill.runner._interrupts import Interrupts
from gristmill.runner._notebook.execute import Failure
from gristmill.runner._request import RunRequest, StepResult, blocked_by
from gristmill.runner._schedule import backoff
from gristmill.runner._steps.approval import approver
from gristmill.runner._steps.attempt import Attempt, ReportCell, record_attempt, start_server
from gristmill.runner._steps.file_access import check_files, observe
from gristmill.runner._steps.outputs import failure_of, require_outputs, require_unchanged
from gristmill.runner._steps.parking import adopt_parked, end_parked, start_tracking
from gristmill.runner._steps.reuse import Reuse
from gristmill.runner._steps.scheduler import Outcome
from gristmill.runner._steps.summary import run_record, run_tags
from gristmill.sandbox import git_state_of_double
from gristmill.tracking import Tracker
from gristmill.workspace import GpuPool, Workspace


class Session:
    """One run over a workspace. Implements the scheduler's `Work`; a context manager."""

    def __init__(
        self,
        workspace: Workspace,
        request: RunRequest,
        plan: Plan,
        gpus: int,
        interrupts: Interrupts,
        name: str,
        emit: Callable[[Event], None],
    ) -> None:
        self.workspace = workspace
        self.request = request
        self.plan = plan
        self.policies = workspace.policies
        self.name = name
        self.emit = emit
        self.results: dict[str, StepResult] = {}
        self.directory = workspace.project.state / "runs" / name
        self._attempts: dict[str, Attempt] = {}
        self._tries: dict[str, int] = {}
        self._devices = GpuPool(gpus)
        self._interrupts = interrupts
        self._cancelled = threading.Event()

    def __enter__(self) -> Session:
        workspace, project, request = self.workspace, self.workspace.project, self.request
        self.started = time.time()
        self.lint = lint_settings(project)
        self.directory.mkdir(parents=True)
        lock = workspace.environment
        self.environment_hash = workspace.hashes.md5(lock) if lock else None
        first = self.plan.stale[0]
        start_server(workspace, first, self.policies, self.environment_hash, request.kernel)
        self.git = git_state_of_double(project)
        self.dvc = DvcRepo(project.root)
        try:
            self.dvc.keep_cached(SOURCES)
            self.tracker = Tracker(project, self.name, run_tags(request, self.git))
            self._cache = Reuse(
                self.dvc,
                self._interrupts,
                lambda text: self._notice("", text),
                pull=bool(request.pull),
            )
        except BaseException:
            self.dvc.close()
            raise
        self.mlflow_run = self.tracker.parent
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is not None:
                self.cancel(())
                self.tracker.abandon()
        finally:
            self.dvc.close()

    def close(self, status: str) -> None:
        record = run_record(
            self.workspace,
            self.request,
            self.plan,
            self.results,
            run=self.name,
            status=status,
            started=self.started,
            git=self.git,
            mlflow_run=self.mlflow_run,
        )
        record.write(self.directory)
        self.tracker.finish(status, record.flat_params(), record.flat_metrics(), record.to_json())

    def begin(self, step: str) -> bool:
        """Whether the step still has to run, now that all it needs is done."""
        attempt = self._attempt(step)
        self._attempts[step] = attempt
        self._notice(step, adopt_parked(self.workspace, attempt, self.request.resume, self.name))
        restarts = attempt.parked is None
        if not restarts or self.request.force or attempt.number > 1:
            self._approve(attempt)
        elif self._reuse(attempt):
            del self._attempts[step]
            return False
        if restarts:
            self._notice(step, end_parked(self.workspace.project, step))
            self.dvc.clear_outputs(step)
        attempt.environment = {
            **attempt.policy.threads(),
            **self._devices.take(step, attempt.policy.gpus),
            **start_tracking(self.tracker, self.workspace, attempt),
            **observe(self.lint.undeclared, attempt.observed),
        }
        self.emit(
            StepStarted(
                time.time(),
                self.name,
                step,
                attempt.step.notebook,
                attempt.reason,
                attempt.step.cells,
                attempt=attempt.number,
                executed=str(attempt.executed),
            )
        )
        return True

    def _attempt(self, step: str) -> Attempt:
        number = self._tries[step] = self._tries.get(step, 0) + 1
        return Attempt(
            self.workspace.dag.steps[step],
            self.policies[step],
            number,
            time.time(),
            self.workspace.state(step),
            self.directory,
            self.plan.decisions[step].why,
            keep=self.request.selection() if self.request.keep_failed else None,
        )

    def _approve(self, attempt: Attempt) -> None:
        """Raises Waiting while people have to agree."""
        if model := attempt.policy.approval:
            step, project = attempt.step.name, self.workspace.project
            attempt.reason += f"; {approver().require(project, model, step, self.name)}"

    def _reuse(self, attempt: Attempt) -> bool:
        """Whether the outputs are what they should be, now or after a look into the run cache."""
        step = attempt.step.name
        locked = self.workspace.locked(self.dvc.lock).get(step)
        decision = staleness(attempt.before, locked)
        if not decision.run:
            reason = "what it reads came out the same"
            self.results[step] = StepResult("fresh", reason)
            self.emit(StepSkipped(time.time(), self.name, step, reason))
            return True
        attempt.reason = decision.why
        self._approve(attempt)
        if not self._cache.restore(step, attempt.before, locked):
            return False
        self.results[step] = StepResult("restored", attempt.reason)
        self.emit(StepRestored(time.time(), self.name, step, attempt.reason))
        return True

    def _notice(self, step: str, text: str) -> None:
        if text:
            self.emit(Notice(time.time(), self.name, text, step))

    def execute(self, step: str, report_cell: ReportCell) -> Failure | None:
        """In a worker thread."""
        attempt = self._attempts[step]
        return attempt.run(self.workspace, self.environment_hash, self.request.kernel, report_cell)

    def progress(self, step: str, message: tuple[int, float | None]) -> None:
        index, seconds = message
        attempt, at = self._attempts[step], time.time()
        cells = attempt.step.cells
        if seconds is None:
            if position := attempt.cell_began(index, time.monotonic()):
                self.emit(CellStarted(at, self.name, step, position.number, cells, position.index))
        elif position := attempt.cell_ended(index):
            number, source_index = position.number, position.index
            self.emit(CellFinished(at, self.name, step, number, cells, source_index, seconds))

    def deadline(self, step: str) -> float | None:
        return self._attempts[step].deadline

    def expire(self, step: str) -> None:
        self._attempts[step].expire(time.monotonic())

    def finish(self, step: str, result: Any) -> Outcome:
        """Check and record an attempt; a failed one may be followed by another."""
        attempt = self._attempts.pop(step)
        seconds = time.time() - attempt.started
        failure, entry = self._commit(attempt, result)
        error, status = None, "succeeded"
        if failure is not None:
            error, status = failure.error, "failed"
            if self._cancelled.is_set():
                status, error = (
                    "cancelled",
                    Cancelled("step.cancelled", f"Step {step} was cancelled."),
                )
        record_attempt(
            self.workspace, self.tracker, self.git, self.name, attempt, status, entry, error
        )
        self._devices.give_back(step)
        cell = failure.cell if failure else -1
        at, executed = time.time(), str(attempt.executed)
        if error is None:
            self.emit(StepSucceeded(at, self.name, step, seconds, executed))
        elif status == "failed" and self._may_retry(attempt, error):
            wait = backoff(attempt.policy.backoff, attempt.number, random.random())  # noqa: S311
            tries, number = 1 + attempt.policy.retries, attempt.number
            record = error.record()
            self.emit(
                StepRetried(
                    at, self.name, step, number, tries, seconds, wait, executed, cell, record
                )
            )
            return Outcome(ok=False, again=wait)
        else:
            self.emit(StepFailedEvent(at, self.name, step, seconds, executed, cell, error.record()))
        child = self.tracker.child(step)
        self.results[step] = StepResult(
            status, attempt.reason, seconds, attempt.executed, child, error, cell, attempt.number
        )
        return Outcome(ok=error is None)

    def _may_retry(self, attempt: Attempt, error: GristmillError) -> bool:
        """Another attempt may help against what the notebook did, not against what is missing."""
        return isinstance(error, StepFailed) and attempt.number <= attempt.policy.retries

    def _commit(
        self, attempt: Attempt, result: Any
    ) -> tuple[Failure | None, Mapping[str, Any] | None]:
        """What is wrong with a finished step, or its record in `dvc.lock`."""
        failure = failure_of(attempt.step, result, attempt.log)
        if failure is not None:
            return Failure(attempt.expired) if attempt.expired else failure, None
        spec, root = attempt.step, self.workspace.project.root
        try:
            require_unchanged(spec, attempt.before, self.workspace.state(spec.name))
            require_outputs(root, spec)
            log, level = attempt.observed, self.lint.undeclared
            attempt.opened = check_files(self.workspace.project, spec, log, attempt.executed, level)
            for file in attempt.opened:
                self._notice(spec.name, file.sentence(spec.notebook))
            return None, self.dvc.commit(spec.name)
        except GristmillError as error:
            return Failure(error), None

    def hold(self, step: str, reason: Waiting) -> None:
        del self._attempts[step]
        self.results[step] = StepResult("waiting", reason.message, error=reason)
        self.emit(StepWaiting(time.time(), self.name, step, reason.record()))

    def block(self, step: str, failed: Iterable[str]) -> None:
        result = self.results[step] = blocked_by({s: self.results[s] for s in failed})
        self.emit(StepSkipped(time.time(), self.name, step, result.reason, blocked=True))

    def cancel(self, unbegun: Iterable[str]) -> None:
        self._cancelled.set()
        for step in unbegun:
            self.results[step] = StepResult("cancelled", "the run was stopped before it began")
        for attempt in list(self._attempts.values()):
            attempt.end()
