"""Register, judge, promote, roll back: the verbs of the registry.

Every move is checked and written under the ledger's lock, then carried over to MLflow. A crash in
between is mended by whichever verb comes next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gristmill.errors import Conflict
from gristmill.lineage.record import Lineage
from gristmill.project import Project
from gristmill.registry.actor import current_actor
from gristmill.registry.chain import Draft, Entry, canonical
from gristmill.registry.checks import (
    clean_reason,
    require_approval,
    require_current,
    require_holder,
    require_pass,
)
from gristmill.registry.digest import check_name, directory_digest
from gristmill.registry.gate_base import GateReport
from gristmill.registry.reports import report_of
from gristmill.registry.review import status_of
from gristmill.registry.roles import require_role, require_any_role
from gristmill.registry.settings import model_settings, read_metrics
from gristmill.registry.signing import SIGNATURE
from gristmill.registry.store import Registry
from gristmill.registry.telling import move_sentence, send_notifications
from gristmill.registry.version import HOLDOUT, Version

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
    from gristmill.runner.lineage import lineage_of

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
    from gristmill.registry.gates import Format, evaluate_gates, parse_gates
    from gristmill.registry.scoring import gather

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
