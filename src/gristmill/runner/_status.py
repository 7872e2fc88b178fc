"""`gristmill status` and `gristmill sync`: what would run, and dvc.yaml written without running."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gristmill.errors import Conflict
from gristmill.project import Project, finds_project
from gristmill.runner._lock import project_lock
from gristmill.runner._request import RunRequest
from gristmill.runner._run import plan_run, target_project
from gristmill.workspace import load_workspace, pipeline_text, steps_with_tags
from gristmill.workspace import sync as write_pipeline
from gristmill.workspace_trust import require_trust


@dataclass(frozen=True)
class StepStatus:
    """A step as it is on disk now.

    Attributes
    ----------
    notebook
        Its path relative to the project's root.
    needs
        The steps whose outputs it reads.
    inputs, outputs
        Paths relative to the root.
    params
        The values that it would run with.
    stale
        Whether it would run.
    reasons
        Why it would, empty when it is fresh.
    """

    notebook: str
    needs: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    params: Mapping[str, Any]
    stale: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class PipelineStatus:
    """What `gristmill status` prints.

    Attributes
    ----------
    steps
        By name, in an order that respects the DAG.
    not_steps
        Notebooks that are no step, with the reason.
    errors
        Notebooks that cannot be read, with the record of what is wrong.
    missing
        Inputs that are absent and written by no step, with the steps that read them.
    """

    steps: Mapping[str, StepStatus]
    not_steps: Mapping[str, str]
    errors: Mapping[str, Mapping[str, str]]
    missing: Mapping[str, tuple[str, ...]]

    @property
    def stale(self) -> tuple[str, ...]:
        """The steps that would run."""
        return tuple(name for name, step in self.steps.items() if step.stale)


@finds_project
def status(
    project: Project,
    *targets: str,
    params: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    smoke: bool = False,
) -> PipelineStatus:
    """What `run` would do, and why. Changes nothing.

    Parameters
    ----------
    project
        May be left out inside a project.
    targets
        Steps or notebooks; every step when none is named.
    params
        A parameter set, `params.NAME.yaml`.
    overrides
        Values by `step.parameter`.
    smoke
        Of the double of the project that smoke runs use.

    Returns
    -------
    PipelineStatus
        The steps with their reasons, and what is missing.

    Raises
    ------
    Invalid, NotFound
        A notebook, a target or a parameter is wrong.
    """
    asked = RunRequest(targets=targets, params=params, overrides=overrides or {}, smoke=smoke)
    project, request = target_project(project, asked)
    workspace = load_workspace(project, request.params, request.overrides)
    plan = plan_run(workspace, request)
    workspace.hashes.save()
    dag = workspace.dag
    return PipelineStatus(
        steps={
            name: StepStatus(
                notebook=dag.steps[name].notebook,
                needs=tuple(sorted(dag.needs[name])),
                inputs=tuple(dag.steps[name].inputs),
                outputs=tuple(output.path for output in dag.steps[name].outputs),
                params=workspace.params[name],
                stale=decision.run,
                reasons=decision.reasons,
            )
            for name, decision in plan.decisions.items()
        },
        not_steps=workspace.not_steps,
        errors={path: error.record() for path, error in workspace.errors.items()},
        missing={
            path: tuple(readers)
            for path, readers in dag.external_inputs().items()
            if not (project.root / path).exists()
        },
    )


def check_request(project: Project, request: RunRequest) -> None:
    """Refuse a request that a run could not begin with, without starting anything.

    Parameters
    ----------
    project
        The project that would run.
    request
        Its targets, tags, parameter set and overrides are looked up.

    Raises
    ------
    Invalid, NotFound
        A notebook is wrong, or there is no such step, tag, set or parameter, or a value has the
        wrong type.
    """
    if request.smoke:
        project, request = target_project(project, request)
    workspace = load_workspace(project, request.params, request.overrides)
    for target in request.targets:
        workspace.find_step(target)
    steps_with_tags(workspace.policies, request.tags)


@dataclass(frozen=True)
class SyncResult:
    """What `gristmill sync` did: `changed` is whether dvc.yaml was written, `steps` how many steps
    it holds."""

    changed: bool
    steps: int


@finds_project
def sync(
    project: Project,
    *,
    params: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    steps: bool = False,
    notify: Callable[[str], None] = lambda _: None,
) -> SyncResult:
    """Write dvc.yaml and the normalised sources from the notebooks.

    Parameters
    ----------
    project
        May be left out inside a project.
    params
        A parameter set, `params.NAME.yaml`.
    overrides
        Values by `step.parameter`.
    steps
        Write only `.gristmill/steps`, as the stage `sources` does under `dvc repro`.
    notify
        Hears when another run has to be waited for.

    Returns
    -------
    SyncResult
        Whether dvc.yaml changed.

    Raises
    ------
    Conflict
        With `steps`, when dvc.yaml is out of date.
    Forbidden
        `project.untrusted`, without `steps`.
    Invalid, NotFound
        A notebook or a parameter is wrong.
    """
    workspace = load_workspace(project, params, overrides)
    workspace.require_readable()
    if steps:
        if pipeline_text(project.root, workspace) is not None:
            raise Conflict(
                "pipeline.out-of-date",
                "dvc.yaml does not say what the notebooks declare.",
                hint="Run `gristmill sync`, then `dvc repro` again.",
            )
        workspace.write_step_files()
        workspace.hashes.save()
        return SyncResult(False, len(workspace.dag.steps))
    require_trust(project.root)
    with project_lock(project.state, "gristmill sync", notify=notify):
        changed = write_pipeline(workspace)
    return SyncResult(changed, len(workspace.dag.steps))
