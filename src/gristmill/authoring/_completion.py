"""Paths to complete in the step editor: what steps write, then files of the project."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gristmill.errors import GristmillError
from gristmill.pipeline import parse_notebook, parse_step
from gristmill.project import SKIPPED_DIRECTORIES, Project
from gristmill.workspace import step_names

COMPLETIONS = 50
WALKED = 20_000  # files looked at, so that a directory of millions cannot block


@dataclass(frozen=True)
class Completion:
    """A path that may be meant.

    Attributes
    ----------
    path
        The path relative to the root.
    step
        The step that writes it, "" for a file.
    directory
        Whether it is a directory.
    """

    path: str
    step: str = ""
    directory: bool = False


def complete_path(project: Project, typed_text: str, *, inputs: bool = True) -> list[Completion]:
    """Paths that begin with a text or contain it, best first; hidden ones are left out.

    Parameters
    ----------
    project
        The project.
    typed_text
        What was typed.
    inputs
        Also complete paths that steps write, before files and directories.

    Returns
    -------
    list of Completion
        At most 50.
    """
    prefix = typed_text.lower().removeprefix("./")
    candidates: dict[str, Completion] = {}
    if inputs:
        for step, path in _written(project):
            candidates.setdefault(path, Completion(path, step))
    for path, directory in _walk(project.root):
        candidates.setdefault(path, Completion(path, directory=directory))
    ranked = []
    for candidate in candidates.values():
        lowered = candidate.path.lower()
        name = lowered.rpartition("/")[2]
        if lowered.startswith(prefix):
            rank = 0
        elif name.startswith(prefix):
            rank = 1
        elif prefix in lowered:
            rank = 2
        else:
            continue
        ranked.append((rank, not candidate.step, lowered.count("/"), lowered, candidate))
    return [item[-1] for item in sorted(ranked, key=lambda r: r[:-1])[:COMPLETIONS]]


def _written(project: Project) -> Iterator[tuple[str, str]]:
    """Step and path of everything that steps write; unreadable notebooks are skipped."""
    for path, name in step_names(project).items():
        try:
            step = parse_step(parse_notebook(project.notebook_text(path), path), name)
        except GristmillError:
            continue
        for output in step.outputs if step else ():
            yield name, output.path


def _walk(root: Path) -> Iterator[tuple[str, bool]]:
    """Files and directories below the root, the nearest first."""
    pending = [""]
    seen = 0
    while pending:
        prefix = pending.pop(0)
        with os.scandir(root / prefix) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                if entry.name.startswith(".") or entry.name in SKIPPED_DIRECTORIES:
                    continue
                seen += 1
                if seen > WALKED:
                    return
                directory = entry.is_dir(follow_symlinks=False)
                if directory and os.path.exists(f"{entry.path}/pyvenv.cfg"):
                    continue
                if directory:
                    pending.append(f"{prefix}{entry.name}/")
                yield prefix + entry.name, directory
