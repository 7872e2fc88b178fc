"""`gristmill run`: from a request to a result. Start reading here."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

from gristmill.authoring import require_clean_notebooks
from gristmill.errors import Cancelled, GristmillError, Invalid, StepFailed
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
from gristmill.processes import process_start
from gristmill.project import Project
from gristmill.runner._interrupts import Interrupts
from gristmill.runner._lock import end_orphans, project_lock
from gristmill.runner._request import RunRequest, RunResult, StepResult, takes_targets
from gristmill.runner._steps.approval import check_approvals, note_waiting, without_approvals
from gristmill.runner._steps.reuse import fetch_inputs
from gristmill.runs import Journal
from gristmill.workspace import (
    Workspace,
    capacity,
    forget_index,
    load_workspace,
    require_fit,
    run_settings,
    sync,
    tagged,
    write_index,
)


@takes_targets
def run(
    project: Project,
    request: RunRequest | None = None,
    listeners: Iterable[Listener] = (),
    interrupts: Interrupts | None = None,
) -> RunResult:
    """Run what is stale: `run("train", force=True)`, or `run(project, RunRequest(...))`.

    Ctrl-C, SIGTERM and `interrupts.request()` cancel it. A step that fails raises nothing: it is in
    the result.

    Parameters
    ----------
    project
        Where to run; may be left out inside a project.
    request
        What to run. Instead of it, targets as text and the fields of a RunRequest as keywords.
    listeners
        Are called with every event.
    interrupts
        Cancels the run from another thread.

    Returns
    -------
    RunResult
        What became of each step.

    Raises
    ------
    Invalid, NotFound
        The request or a notebook is wrong.
    Conflict
        The project is busy and `wait` is off.
    """
    project, request = steps_wanted(project, request or RunRequest())
    name = request.name or run_name(time.time())
    with Journal(project.state, name) as journal:
        heard: tuple[Listener, ...] = (journal, *listeners)

        def emit(event: Event) -> None:
            for listener in heard:
                listener(event)

        pid = os.getpid()
        emit(RunAsked(time.time(), name, pid, process_start(pid), request.trigger))
        try:
            return _run(project, request, name, emit, interrupts)
        except BaseException as error:
            emit(RunRefused(time.time(), name, _record(error)))
            raise


def _run(
    project: Project,
    request: RunRequest,
    name: str,
    emit: Listener,
    interrupts: Interrupts | None,
) -> RunResult:
    def notice(text: str) -> None:
        emit(Notice(time.time(), name, text))

    begin = time.time()
    purpose = f"gristmill run {name}"
    with project_lock(project.state, purpose, wait=request.wait, notify=notice):
        orphans = end_orphans(project.state / "runs")
        if orphans:
            notice(f"ended {orphans} kernel(s) that a killed run left behind")
        workspace = load_workspace(project, request.params, request.overrides)
        settings = run_settings(project)
        pull = settings.pull if request.pull is None else request.pull
        if pull:
            fetch_inputs(project, workspace, notice)
        chosen = plan_run(workspace, request)
        workspace.missing_inputs(set(chosen.stale))
        policies = workspace.policies
        there = capacity(settings, request.workers)
        require_fit(policies, chosen.stale, there)
        check_approvals(project, workspace.dag, policies, chosen.stale)
        require_clean_notebooks(workspace, chosen.stale)
        forget_index(project)
        sync(workspace)
        emit(RunStarted(time.time(), name, project.name, tuple(chosen.decisions), there["workers"]))
        steps = {
            step: StepResult("fresh", decision.why)
            for step, decision in chosen.decisions.items()
            if not decision.run
        }
        for step, result in steps.items():
            emit(StepSkipped(time.time(), name, step, result.reason))
        finished, parent, status = True, None, "succeeded"
        if chosen.stale:
            from gristmill.runner._schedule import Schedule
            from gristmill.runner._steps.scheduler import drive
            from gristmill.runner._steps.session import Session

            schedule = Schedule(
                chosen.stale,
                workspace.dag.needs,
                {step: policies[step].demand for step in chosen.stale},
                there,
                keep_going=request.keep_going,
            )
            interrupts = interrupts or Interrupts()
            request = replace(request, pull=pull)
            session = Session(
                workspace, request, chosen, policies, there["gpus"], interrupts, name, emit
            )
            with session:
                finished = drive(schedule, session, interrupts)
                steps.update(session.results)
                status = _status(finished, steps)
                session.close(status)
                parent = session.parent
        workspace.hashes.save()
        waiting = [s for s, r in steps.items() if r.status == "waiting"]
        note_waiting(project, name, request.again(), waiting, chosen.decisions)
        if status == "succeeded" and not (request.params or request.overrides):
            write_index(workspace)
        seconds = time.time() - begin
        ran = sum(r.status in {"succeeded", "failed"} for r in steps.values())
        failed = sum(r.status == "failed" for r in steps.values())
        emit(RunFinished(time.time(), name, status, seconds, ran, len(steps) - ran, failed))
        ordered = {s: steps[s] for s in chosen.decisions if s in steps}
        return RunResult(name, status, ordered, seconds, parent)


def steps_wanted(project: Project, request: RunRequest) -> tuple[Project, RunRequest]:
    """What a request is about: the project itself, or its double with smoke parameters."""
    if not request.smoke:
        return project, request
    if request.keep_failed:
        raise Invalid(
            "run.smoke-kernel",
            "a smoke run keeps no kernel of a failed step.",
            hint="Leave out --keep-failed, or --smoke.",
        )
    from gristmill.runner._smoke import PARAMS, smoke_project

    return smoke_project(project), replace(request, params=request.params or PARAMS)


def plan_run(workspace: Workspace, request: RunRequest) -> Plan:
    """The plan for a request, on the workspace as it is."""
    project, policies = workspace.project, workspace.policies
    tagged_steps = tagged(policies, request.tags)
    chosen = plan(
        workspace.dag,
        workspace.states(),
        workspace.locked(),
        targets=[*(workspace.dag.find(word) for word in request.targets), *tagged_steps],
        only=request.only,
        force=request.force,
    )
    double = project.home != project.root or project.settings.smoke
    return without_approvals(chosen, workspace.dag, policies) if double else chosen


def run_name(now: float) -> str:
    """Sorts as time does: local date and time, and how far the second had gone, in 65,536ths."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{int(now % 1 * 65536):04x}"


def _record(error: BaseException) -> dict[str, str]:
    if isinstance(error, GristmillError):
        return error.record()
    if isinstance(error, KeyboardInterrupt):
        return Cancelled("run.cancelled", "stopped before it ended.").record()
    return StepFailed("run.broken", f"{type(error).__name__}: {error}").record()


def _status(finished: bool, steps: Mapping[str, StepResult]) -> str:
    if not finished:
        return "cancelled"
    found = {r.status for r in steps.values()}
    if found & {"failed", "cancelled"}:
        return "failed"
    return "waiting" if "waiting" in found else "succeeded"
