"""`gristmill run`: from a request to a result. Start reading here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from gristmill.authoring import require_clean_notebooks
from gristmill.errors import Cancelled, GristmillError, Invalid, StepFailed, Unavailable
from gristmill.events import (
    Event,
    Listener,
    Notice,
    RunAsked,
    RunFinished,
    RunRefused,
    RunStarted,
    StepSkipped,
)
from gristmill.pipeline import Plan, plan
from gristmill.processes import start_time
from gristmill.project import Project
from gristmill.runner._interrupts import Interrupts
from gristmill.runner._lock import end_orphans, project_lock
from gristmill.runner._request import RunRequest, RunResult, StepResult, takes_targets
from gristmill.runner._steps.approval import check_approvals, note_waiting, without_approvals
from gristmill.runner._steps.reuse import fetch_inputs
from gristmill.runs import Journal
from gristmill.tracking import close_dead_runs
from gristmill.workspace import (
    Resources,
    Workspace,
    capacity,
    forget_index,
    load_workspace,
    require_fit,
    run_settings,
    steps_with_tags,
    sync,
    write_index,
)
from gristmill.workspace_trust import require_trust


@takes_targets
def run(
    project: Project,
    request: RunRequest | None = None,
    listeners: Iterable[Listener] = (),
    interrupts: Interrupts | None = None,
) -> RunResult:
    """Run what is stale: `run("train", force=True)`, or `run(project, RunRequest(...))`.

    Parameters
    ----------
    project
        The project.
    request
        What to run, and how; None runs everything that is stale.
    listeners
        Called with each event of the run, in the thread that called this.
    interrupts
        Lets another thread cancel the run.

    Returns
    -------
    RunResult
        What became of each step. A step that failed is in it and raises nothing.

    Raises
    ------
    Invalid, NotFound
        The request, a notebook or a setting is wrong. Nothing has run.
    Conflict
        Another run goes on and the request does not wait for it.
    Forbidden
        `project.untrusted`. Nothing has run.
    """
    require_trust(project.root)
    project, request = target_project(project, request or RunRequest())
    name = request.name or run_name(time.time())
    with Journal(project.state, name) as journal:
        recipients: tuple[Listener, ...] = (journal, *listeners)

        def emit(event: Event) -> None:
            for listener in recipients:
                listener(event)

        pid = os.getpid()
        emit(RunAsked(time.time(), name, pid, start_time(pid), request.trigger))
        try:
            return _run(project, request, name, emit, interrupts or Interrupts())
        except BaseException as error:
            emit(RunRefused(time.time(), name, _record(error)))
            raise


def _run(
    project: Project, request: RunRequest, name: str, emit: Listener, interrupts: Interrupts
) -> RunResult:
    def notice(text: str) -> None:
        emit(Notice(time.time(), name, text))

    started = time.time()
    purpose = f"gristmill run {name}"
    with project_lock(project.state, purpose, wait=request.wait, notify=notice):
        prepared = _prepare(project, request, notice)
        decisions = prepared.plan.decisions
        workers = prepared.capacity["workers"]
        emit(RunStarted(time.time(), name, project.name, tuple(decisions), workers))
        results = _fresh_steps(prepared.plan, name, emit)
        status, mlflow_run = "succeeded", None
        if prepared.plan.stale:
            status, mlflow_run = _execute(prepared, name, emit, interrupts, results)
        else:
            try:
                close_dead_runs(project)
            except Unavailable as error:
                notice(f"a run that was killed is still open in MLflow: {error.message}")
        _leave_behind(prepared, name, status, results)
        seconds = time.time() - started
        executed = sum(r.status in {"succeeded", "failed"} for r in results.values())
        failed = sum(r.status == "failed" for r in results.values())
        others = len(results) - executed
        emit(RunFinished(time.time(), name, status, seconds, executed, others, failed))
        ordered = {step: results[step] for step in decisions if step in results}
        return RunResult(name, status, ordered, seconds, mlflow_run)


@dataclass(frozen=True)
class _PreparedRun:
    """A run that can begin: everything that can be wrong beforehand has been checked."""

    workspace: Workspace
    request: RunRequest
    plan: Plan
    capacity: Resources


def _prepare(project: Project, request: RunRequest, notice: Callable[[str], None]) -> _PreparedRun:
    """Read the project, decide what runs, refuse what cannot; then bring `dvc.yaml` up to date."""
    orphans = end_orphans(project.state / "runs")
    if orphans:
        notice(f"ended {orphans} kernel(s) that a killed run left behind")
    workspace = load_workspace(project, request.params, request.overrides)
    settings = run_settings(project)
    request = replace(request, pull=settings.pull if request.pull is None else request.pull)
    if request.pull:
        fetch_inputs(project, workspace, notice)
    chosen = plan_run(workspace, request)
    workspace.require_readable(chosen.decisions if request.targets or request.tags else None)
    limits = capacity(settings, request.workers)
    workspace.missing_inputs(set(chosen.stale))
    require_fit(workspace.policies, chosen.stale, limits)
    check_approvals(project, workspace.dag, workspace.policies, chosen.stale)
    require_clean_notebooks(workspace, chosen.stale)
    forget_index(project)
    sync(workspace)
    return _PreparedRun(workspace, request, chosen, limits)


def _fresh_steps(chosen: Plan, name: str, emit: Listener) -> dict[str, StepResult]:
    """The results of the steps that need not run."""
    results = {
        step: StepResult("fresh", decision.why)
        for step, decision in chosen.decisions.items()
        if not decision.run
    }
    for step, result in results.items():
        emit(StepSkipped(time.time(), name, step, result.reason))
    return results


def _execute(
    prepared: _PreparedRun,
    name: str,
    emit: Listener,
    interrupts: Interrupts,
    results: dict[str, StepResult],
) -> tuple[str, str]:
    """Run the stale steps and add their results; the run's status, and its id in MLflow."""
    from gristmill.runner._schedule import Schedule
    from gristmill.runner._steps.scheduler import drive
    from gristmill.runner._steps.session import Session

    workspace, request, chosen = prepared.workspace, prepared.request, prepared.plan
    schedule = Schedule(
        chosen.stale,
        workspace.dag.needs,
        {step: workspace.policies[step].demand for step in chosen.stale},
        prepared.capacity,
        keep_going=request.keep_going,
    )
    gpus = prepared.capacity["gpus"]
    with Session(workspace, request, chosen, gpus, interrupts, name, emit) as session:
        finished = drive(schedule, session, interrupts)
        results.update(session.results)
        status = _status(finished, results)
        session.close(status)
        return status, session.mlflow_run


def _leave_behind(
    prepared: _PreparedRun, name: str, status: str, results: Mapping[str, StepResult]
) -> None:
    """What later runs go by: hashes, the run that waits for a decision, the index of freshness."""
    workspace, request = prepared.workspace, prepared.request
    workspace.hashes.save()
    waiting = [step for step, result in results.items() if result.status == "waiting"]
    decided = prepared.plan.decisions
    note_waiting(workspace.project, name, request.selection(), waiting, decided)
    if status == "succeeded" and not (request.params or request.overrides):
        write_index(workspace)


def target_project(project: Project, request: RunRequest) -> tuple[Project, RunRequest]:
    """What a request is about: the project itself, or its double with smoke parameters.

    Parameters
    ----------
    project
        The project.
    request
        `smoke` makes the difference.

    Returns
    -------
    tuple
        The project to run, and the request with the parameter set to use.

    Raises
    ------
    Invalid
        `run.smoke-kernel`, when a smoke run is to keep kernels of failed steps.
    """
    if not request.smoke:
        return project, request
    if request.keep_failed:
        raise Invalid(
            "run.smoke-kernel",
            "A smoke run keeps no kernel of a failed step.",
            hint="Leave out --keep-failed, or --smoke.",
        )
    from gristmill.runner._smoke import PARAMS, smoke_project

    return smoke_project(project), replace(request, params=request.params or PARAMS)


def plan_run(workspace: Workspace, request: RunRequest) -> Plan:
    """What a request would run in the workspace as it is, and why.

    Parameters
    ----------
    workspace
        The project as read for the request's parameters.
    request
        `targets`, `tags`, `only` and `force` count.

    Raises
    ------
    NotFound
        A target or tag that no step has.
    Invalid
        When the notebook of a target cannot be read.
    """
    project, policies = workspace.project, workspace.policies
    tagged_steps = steps_with_tags(policies, request.tags)
    chosen = plan(
        workspace.dag,
        workspace.states(),
        workspace.locked(),
        targets=[*(workspace.find_step(target) for target in request.targets), *tagged_steps],
        only=request.only,
        force=request.force,
    )
    double = project.origin != project.root or project.settings.smoke
    return without_approvals(chosen, workspace.dag, policies) if double else chosen


def run_name(seconds: float) -> str:
    """A new run's name, which sorts as time does.

    Parameters
    ----------
    seconds
        The time since the epoch.

    Returns
    -------
    str
        Local date and time, and the fraction of the second in 65,536ths as four hex digits.
    """
    date = time.strftime("%Y%m%d-%H%M%S", time.localtime(seconds))
    return f"{date}-{int(seconds % 1 * 65536):04x}"


def _record(error: BaseException) -> dict[str, str]:
    if isinstance(error, GristmillError):
        return error.record()
    if isinstance(error, KeyboardInterrupt):
        return Cancelled("run.cancelled", "The run was stopped before it ended.").record()
    return StepFailed("run.broken", f"{type(error).__name__}: {error}").record()


def _status(finished: bool, results: Mapping[str, StepResult]) -> str:
    if not finished:
        return "cancelled"
    statuses = {result.status for result in results.values()}
    if statuses & {"failed", "cancelled"}:
        return "failed"
    return "waiting" if "waiting" in statuses else "succeeded"
