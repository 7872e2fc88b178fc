"""What is written down when an attempt at a step ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gristmill.errors import GristmillError
from gristmill.lineage.git import GitState
from gristmill.runner.attempt import Attempt
from gristmill.runner.lineage import make_lineage, remember
from gristmill.runner.outputs import metrics_of, plots_of
from gristmill.runner.workspace import Workspace
from gristmill.runs.query import MLFLOW_STATUS
from gristmill.tracking import Tracker


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
    """Lineage, metrics, plots and the executed notebook to their places.

    `entry` is the step's record in `dvc.lock`, None when it did not succeed.
    """
    spec, root = attempt.step, workspace.project.root
    lineage, metrics, plots = None, None, None
    if entry is not None:
        metrics, plots = metrics_of(root, spec), plots_of(root, spec)
        lineage = make_lineage(workspace, spec.name, git, run, attempt.executed, entry)
        lineage = replace(lineage, undeclared={u.path: u.kind for u in attempt.opened})
        remember(workspace.project, lineage)
    if not attempt.environment:  # it failed before its child run began
        return
    tracker.finish_step(
        spec.name,
        MLFLOW_STATUS[status],
        executed=attempt.executed,
        metrics=metrics,
        files=plots,
        lineage=lineage,
        error=str(error) if error else "",
    )
