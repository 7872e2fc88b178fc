"""A project's double, in which runs leave the project's outputs and `dvc.lock` alone.

It has copies of code and settings and links to data (steps do not write their inputs), shares
the DVC cache, so that what has run once is restored, and logs to the project's MLflow.
`Project.origin` of a double is the root of the project that it stands for.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from gristmill.errors import Conflict
from gristmill.files import remove_directory, remove_leftovers, replacing, write_atomic
from gristmill.lineage import GitState, cache_directory, git_state
from gristmill.project import ORIGIN, SKIPPED_DIRECTORIES, STATE, Project

COPIED_BELOW = 4 << 20  # bytes
COPIED = {
    "", ".cfg", ".dvc", ".dvcignore", ".gitignore", ".ini", ".ipynb", ".json", ".lock", ".py",
    ".sql", ".toml", ".txt", ".yaml", ".yml",
}  # fmt: skip
# in the state of a double: the commit whose sources it has, instead of the project's as they are
COMMIT = "commit"
LEFT_OUT = {"dvc.lock", "dvc.yaml"}
DVC_CONFIG = """\
[core]
    no_scm = true
    analytics = false
    autostage = false
[cache]
    dir = {cache}
"""


def make_double(project: Project, target: Path, outputs: Iterable[str]) -> Project:
    """Copy a project; an unfinished copy is made anew.

    Parameters
    ----------
    project
        The project.
    target
        Where the double will be.
    outputs
        Paths to leave out, because steps write them.

    Returns
    -------
    Project
        The double.

    Raises
    ------
    Conflict
        `double.exists`, when `target` is something else.
    """
    if target.exists():
        if not (target / STATE / ORIGIN).is_file() and any(target.iterdir()):
            raise Conflict(
                "double.exists",
                f"{target} exists and is not a double of a project.",
                hint="Move it elsewhere, then try again.",
            )
        remove_directory(target)
    origin = project.origin
    excluded = {project.root / path for path in outputs}
    remove_leftovers([target.parent])
    with replacing(target) as aside:
        _copy(project.root, aside, excluded)
        (aside / ".dvc/tmp").mkdir(parents=True)
        config = DVC_CONFIG.format(cache=cache_directory(origin))
        write_atomic(aside / ".dvc/config", config)
        write_atomic(aside / STATE / ORIGIN, str(origin))
    return Project.load(target)


def pin_commit(project: Project, commit: str) -> None:
    """Record that a double has the sources of a commit, whatever its project has become.

    Parameters
    ----------
    project
        The double.
    commit
        The full hash.
    """
    write_atomic(project.state / COMMIT, commit)


def git_state_of_double(project: Project) -> GitState:
    """Git's state of what a run reads.

    Parameters
    ----------
    project
        A project or a double.

    Returns
    -------
    GitState
        That of the project it stands for, or of the commit that it is pinned to.
    """
    state = git_state(project.origin)
    try:
        commit = (project.state / COMMIT).read_text(encoding="utf-8")
    except FileNotFoundError:
        return state
    return replace(state, commit=commit, dirty=False)


def clear_double(project: Project) -> None:
    """Remove a double except for its runs' files; its outputs are in the shared cache.

    Parameters
    ----------
    project
        The double.
    """
    preserved = {project.state / "runs", project.state / ORIGIN}
    _clear(project.root, preserved)


def _clear(directory: Path, preserved: set[Path]) -> None:
    for path in directory.iterdir():
        if path in preserved:
            continue
        if path.is_dir() and not path.is_symlink():
            if any(path in other.parents for other in preserved):
                _clear(path, preserved)
            else:
                shutil.rmtree(path)
        else:
            path.unlink()


def _copy(source: Path, target: Path, excluded: set[Path]) -> None:
    target.mkdir(parents=True)
    with os.scandir(source) as entries:
        for entry in entries:
            path = Path(entry.path)
            if entry.name in LEFT_OUT | SKIPPED_DIRECTORIES or path in excluded:
                continue
            if entry.is_symlink():
                os.symlink(path.resolve(), target / entry.name)
            elif entry.is_dir():
                if entry.name.startswith(".") or (path / "pyvenv.cfg").exists():
                    continue
                _copy(path, target / entry.name, excluded)
            elif entry.is_file():
                if path.suffix in COPIED and entry.stat().st_size < COPIED_BELOW:
                    shutil.copy2(path, target / entry.name)
                else:
                    os.symlink(path, target / entry.name)
