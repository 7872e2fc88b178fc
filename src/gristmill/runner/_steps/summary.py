"""A run's record when it ends: kept beside its notebooks and in MLflow, where runs are searched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gristmill.errors import StepFailed
from gristmill.lineage import GitState, text_md5
from gristmill.pipeline import Plan
from gristmill.runner._request import RunRequest, StepResult
from gristmill.runner._steps.outputs import metrics_of
from gristmill.runs import RunRecord, StepRecord
from gristmill.workspace import Workspace


def run_record(
    workspace: Workspace,
    request: RunRequest,
    plan: Plan,
    results: Mapping[str, StepResult],
    *,
    run: str,
    status: str,
    started: float,
    git: GitState,
    mlflow_run: str,
) -> RunRecord:
    """Everything the run decided about, the fresh steps too."""
    steps = {}
    for name, decision in plan.decisions.items():
        result = results.get(name) or StepResult(
            "cancelled" if decision.run else "fresh", decision.why
        )
        steps[name] = _step(workspace, name, result)
    lock = workspace.environment
    return RunRecord(
        run=run,
        status=status,
        started=started,
        seconds=sum(r.seconds for r in steps.values()),
        steps=steps,
        trigger=request.trigger,
        set=request.params,
        commit=git.commit,
        dirty=git.dirty,
        branch=git.branch,
        author=git.author,
        environment=workspace.hashes.md5(lock) if lock else None,
        mlflow_run=mlflow_run,
    )


def run_tags(request: RunRequest, git: GitState) -> dict[str, str]:
    """The tags of a run in MLflow."""
    tags = {
        "gristmill.trigger": request.trigger,
        "gristmill.commit": git.commit,
        "gristmill.author": git.author,
        "gristmill.params": request.params,
    }
    return {name: value for name, value in tags.items() if value} | dict(request.labels)


def _step(workspace: Workspace, name: str, result: StepResult) -> StepRecord:
    spec, root = workspace.dag.steps[name], workspace.project.root
    metrics: dict[str, float] = {}
    outputs: dict[str, str | None] = {}
    if result.status in {"succeeded", "restored", "fresh"}:
        outputs = {o.path: workspace.hashes.md5(o.path) for o in spec.outputs}
        if all(outputs.values()):
            try:
                metrics = metrics_of(root, spec)
            except StepFailed:  # a metrics file that somebody broke after the step wrote it
                metrics = {}
    return StepRecord(
        status=result.status,
        reason=result.reason,
        seconds=round(result.seconds, 3),
        notebook=spec.notebook,
        source=text_md5(workspace.sources[name]),
        params=workspace.params[name],
        metrics=metrics,
        inputs={p: h for p in spec.inputs if (h := workspace.hashes.md5(p))},
        outputs={p: h for p, h in outputs.items() if h},
        modules=workspace.modules[name],
        executed=_relative(result.executed, root),
        error=result.error.record() if result.error else None,
        cell=result.cell,
        mlflow_run=result.mlflow_run,
    )


def _relative(path: Path | None, root: Path) -> str | None:
    return path.relative_to(root).as_posix() if path is not None and path.exists() else None
