"""Where a repair works: the project's double at its last commit, so that a person's half-made edits
are neither used nor overwritten."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.errors import Unavailable
from gristmill.lineage import git
from gristmill.project import STATE, Project

if TYPE_CHECKING:
    from gristmill.registry import Version

SOURCES = {".ipynb", ".py", ".toml", ".yaml", ".yml"}


def checkout_path(project: Project, model: str, identity: str) -> Path:
    return project.state / "repairs" / model / identity


def check_out(project: Project, model: str, identity: str) -> Project:
    """Make the double anew. Finished steps come back from DVC's cache, which it shares."""
    from gristmill.sandbox import make_double, pin_commit
    from gristmill.workspace import load_workspace

    there = make_double(project, checkout_path(project, model, identity), ())
    commit = _as_committed(project.root, there.root)
    if commit is not None:
        pin_commit(there, commit)
    there = Project.load(there.root)
    for step in load_workspace(there).dag.steps.values():
        for output in step.outputs:
            path = there.root / output.path
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    return there


def _as_committed(home: Path, there: Path) -> str | None:
    """Give the double the sources of the last commit, which this returns; without git they stay as
    they are."""
    commit = git(home, "rev-parse", "HEAD")
    changed = git(home, "diff", "--name-only", "--relative", "-z", str(commit), "--", ".")
    if commit is None or changed is None:
        return None
    for name in filter(None, changed.split("\0")):
        path = there / name
        if path.suffix not in SOURCES:
            continue
        done = subprocess.run(
            ["git", "show", f"{commit}:./{name}"], cwd=home, capture_output=True, check=False
        )
        path.unlink(missing_ok=True)
        if done.returncode == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(done.stdout)
    added = git(home, "ls-files", "--others", "--exclude-standard", "-z", "--", ".") or ""
    for name in filter(None, added.split("\0")):
        path = there / name
        if path.suffix in SOURCES and (path.is_file() or path.is_symlink()):
            path.unlink()
    return commit


def makers(there: Project, model: str) -> tuple[str, ...]:
    """The steps that write what a version is made of. Others (one that registers, say) are none of
    a repair's business: their registry would be the double's."""
    from gristmill.registry import model_settings
    from gristmill.workspace import load_workspace

    settings = model_settings(there, model)
    wanted = {settings.path, settings.metrics, settings.reference, settings.holdout}
    steps = load_workspace(there).dag.steps.values()
    return tuple(s.name for s in steps if wanted & {o.path for o in s.outputs})


def register_from(project: Project, there: Project, model: str, actor: str) -> Version:
    """Register what the double made; the same bytes again give that version again."""
    from gristmill.registry import model_settings, register
    from gristmill.workspace import lineage_of

    path = model_settings(project, model).path
    lineage = lineage_of(there, path)
    if not (there.root / path).is_dir():
        raise Unavailable("repair.model", f"the pipeline did not write {path}.")
    return register(project, model, tree=there, lineage=lineage, actor=actor)


def rebase_paths(project: Project, model: str, identity: str, words: str) -> str:
    """What a run in the double said, with its files where `dissolve` leaves them."""
    return words.replace(str(checkout_path(project, model, identity) / STATE), str(project.state))


def remove_checkout(project: Project, model: str, identity: str) -> None:
    """Remove the double; its runs' files join the project's, where lineage is looked up."""
    there, home = checkout_path(project, model, identity), project.state / "runs"
    if there.is_dir():
        home.mkdir(exist_ok=True)
        for run in (there / STATE / "runs").glob("*"):
            run.rename(home / run.name)
        shutil.rmtree(there)
