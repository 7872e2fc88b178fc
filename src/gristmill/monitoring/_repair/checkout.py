"""Where a repair works: the project's double at its last commit, so that a person's half-made edits
are neither used nor overwritten."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.errors import StepFailed, Unavailable
from gristmill.files import remove_directory, remove_leftovers
from gristmill.lineage import git
from gristmill.project import STATE, Project

if TYPE_CHECKING:
    from gristmill.monitoring._repairs import Repair
    from gristmill.registry import Version
    from gristmill.runner import RunResult

SOURCES = {".ipynb", ".py", ".toml", ".yaml", ".yml"}


def checkout_path(project: Project, model: str, identity: str) -> Path:
    return project.state / "repairs" / model / identity


def check_out(project: Project, model: str, identity: str) -> Project:
    """Make the double anew. Finished steps come back from DVC's cache, which it shares."""
    from gristmill.sandbox import make_double, pin_commit
    from gristmill.workspace import load_workspace

    double = make_double(project, checkout_path(project, model, identity), ())
    commit = _restore_commit(project.root, double.root)
    if commit is not None:
        pin_commit(double, commit)
    double = Project.load(double.root)
    for step in load_workspace(double).dag.steps.values():
        for output in step.outputs:
            path = double.root / output.path
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    return double


def _restore_commit(source: Path, double: Path) -> str | None:
    """Give the double the sources of the last commit, which this returns; without git they stay as
    they are."""
    commit = git(source, "rev-parse", "HEAD")
    changed = git(source, "diff", "--name-only", "--relative", "-z", str(commit), "--", ".")
    if commit is None or changed is None:
        return None
    for name in filter(None, changed.split("\0")):
        path = double / name
        if path.suffix not in SOURCES:
            continue
        shown = subprocess.run(
            ["git", "show", f"{commit}:./{name}"], cwd=source, capture_output=True, check=False
        )
        path.unlink(missing_ok=True)
        if shown.returncode == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(shown.stdout)
    added = git(source, "ls-files", "--others", "--exclude-standard", "-z", "--", ".") or ""
    for name in filter(None, added.split("\0")):
        path = double / name
        if path.suffix in SOURCES and (path.is_file() or path.is_symlink()):
            path.unlink()
    return commit


def makers(double: Project, model: str) -> tuple[str, ...]:
    """The steps that write what a version is made of. Others (one that registers, say) are no
    concern of a repair: their registry would be the double's."""
    from gristmill.registry import model_settings
    from gristmill.workspace import load_workspace

    settings = model_settings(double, model)
    paths = {settings.path, settings.metrics, settings.reference, settings.holdout}
    steps = load_workspace(double).dag.steps.values()
    return tuple(s.name for s in steps if paths & {o.path for o in s.outputs})


def require_success(project: Project, double: Project, result: RunResult) -> None:
    """Raise the error of a run in the double; a failed step's names the executed notebook where
    `remove_checkout` leaves it."""
    if result.status == "waiting":  # a later step waits for the decision that the repair asks for
        return
    try:
        result.raise_for_status()
    except StepFailed as error:
        executed = next((s.executed for s in result.steps.values() if s.error is error), None)
        files = double.state / "runs" / result.run
        if executed is not None and executed.is_file():
            files = executed
        files = project.state / files.relative_to(double.state)
        raise StepFailed(error.code, error.message, hint=f"What was executed: {files}") from error


def register_from(project: Project, double: Project, model: str, actor: str) -> Version:
    """Register what the double made; the same bytes again give that version again."""
    from gristmill.registry import model_settings, register
    from gristmill.workspace import lineage_of

    path = model_settings(project, model).path
    lineage = lineage_of(double, path)
    if not (double.root / path).is_dir():
        raise Unavailable("repair.model", f"the pipeline did not write {path}.")
    return register(project, model, tree=double, lineage=lineage, actor=actor)


def remove_checkout(project: Project, model: str, identity: str) -> None:
    """Remove the double; its runs' files join the project's, where lineage is looked up."""
    double, runs = checkout_path(project, model, identity), project.state / "runs"
    if double.is_dir():
        runs.mkdir(exist_ok=True)
        for run in (double / STATE / "runs").glob("*"):
            run.rename(runs / run.name)
        remove_directory(double)


def remove_ended_checkouts(project: Project, model: str, repairs: Iterable[Repair]) -> None:
    """Remove the doubles of repairs that were killed after they had ended, and unfinished ones."""
    for repair in repairs:
        if repair.outcome:
            remove_checkout(project, model, repair.id)
    remove_leftovers([project.state / "repairs" / model])
