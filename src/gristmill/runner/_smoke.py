"""Smoke runs: the whole pipeline on little data, in a double of the project beside its state.

`.gristmill/smoke` is a project of its own: code copied, data linked; outputs, `dvc.lock`, DVC's
cache, MLflow's store and registry and the ledger its own, where a sweep's doubles share the real
ones. So a smoke run is incremental like any other, and nothing of the real project changes,
whatever its notebooks register or log.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gristmill.containment import contained, is_plain, require_no_links
from gristmill.files import hold_lock, replacing, write_atomic
from gristmill.lineage import LOCK_FILE, PIPELINE_FILE
from gristmill.pipeline import overlaps
from gristmill.project import SETTINGS, SKIPPED_DIRECTORIES, STATE, Project
from gristmill.workspace import load_workspace

DIRECTORY = "smoke"
PARAMS = "smoke"
MIRRORED = "mirror.json"
LARGE = 1 << 20  # bytes; larger files are linked
OWN = {SETTINGS, PIPELINE_FILE, LOCK_FILE}  # the double has its own
NO_REAL_STORES = ("ledger", "alerts")


def smoke_project(project: Project) -> Project:
    """The project's double, brought up to date with its code and data."""
    root = project.state / DIRECTORY
    require_no_links(root / STATE)
    with hold_lock(root / STATE / "mirror.lock"):
        _mirror(project, root)
        _write_if_new(root / SETTINGS, _settings(project))
        (root / ".dvc").mkdir(exist_ok=True)
        _write_if_new(root / ".dvc/config", "[core]\n    no_scm = true\n    analytics = false\n")
    return Project.load(root)


def _settings(project: Project) -> str:
    import tomlkit

    raw: dict[str, Any] = {k: v for k, v in project.raw.items() if k not in NO_REAL_STORES}
    raw["project"] = {**project.table("project"), "name": f"{project.name}-smoke", "smoke": True}
    raw["tracking"] = {"experiment": f"{project.experiment}-smoke"}
    if "run" in raw:
        raw["run"] = {k: v for k, v in project.table("run").items() if k != "pull"}
    return tomlkit.dumps(raw)


def _mirror(project: Project, root: Path) -> None:
    """Copy what is small, link what is large or an input; drop what the project no longer has."""
    dag = load_workspace(project).dag
    outputs = [o.path for s in dag.steps.values() for o in s.outputs]
    inputs = {path for path in dag.external_inputs() if (project.root / path).exists()}
    mirror = dict(_files(project.root, inputs, outputs))
    record = root / STATE / MIRRORED
    before: dict[str, bool] = json.loads(record.read_text("utf-8")) if record.exists() else {}
    for path, linked in before.items():
        if linked != mirror.get(path):
            _remove(root, path)
    write_atomic(record, json.dumps(before | mirror))
    for path, linked in mirror.items():
        source, target = project.root / path, contained(root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if linked:
            _link(source, target)
        else:
            _copy(source, target)
    write_atomic(record, json.dumps(mirror))


def _files(
    root: Path, inputs: set[str], outputs: list[str], prefix: str = ""
) -> Iterator[tuple[str, bool]]:
    """What the double has of the project: each path with whether it is a link."""
    with os.scandir(root / prefix) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            path = prefix + entry.name
            if path in inputs:
                yield path, True
            elif entry.is_dir(follow_symlinks=False):
                if not (_skipped(entry) or any(_inside(path, o) for o in outputs)):
                    yield from _files(root, inputs, outputs, f"{path}/")
            elif entry.is_dir() or entry.name.startswith("."):
                yield path, True
            elif entry.is_file() and not (
                path in OWN
                or entry.name.endswith(".dvc")
                or any(overlaps(path, o) for o in outputs)
            ):
                yield path, entry.stat().st_size > LARGE


def _skipped(entry: os.DirEntry[str]) -> bool:
    return (
        entry.name.startswith(".")
        or entry.name in SKIPPED_DIRECTORIES
        or os.path.exists(f"{entry.path}/pyvenv.cfg")
        or os.path.exists(f"{entry.path}/{SETTINGS}")
    )


def _inside(path: str, output: str) -> bool:
    return path == output or path.startswith(output + "/")


def _remove(root: Path, path: str) -> None:
    """Remove what an earlier mirror made; never through a link."""
    target = root / path
    if is_plain(path) and target.parent.resolve() == root.resolve() / Path(path).parent:
        target.unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    source = source.resolve()
    if not (target.is_symlink() and os.readlink(target) == str(source)):
        with replacing(target) as aside:
            aside.symlink_to(source)


def _copy(source: Path, target: Path) -> None:
    original = source.stat()
    if target.is_file() and not target.is_symlink():
        copy = target.stat()
        if (copy.st_size, copy.st_mtime_ns) == (original.st_size, original.st_mtime_ns):
            return
    with replacing(target) as aside:
        shutil.copy2(source, aside)


def _write_if_new(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_atomic(path, text)
