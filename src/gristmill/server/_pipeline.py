"""`gristmill/pipeline`: the steps, how they hang together, and what would run and why."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from gristmill.project import Project
from gristmill.runner import ParkedKernels, RunRequest, plan_run
from gristmill.server._handlers import ApiRequest, Route
from gristmill.server._schema import FileView, ParkedView, PipelineView, StepView
from gristmill.workspace import Workspace, load_workspace


def view(request: ApiRequest) -> PipelineView:
    """The pipeline: steps, files, why each step is stale, and parked kernels."""
    project = request.project
    params = request.query.get("params") or None
    workspace = load_workspace(project, params)
    plan = plan_run(workspace, RunRequest(params=params))
    workspace.hashes.save()
    dag = workspace.dag
    steps = tuple(
        StepView(
            name=name,
            notebook=dag.steps[name].notebook,
            path=request.shared.served(project.root / dag.steps[name].notebook),
            needs=tuple(sorted(dag.needs[name])),
            inputs=_files(request, project, dag.steps[name].inputs),
            outputs=_files(request, project, [o.path for o in dag.steps[name].outputs]),
            params=workspace.params[name],
            cells=dag.steps[name].cells,
            stale=decision.run,
            reasons=decision.reasons,
        )
        for name, decision in plan.decisions.items()
    )
    return PipelineView(
        project=project.name,
        steps=steps,
        not_steps=workspace.not_steps,
        errors={path: error.record() for path, error in workspace.errors.items()},
        missing=_missing(project, workspace),
        sets=sorted_sets(project.root),
        parked=tuple(
            ParkedView(k.step, k.run, k.cell, k.error, k.executed, k.at)
            for k in ParkedKernels(project.state).all()
        ),
    )


def _files(request: ApiRequest, project: Project, paths: Iterable[str]) -> tuple[FileView, ...]:
    return tuple(
        FileView(path, request.shared.served(whole), whole.exists(), whole.is_dir())
        for path, whole in ((path, project.root / path) for path in paths)
    )


def _missing(project: Project, workspace: Workspace) -> dict[str, list[str]]:
    readers = workspace.dag.external_inputs()
    return {path: steps for path, steps in readers.items() if not (project.root / path).exists()}


def sorted_sets(root: Path) -> tuple[str, ...]:
    """The names of the parameter sets, `params.NAME.yaml`."""
    return tuple(sorted(p.name.split(".")[1] for p in root.glob("params.*.yaml")))


ROUTES = [Route("GET", "pipeline", view, query=("params",))]
