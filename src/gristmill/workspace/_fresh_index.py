"""The index that `gristmill.freshness` compares, written when a run ends with all steps fresh."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

from gristmill.errors import GristmillError
from gristmill.files import write_atomic
from gristmill.freshness import FORMAT, INDEX, code_digests
from gristmill.lineage import LOCK_FILE, PIPELINE_FILE, LockFile, project_modules, text_md5
from gristmill.pipeline import SOURCES, STEP_FILES, plan
from gristmill.project import SETTINGS, Project
from gristmill.workspace._parameters import DEFAULT_PARAMS
from gristmill.workspace._sync import pipeline_text
from gristmill.workspace._workspace import Workspace


def forget_index(project: Project) -> None:
    """Delete the index before anything changes: from now on only the planner can tell.

    Parameters
    ----------
    project
        The project.
    """
    (project.root / INDEX).unlink(missing_ok=True)


def write_index(workspace: Workspace) -> bool:
    """Write the index if every step is fresh with the default parameters.

    Files are hashed before they are compared with what the workspace read of them, so a change in
    between shows next time.

    Parameters
    ----------
    workspace
        The project as the run read it.

    Returns
    -------
    bool
        Whether it was written.
    """
    project, hashes = workspace.project, workspace.hashes
    root = project.root
    texts = {**workspace.notebooks, **_module_texts(workspace)}
    optional = [DEFAULT_PARAMS] if (root / DEFAULT_PARAMS).is_file() else []
    paths = [SETTINGS, PIPELINE_FILE, LOCK_FILE, *optional, *texts]
    directories = set(project.directories())
    reads = {STEP_FILES, workspace.environment} - {""}
    for step in workspace.dag.steps.values():
        reads.update(step.inputs, (o.path for o in step.outputs))
    for path in sorted(reads):
        if (root / path).is_dir():
            directories.update(_below(root.as_posix(), path))
            paths += [f"{path}/{f['relpath']}" for f in hashes.listing(path)]
        else:
            paths.append(path)
    read_at = time.time_ns()
    try:
        directory_entries = {
            path: _directory(f"{root}/{path}", read_at) for path in sorted(directories)
        }
        files = {path: hashes.entry(path) for path in dict.fromkeys(paths)}
    except FileNotFoundError:
        return False
    if any(text_md5(text) != files[path][-1] for path, text in texts.items()):
        return False
    if not _all_fresh(workspace):
        return False
    index = {
        "format": FORMAT,
        "steps": len(workspace.dag.steps),
        "directories": directory_entries,
        "files": files,
        "code": {path: code_digests(path, text) for path, text in texts.items()},
    }
    write_atomic(root / INDEX, json.dumps(index, separators=(",", ":")))
    return True


def _module_texts(workspace: Workspace) -> dict[str, str]:
    """The project modules that steps import, as they are now."""
    root = workspace.project.root
    paths = {path for modules in workspace.modules.values() for path in modules}
    return {p: (root / p).read_text("utf-8", errors="replace") for p in sorted(paths)}


def _all_fresh(workspace: Workspace) -> bool:
    """Does the disk, read again, agree with the workspace, and with `dvc.lock`?"""
    project = workspace.project
    try:
        return (
            Project.load(project.root).raw == project.raw
            and project.notebooks() == sorted(workspace.notebooks)
            and {
                s.name: project_modules(project.root, s.imports)
                for s in workspace.dag.steps.values()
            }
            == workspace.modules
            and pipeline_text(project.root, workspace) is None
            and SOURCES in (lock := LockFile(project.root)).stages
            and not plan(workspace.dag, workspace.states(), workspace.locked(lock)).stale
        )
    except GristmillError:
        return False


def _below(root: str, path: str) -> Iterator[str]:
    for directory, _, _ in os.walk(f"{root}/{path}", followlinks=True):
        yield os.path.relpath(directory, root)


def _directory(full: str, read_at: int) -> list[object]:
    stat = os.stat(full)
    return [stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, read_at, sorted(os.listdir(full))]
