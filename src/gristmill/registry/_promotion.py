"""Register, judge, promote, roll back: the verbs of the registry.

Every move is checked and written under the ledger's lock, then carried over to MLflow. A crash in
between is mended by whichever verb comes next.

Register what an earlier run made, from DVC's cache.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gristmill.errors import Conflict, Invalid, NotFound
from gristmill.lineage import Lineage
from gristmill.project import Project, finds_project
from gristmill.registry._approvals.checks import (
    clean_reason,
    require_approval,
    require_current,
    require_holder,
    require_pass,
)
from gristmill.registry._approvals.notifications import move_sentence, send_notifications
from gristmill.registry._approvals.review import status_of
from gristmill.registry._gates.base import GateReport
from gristmill.registry._gates.reports import report_of
from gristmill.registry._ledger.chain import Draft, Entry, canonical
from gristmill.registry._loading.digest import check_name, directory_digest
from gristmill.registry._loading.signing import SIGNATURE
from gristmill.registry._roles import current_actor, require_any_role, require_role
from gristmill.registry._settings import ModelSettings, model_settings, read_metrics
from gristmill.registry._versions.store import Registry
from gristmill.registry._versions.version import HOLDOUT, Version
from gristmill.tracking import RUN_TAG, STEP_TAG

CHAMPION = "champion"
NO_VERSION = 0


@dataclass(frozen=True)
class Promotion:
    """What a move of an alias did. `changed` is False when the version held it already."""

    model: str
    alias: str
    version: int
    previous: int | None
    changed: bool
    entry: Entry

    def sentence(self) -> str:
        """The move in words, without a full stop."""
        return move_sentence(
            self.model, self.alias, self.version, self.previous, changed=self.changed
        )


@finds_project
def register(
    project: Project,
    model: str,
    *,
    lineage: Lineage | None = None,
    run_id: str | None = None,
    actor: str | None = None,
) -> Version:
    """Register what `[models.MODEL]` names, as it lies in the project now.

    The same bytes registered and signed before give that version again. `lineage` is looked up from
    the step that wrote the model when None. Raises NotFound or Invalid, naming the file or key;
    Forbidden when the actor may not register.
    """
    from gristmill.workspace import lineage_of

    path = model_settings(project, model).path
    require_role(project, "register", actor or current_actor(project))
    found = lineage or lineage_of(project, path)
    return register_tree(project, model, project, lineage=found, run_id=run_id, actor=actor)


def register_tree(
    project: Project,
    model: str,
    tree: Project,
    *,
    lineage: Lineage,
    run_id: str | None = None,
    actor: str | None = None,
) -> Version:
    """Register what lies in a tree of files: the one way by which a version comes to be.

    Parameters
    ----------
    project
        Whose registry and settings count.
    model
        The model; its table names the files.
    tree
        Where the files lie: the project itself, its double, or what came out of the cache.
    lineage
        What the files were made from.
    run_id
        The MLflow run that made them.
    actor
        Who registers; the present one when None.

    Returns
    -------
    Version
        The new version, or the one that has the same bytes and lineage and is signed.

    Raises
    ------
    NotFound, Invalid
        A file or key that is missing or bad.
    Forbidden
        The actor may not register.
    """
    settings = model_settings(project, model)
    actor = actor or current_actor(project)
    require_role(project, "register", actor)
    registry = Registry(project)
    registry.reconcile()
    path = tree.root / settings.path
    if path.is_dir():
        digest = directory_digest(path)
        for version in reversed(registry.versions(model)):
            same = version.digest == digest and version.lineage == lineage
            if same and SIGNATURE in version.evidence:
                return version
    return registry.register(
        model,
        path=path,
        metrics=read_metrics(tree, settings.metrics),
        reference=_optional(tree, settings.reference),
        holdout=_optional(tree, settings.holdout),
        lineage=lineage,
        run_id=run_id,
        actor=actor,
    )


@finds_project
def gate(
    project: Project,
    model: str,
    version: int | str,
    against: str = CHAMPION,
    *,
    actor: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> GateReport:
    """Judge the version by the model's gates, on its own hold-out, against the alias `against`.

    Whether it runs code when it is loaded is always judged, unless the settings allow it.
    `progress` hears what is being done.

    The report is kept in the ledger under its digest; a promotion refers to it. A failed gate is
    a result, not an error.
    """
    from gristmill.registry._gates.fitness import Format
    from gristmill.registry._gates.gates import evaluate_gates, parse_gates
    from gristmill.registry._gates.scoring import gather

    settings = model_settings(project, model)
    gates = parse_gates(settings.gates, f"[models.{model}]")
    if not settings.allow_code and not any(g.kind == Format.kind for g in gates):
        gates += (Format(),)
    actor = actor or current_actor(project)
    require_any_role(project, ("register", "approve", "promote"), actor, "judge a version")
    registry = Registry(project)
    registry.reconcile()
    challenger = registry.version(model, version)
    holder = registry.ledger.aliases(model).get(check_name(against, "alias"))
    champion = registry.version(model, holder) if holder else None
    evidence = gather(registry, settings, challenger, champion, gates, progress)
    about = {
        "model": model,
        "version": challenger.version,
        "digest": challenger.digest,
        "against": against,
        "champion": holder,
        "champion_digest": champion.digest if champion else None,
        "holdout": challenger.evidence.get(HOLDOUT),
        "rows": 0 if evidence.truth is None else len(evidence.truth),
    }
    report = evaluate_gates(gates, evidence, about)
    with registry.ledger.writing() as writer:
        writer.append(
            Draft(
                action="gate",
                model=model,
                actor=actor,
                version=challenger.version,
                digest=challenger.digest,
                document=canonical(report.record()),
                detail={"verdict": report.verdict, "against": against, "champion": holder},
            )
        )
    return report


@finds_project
def promote(
    project: Project,
    model: str,
    version: int | str,
    *,
    alias: str = CHAMPION,
    reason: str,
    actor: str | None = None,
    expected: int | None = None,
    override: bool = False,
) -> Promotion:
    """Give `alias` to the version, which needs a passing gate report against today's champion.

    `expected` is the version that must hold the alias now (0: nobody; None: whoever held it when
    this began). `override` promotes without a passing report or approvals and is written down.
    Promoting the holder again changes nothing. Raises GateFailed without a passing report, Conflict
    when somebody else moved the alias meanwhile, Forbidden without the role, the approvals the
    policy asks for, or the bytes that were registered.
    """
    reason = clean_reason(reason)
    check_name(alias, "alias")
    actor = actor or current_actor(project)
    require_role(project, "promote", actor)
    registry = Registry(project)
    registry.reconcile()
    target = registry.version(model, version)
    before = registry.ledger.aliases(model)
    if before.get(alias) == target.version and expected is None:
        return _unchanged(registry, target, alias)
    wanted = before.get(alias, NO_VERSION) if expected is None else expected
    judged = report_of(registry, target)
    if override:
        require_role(project, "override", actor)
    else:
        require_pass(target, judged)
    registry.fetch(target)
    approvals = status_of(registry, target)
    detail = {
        "approvals": list(approvals.approved),
        "override": override,
        "report": judged.digest if judged else None,
        "verdict": judged.report.verdict if judged else None,
    }
    draft = Draft(
        action="promote",
        model=model,
        actor=actor,
        version=target.version,
        alias=alias,
        after=target.version,
        reason=reason,
        digest=target.digest,
        detail=detail,
    )
    with registry.ledger.writing() as writer:
        holder = writer.holder(model, alias) or NO_VERSION
        if holder != target.version:
            require_holder(model, alias, holder, wanted)
            if judged and not override:
                require_current(writer, target, judged.report)
                require_approval(target, status_of(registry, target))
            entry = writer.append(replace(draft, before=holder or None))
    if holder == target.version:
        return _unchanged(registry, target, alias)
    registry.reconcile()
    send_notifications(registry)
    return Promotion(model, alias, target.version, entry.before, True, entry)


@finds_project
def rollback(
    project: Project,
    model: str,
    *,
    reason: str,
    alias: str = CHAMPION,
    actor: str | None = None,
) -> Promotion:
    """Give `alias` back to the version that held it before the present one.

    Promotions stack up and a rollback takes the last one off, so two rollbacks go back twice.
    Raises Conflict when there is nothing to go back to or the alias moved meanwhile, Forbidden
    when the earlier version's bytes were altered.
    """
    reason = clean_reason(reason)
    actor = actor or current_actor(project)
    require_role(project, "promote", actor)
    registry = Registry(project)
    registry.reconcile()
    with registry.ledger.writing() as writer:
        held = alias_history(writer.moves(model, alias))
    if len(held) < 2:
        raise Conflict(
            "rollback.nothing",
            f"{model!r}: no version held {alias!r} before"
            + (f" version {held[-1]}." if held else "; nobody holds it now."),
            hint=f"`gristmill model history {model}` shows every move.",
        )
    target = registry.version(model, held[-2])
    registry.fetch(target)
    with registry.ledger.writing() as writer:
        require_holder(model, alias, writer.holder(model, alias) or NO_VERSION, held[-1])
        entry = writer.append(
            Draft(
                action="rollback",
                model=model,
                actor=actor,
                version=target.version,
                alias=alias,
                before=held[-1],
                after=target.version,
                reason=reason,
                digest=target.digest,
            )
        )
    registry.reconcile()
    send_notifications(registry)
    return Promotion(model, alias, target.version, held[-1], True, entry)


@finds_project
def champion(project: Project, model: str, at: datetime | None = None) -> Version | None:
    """The champion now, or at the aware time `at`; None when there was none. Raises Forbidden when
    the move that made it champion is not as it was signed."""
    registry = Registry(project)
    entry = registry.ledger.holder(model, CHAMPION, at)
    if entry is None or not entry.after:
        return None
    registry.ledger.require_sound(entry)
    return registry.version(model, entry.after)


def alias_history(moves: list[Entry]) -> list[int]:
    """The stack of versions that hold an alias, the present one last."""
    stack: list[int] = []
    for move in moves:
        if move.action == "rollback":
            stack.pop()
        elif move.after is not None:
            stack.append(move.after)
    return stack


def _unchanged(registry: Registry, target: Version, alias: str) -> Promotion:
    entry = registry.ledger.holder(target.model, alias)
    if entry is None:
        raise Conflict("promote.moved", f"{alias!r} of {target.model!r} moved meanwhile.")
    return Promotion(target.model, alias, target.version, entry.before, False, entry)


def _optional(project: Project, relative: str) -> Path | None:
    return project.root / relative if relative else None


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


@finds_project
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
    from gristmill.lineage import from_cache

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
    from gristmill.workspace import lineage_of

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
