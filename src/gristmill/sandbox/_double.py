"""A project's double, in which runs leave the project's outputs and `dvc.lock` alone.

It holds copies of code and settings and links to data (steps do not write their inputs), shares
the DVC cache, so that what has run once is restored, and logs to the project's MLflow.
`Project.home` of a shadow is the project it stands for.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from gristmill.errors import Conflict
from gristmill.files import write_atomic
from gristmill.lineage import GitState, cache_directory, git_state
from gristmill.project import ORIGIN, SKIPPED_DIRECTORIES, STATE, Project

COPIED_BELOW = 4 << 20  # bytes
COPIED = {
    "", ".cfg", ".dvc", ".dvcignore", ".gitignore", ".ini", ".ipynb", ".json", ".lock", ".py",
    ".sql", ".toml", ".txt", ".yaml", ".yml",
}  # fmt: skip
COMMIT = (
    "commit"  # in the state of a shadow: whose sources it has, instead of the project's as it is
)
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
    """Copy `project` to `target` without `outputs` (paths that steps write).

    An unfinished copy is made anew. Raises Conflict when `target` is something else.
    """
    if target.exists():
        if not (target / STATE / ORIGIN).is_file() and any(target.iterdir()):
            raise Conflict("shadow.exists", f"{target} is in the way.", hint="Move it away.")
        shutil.rmtree(target)
    home = project.home
    aside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    shutil.rmtree(aside, ignore_errors=True)
    left_out = {project.root / path for path in outputs}
    _copy(project.root, aside, left_out)
    (aside / ".dvc/tmp").mkdir(parents=True)
    config = DVC_CONFIG.format(cache=cache_directory(home))
    write_atomic(aside / ".dvc/config", config)
    write_atomic(aside / STATE / ORIGIN, str(home))
    os.replace(aside, target)
    return Project.load(target)


def pin_commit(project: Project, commit: str) -> None:
    """Say that a shadow's sources are those of `commit`, whatever its project has become."""
    write_atomic(project.state / COMMIT, commit)


def git_state_of_double(project: Project) -> GitState:
    """Git's state of what a run in `project` reads: its home's, or the commit it is pinned to."""
    found = git_state(project.home)
    try:
        commit = (project.state / COMMIT).read_text(encoding="utf-8")
    except FileNotFoundError:
        return found
    return replace(found, commit=commit, dirty=False)


def clear_double(project: Project) -> None:
    """Remove a shadow except for its runs' files; its outputs are in the shared cache."""
    kept = {project.state / "runs", project.state / ORIGIN}
    _clear(project.root, kept)


def _clear(directory: Path, kept: set[Path]) -> None:
    for path in directory.iterdir():
        if path in kept:
            continue
        if path.is_dir() and not path.is_symlink():
            if any(path in other.parents for other in kept):
                _clear(path, kept)
            else:
                shutil.rmtree(path)
        else:
            path.unlink()


def _copy(source: Path, target: Path, left_out: set[Path]) -> None:
    target.mkdir(parents=True)
    with os.scandir(source) as entries:
        for entry in entries:
            path = Path(entry.path)
            if entry.name in LEFT_OUT | SKIPPED_DIRECTORIES or path in left_out:
                continue
            if entry.is_symlink():
                os.symlink(path.resolve(), target / entry.name)
            elif entry.is_dir():
                if entry.name.startswith(".") or (path / "pyvenv.cfg").exists():
                    continue
                _copy(path, target / entry.name, left_out)
            elif entry.is_file():
                if path.suffix in COPIED and entry.stat().st_size < COPIED_BELOW:
                    shutil.copy2(path, target / entry.name)
                else:
                    os.symlink(path, target / entry.name)
