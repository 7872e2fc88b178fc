"""`gristmill sync`: bring `.gristmill/steps`, `dvc.yaml` and the record of both up to date."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import yaml

from gristmill.documents import YAML_BYTES, parse_yaml, read_text
from gristmill.errors import Invalid
from gristmill.files import write_atomic
from gristmill.lineage import LOCK_FILE, PIPELINE_FILE, DvcRepo, LockFile, directory_md5
from gristmill.pipeline import (
    OWNER,
    SOURCES,
    STEP_FILES,
    foreign_stages,
    locked_state,
    merge_stages,
    sources_stage,
    stage_of,
)
from gristmill.workspace._workspace import Workspace, step_names

HEADER = "# Written by `gristmill sync` from the notebooks. Stages of your own are kept.\n"


def desired_stages(workspace: Workspace) -> dict[str, Any]:
    """The stages the notebooks ask for, in the order of the DAG."""
    stages: dict[str, Any] = {SOURCES: sources_stage(workspace.source_files())}
    for name, step in workspace.dag.steps.items():
        stages[name] = stage_of(step, workspace.params[name], workspace.environment)
    return stages


def pipeline_text(root: Path, workspace: Workspace) -> str | None:
    """What `dvc.yaml` should say.

    Parameters
    ----------
    root
        The project's root.
    workspace
        The project as it is now.

    Returns
    -------
    str or None
        None when it already says so.

    Raises
    ------
    Invalid
        `pipeline.syntax`, or `pipeline.foreign-stage` when somebody else's stage has a step's
        name.
    """
    path = root / PIPELINE_FILE
    try:
        old_text = read_text(path, PIPELINE_FILE, largest=YAML_BYTES)
    except FileNotFoundError:
        old_text = ""
    old = _pipeline(old_text)
    stages = desired_stages(workspace)
    clash = sorted(set(foreign_stages(old)) & set(stages))
    if clash:
        raise Invalid(
            "pipeline.foreign-stage",
            f"dvc.yaml has a stage `{clash[0]}` that Gristmill did not write.",
            hint="Rename the notebook or that stage.",
        )
    new = merge_stages(old, stages)
    if new == old and list(new["stages"]) == list(old["stages"]):
        return None
    if foreign_stages(old) or set(old) - {"stages"}:
        return _round_trip(old_text, stages)
    return HEADER + yaml.safe_dump(new, sort_keys=False, allow_unicode=True, width=100)


def _pipeline(text: str) -> dict[str, Any]:
    raw = parse_yaml(
        text, PIPELINE_FILE, code="pipeline.syntax", hint="Correct or delete the file."
    )
    if not isinstance(raw, dict | None) or not isinstance((raw or {}).get("stages"), dict | None):
        raise Invalid(
            "pipeline.syntax",
            f"{PIPELINE_FILE}: it or its `stages` is not a mapping.",
            hint="Correct or delete the file.",
        )
    return raw or {}


def _round_trip(old_text: str, stages: dict[str, Any]) -> str:
    """Replace our stages and keep the comments and order of everything else."""
    from ruamel.yaml import YAML

    editor = YAML()
    editor.width = 100
    document = editor.load(old_text)
    present = document.setdefault("stages", {})
    for name in [n for n, s in present.items() if OWNER in (s.get("meta") or {})]:
        del present[name]
    present.update(stages)
    out = io.StringIO()
    editor.dump(document, out)
    return out.getvalue()


def sync(workspace: Workspace) -> bool:
    """Write step files, `dvc.yaml` and the lock entry of the stage `sources`.

    Parameters
    ----------
    workspace
        The project as it is now.

    Returns
    -------
    bool
        Whether anything changed.

    Raises
    ------
    Invalid
        When a stage of the user's has a step's name.
    """
    root = workspace.project.root
    text = pipeline_text(root, workspace)
    changed = workspace.write_step_files()
    if text is not None:
        write_atomic(root / PIPELINE_FILE, text)
    gone = _drop_removed(root, workspace)
    recorded = _record_sources(workspace)
    workspace.hashes.save()
    return bool(text is not None or changed or gone or recorded)


def _drop_removed(root: Path, workspace: Workspace) -> bool:
    """Forget lock entries of steps whose notebooks are gone; one that cannot be read is not."""
    if not (root / LOCK_FILE).exists():
        return False
    document = _pipeline(read_text(root / PIPELINE_FILE, PIPELINE_FILE, largest=YAML_BYTES))
    lock = LockFile(root)
    unreadable = step_names(workspace.project, workspace.errors).values()
    gone = set(lock.stages) - set(document["stages"]) - set(unreadable)
    if gone:
        lock.update({}, drop=gone)
    return bool(gone)


def _record_sources(workspace: Workspace) -> bool:
    """Keep `dvc.lock` true about `sources`: the files are cached only when they changed."""
    root = workspace.project.root
    lock = LockFile(root)
    entry = lock.stages.get(SOURCES)
    inputs = {path: workspace.hashes.md5(path) for path in workspace.source_files()}
    output = directory_md5(workspace.hashes.listing(STEP_FILES))
    locked = locked_state(entry, SOURCES, "") if entry else None
    if locked and locked.inputs == inputs and locked.outputs.get(STEP_FILES) == output:
        return False
    if entry and locked and locked.outputs.get(STEP_FILES) == output:
        deps = [
            {"path": p, "hash": "md5", "md5": md5, "size": (root / p).stat().st_size}
            for p, md5 in inputs.items()
        ]
        lock.update({SOURCES: {**entry, "deps": deps}})
        return True
    repo = DvcRepo(root)
    try:
        repo.commit(SOURCES)
    finally:
        repo.close()
    return True
