"""Register what an earlier run made, from DVC's cache."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gristmill.errors import Invalid, NotFound
from gristmill.lineage.record import Lineage
from gristmill.project import Project
from gristmill.registry.promotion import register_tree
from gristmill.registry.settings import ModelSettings, model_settings
from gristmill.registry.store import Registry
from gristmill.registry.version import Version
from gristmill.tracking import RUN_TAG, STEP_TAG


@dataclass(frozen=True)
class Candidate:
    """A kept run that wrote the model. `version` is what was registered from it, None as yet."""

    run: str
    lineage: Lineage
    version: int | None


def candidates(project: Project, model: str, limit: int = 50) -> list[Candidate]:
    """The kept runs that wrote the model's directory, newest first."""
    settings = model_settings(project, model)
    made = {(v.lineage.run, v.lineage.outputs.get(settings.path)): v.version
            for v in Registry(project).versions(model)}  # fmt: skip
    found: list[Candidate] = []
    for path in sorted(project.state.glob("runs/*/*.lineage.json"), reverse=True):
        try:
            lineage = Lineage.from_json(path.read_text(encoding="utf-8"))
        except (OSError, Invalid, json.JSONDecodeError):
            continue  # a run that was killed while it wrote, or was removed just now
        if settings.path in lineage.outputs and lineage.run:
            version = made.get((lineage.run, lineage.outputs[settings.path]))
            found.append(Candidate(lineage.run, lineage, version))
        if len(found) == limit:
            break
    return found


def register_run(project: Project, model: str, run: str, *, actor: str | None = None) -> Version:
    """Register the model that a kept run wrote, with its metrics, reference and hold-out.

    What lies in the project is registered when it is what that run wrote; else its files are taken
    from DVC's cache. A run that was registered before gives its version again. Raises NotFound
    when the run is not kept or DVC no longer has a file, naming it.
    """
    found = {c.run: c for c in candidates(project, model, limit=100_000)}
    if run not in found:
        raise NotFound(
            "run.model",
            f"no kept run {run!r} wrote the model {model!r}.",
            hint="`gristmill runs list` shows the runs; `gristmill run` makes one.",
        )
    candidate, settings = found[run], model_settings(project, model)
    registry = Registry(project)
    if candidate.version is not None:
        return registry.version(model, candidate.version)
    registry.reconcile()
    lineage = candidate.lineage
    run_id = _mlflow_run(registry, lineage)
    if _lies_here(project, settings, lineage):
        return register_tree(project, model, project, lineage=lineage, run_id=run_id, actor=actor)
    from gristmill.lineage.dvc_cache import from_cache

    wanted = [p for p in (settings.path, settings.metrics, settings.reference, settings.holdout)
              if p]  # fmt: skip
    hashes = _hashes(lineage, wanted)
    with tempfile.TemporaryDirectory(dir=project.state, prefix="run-") as name:
        there = Project(Path(name), project.raw)
        from_cache(project.root, {there.root / p: h for p, h in hashes.items()})
        return register_tree(project, model, there, lineage=lineage, run_id=run_id, actor=actor)


def _hashes(lineage: Lineage, paths: list[str]) -> dict[str, str]:
    known: Mapping[str, str] = {**lineage.inputs, **lineage.outputs}
    for path in paths:
        if path not in known:
            raise NotFound(
                "run.file",
                f"run {lineage.run} did not read or write {path}.",
                hint=f"Let step {lineage.step} declare it, or run the pipeline and register that.",
            )
    return {path: known[path] for path in paths}


def _lies_here(project: Project, settings: ModelSettings, lineage: Lineage) -> bool:
    from gristmill.errors import GristmillError
    from gristmill.runner.lineage import lineage_of

    try:
        return lineage_of(project, settings.path) == lineage
    except GristmillError:
        return False  # the project's files are of no run: take those of the cache


def _mlflow_run(registry: Registry, lineage: Lineage) -> str | None:
    """The child run of the step in MLflow, None when it is gone there."""
    from gristmill.tracking import experiment_id

    runs = registry.client.search_runs(
        [experiment_id(registry.project, registry.client)],
        f"tags.`{RUN_TAG}` = '{lineage.run}' and tags.`{STEP_TAG}` = '{lineage.step}'",
        max_results=1,
    )
    return str(runs[0].info.run_id) if runs else None
