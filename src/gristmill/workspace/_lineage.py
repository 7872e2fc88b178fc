"""Lineage of what runs made: written when a step succeeds, looked up for any output."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gristmill.errors import Conflict, Invalid, NotFound
from gristmill.files import write_atomic
from gristmill.lineage import GitState, Lineage, LockFile, git_state
from gristmill.pipeline import STEP_FILES, locked_state, source_path
from gristmill.project import Project
from gristmill.workspace._workspace import Workspace, load_workspace


def make_lineage(
    workspace: Workspace,
    step: str,
    git: GitState,
    run: str | None,
    executed: Path | None,
    entry: Mapping[str, Any],
) -> Lineage:
    """The lineage of a finished step.

    Parameters
    ----------
    workspace
        The project as the run read it.
    step
        The step's name.
    git
        What git says about the sources.
    run
        The run's id, None for outputs that came without one.
    executed
        The executed notebook, None when there is none.
    entry
        The step's entry in `dvc.lock`.

    Returns
    -------
    Lineage
        Unknown parts are None.
    """
    state = locked_state(entry, step, workspace.environment)
    return Lineage(
        project=workspace.project.name,
        step=step,
        run=run,
        commit=git.commit,
        dirty=git.dirty,
        branch=git.branch,
        remote=git.remote,
        inputs={
            p: h
            for p, h in state.inputs.items()
            if h and not p.startswith(STEP_FILES) and p != workspace.environment
        },
        outputs={p: h for p, h in state.outputs.items() if h},
        params=dict(state.params),
        source=state.inputs.get(source_path(step)),
        environment=state.inputs.get(workspace.environment) if workspace.environment else None,
        environment_file=workspace.environment or None,
        python=platform.python_version(),
        notebook=workspace.dag.steps[step].notebook,
        executed=executed.relative_to(workspace.project.root).as_posix() if executed else None,
        author=git.author,
    )


def save_lineage(project: Project, lineage: Lineage) -> None:
    """Keep a run's lineage beside its executed notebook.

    Parameters
    ----------
    project
        The project.
    lineage
        The lineage of one step of the run.
    """
    path = project.state / "runs" / str(lineage.run) / f"{lineage.step}.lineage.json"
    write_atomic(path, lineage.to_json())


def recorded_lineages(project: Project, step: str = "*") -> Iterator[Lineage]:
    """The lineage of what runs made, newest run first; unreadable records are skipped.

    Parameters
    ----------
    project
        The project.
    step
        The step's name, `*` for all steps.

    Yields
    ------
    Lineage
        One for each run and step.
    """
    for path in sorted(project.state.glob(f"runs/*/{step}.lineage.json"), reverse=True):
        with contextlib.suppress(OSError, Invalid):
            yield Lineage.from_json(path.read_text(encoding="utf-8"))


def lineage_of(project: Project, path: str) -> Lineage:
    """The lineage of an output as it is in the project now.

    It is looked up among the runs whose records are kept, by content. An output that came by
    `dvc repro` or `dvc pull` has lineage from `dvc.lock` and git, without run, author and executed
    notebook.

    Parameters
    ----------
    project
        The project.
    path
        The output, relative to the root.

    Returns
    -------
    Lineage
        Of exactly this content.

    Raises
    ------
    NotFound
        `lineage.no-step`, when no step writes `path`.
    Conflict
        `lineage.stale`, when the content is not what `dvc.lock` recorded.
    """
    workspace = load_workspace(project)
    step = next(
        (s for s in workspace.dag.steps.values() if path in [o.path for o in s.outputs]), None
    )
    if step is None:
        raise NotFound(
            "lineage.no-step",
            f"no step writes {path}.",
            hint="Name an output of a step; `gristmill status` lists them.",
        )
    entry = LockFile(project.root).stages.get(step.name)
    recorded = locked_state(entry, step.name, workspace.environment) if entry else None
    current = workspace.hashes.md5(path)
    workspace.hashes.save()
    if recorded is None or current is None or recorded.outputs.get(path) != current:
        raise Conflict(
            "lineage.stale",
            f"{path} is not what the step {step.name} last wrote.",
            hint=f"Run it: `gristmill run {step.name}`.",
        )
    for lineage in recorded_lineages(project, step.name):
        same_inputs = lineage.source == recorded.inputs.get(source_path(step.name))
        if lineage.outputs.get(path) == current and same_inputs:
            return lineage
    made = make_lineage(workspace, step.name, git_state(project.root), None, None, entry or {})
    return replace(made, author=None)
