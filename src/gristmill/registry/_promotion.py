"""Register, judge, promote, roll back: the verbs of the registry.

Every move is checked and written under the ledger's lock, then carried over to MLflow. After a
crash in between, the next verb finishes the work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from gristmill.errors import Conflict, GristmillError, NotFound
from gristmill.files import scratch_directory
from gristmill.lineage import Lineage
from gristmill.project import Project, finds_project
from gristmill.registry._approvals.checks import (
    clean_reason,
    require_approval,
    require_current,
    require_holder,
    require_pass,
    require_policy,
)
from gristmill.registry._approvals.notifications import move_sentence, send_notifications
from gristmill.registry._approvals.review import status_of
from gristmill.registry._gates.base import GateReport
from gristmill.registry._gates.reports import report_entry, report_of
from gristmill.registry._ledger.chain import Draft, Entry, canonical
from gristmill.registry._loading.digest import check_name, directory_digest
from gristmill.registry._loading.signing import SIGNATURE
from gristmill.registry._policy import model_policy
from gristmill.registry._roles import Roles, current_actor
from gristmill.registry._settings import ModelSettings, model_settings, read_metrics
from gristmill.registry._versions.origins import recorded_lineages, upstream
from gristmill.registry._versions.store import Registry
from gristmill.registry._versions.version import Version
from gristmill.tracking import RUN_TAG, STEP_TAG, find_lineage
from gristmill.workspace_trust import require_trust

CHAMPION = "champion"
NO_VERSION = 0


@dataclass(frozen=True)
class AliasMove:
    """What a promotion or a rollback did.

    Attributes
    ----------
    model, alias
        The alias of which model.
    version
        Who holds it now.
    previous
        Who held it before; None for nobody.
    changed
        False when `version` held it already.
    entry
        The move in the ledger.
    """

    model: str
    alias: str
    version: int
    previous: int | None
    changed: bool
    entry: Entry

    def sentence(self) -> str:
        """The move in words, without a full stop, the same from every face."""
        return move_sentence(
            self.model, self.alias, self.version, self.previous, changed=self.changed
        )


@finds_project
def register(
    project: Project,
    model: str,
    *,
    tree: Project | None = None,
    lineage: Lineage | None = None,
    run_id: str | None = None,
    actor: str | None = None,
) -> Version:
    """Register the files that `[models.MODEL]` names.

    Parameters
    ----------
    project
        Whose registry and settings count.
    model
        The model; its table names the files.
    tree
        The tree that has the files, when it is not the project itself: its double, or what came out
        of DVC's cache.
    lineage
        What the files were made from; looked up from the step that wrote the model when None.
    run_id
        The MLflow run that made them.
    actor
        Who registers; the present actor when None.

    Returns
    -------
    Version
        The new version, or the one that has the same bytes and lineage and is signed.

    Raises
    ------
    NotFound, Invalid
        A file or key is missing or bad.
    Forbidden
        The actor may not register.
    """
    require_trust(project.root)
    settings = model_settings(project, model)
    actor = current_actor(project, actor)
    Roles.of(model_policy(project, model).project).require("register", actor)
    tree = tree or project
    if lineage is None:
        from gristmill.workspace import lineage_of

        lineage = lineage_of(tree, settings.path)
    registry = Registry(project)
    registry.reconcile()
    if lineage.run is None:
        lineage = _recorded_elsewhere(registry, lineage, settings.path) or lineage
    known, unrecorded = upstream(
        (project, tree), lineage, lambda *wanted: find_lineage(project, registry.client, *wanted)
    )
    path = tree.root / settings.path
    if path.is_dir():
        digest = directory_digest(path)
        for version in reversed(registry.versions(model)):
            made_from = (version.lineage, version.upstream, version.unrecorded)
            same = version.digest == digest and made_from == (lineage, known, unrecorded)
            if same and SIGNATURE in version.evidence:
                return version
    return registry.register(
        model,
        path=path,
        metrics=read_metrics(tree, settings.metrics),
        reference=_optional(tree, settings.reference),
        holdout=_optional(tree, settings.holdout),
        lineage=lineage,
        upstream=known,
        unrecorded=unrecorded,
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
    """Run a model's gates on a version, on its own hold-out, against whoever holds an alias.

    Whether it may run code when loaded is always judged, unless the settings allow it. A failed
    gate is a result, not an error.

    Parameters
    ----------
    project
        The project.
    model, version
        The version: its number or an alias.
    against
        The alias of the version to compare with.
    actor
        Who judges; the present actor when None.
    progress
        Told what is being done.

    Returns
    -------
    GateReport
        The report with the digest by which the ledger keeps it and a promotion refers to it.

    Raises
    ------
    NotFound
        There is no such model or version.
    Invalid
        The model's gates are not well formed.
    Forbidden
        The actor may not judge, or bytes or entries were altered.
    """
    require_trust(project.root)
    from gristmill.registry._gates.fitness import Format
    from gristmill.registry._gates.gates import evaluate_gates, parse_gates
    from gristmill.registry._gates.scoring import gather

    policy = model_policy(project, model)
    settings = model_settings(policy.project, model)
    gates = parse_gates(settings.gates, f"[models.{model}]")
    if not settings.allow_code and not any(g.kind == Format.kind for g in gates):
        gates += (Format(),)
    actor = current_actor(project, actor)
    Roles.of(policy.project).require_any(
        ("register", "approve", "promote"), actor, "judge a version"
    )
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
        "holdout": challenger.evidence.get(Version.HOLDOUT),
        "rows": 0 if evidence.truth is None else len(evidence.truth),
    }
    report = evaluate_gates(gates, evidence, about)
    with registry.ledger.writing() as writer:
        entry = writer.append(
            Draft(
                action="gate",
                model=model,
                actor=actor,
                version=challenger.version,
                digest=challenger.digest,
                document=canonical(report.record()),
                detail={
                    "verdict": str(report.verdict),
                    "against": against,
                    "champion": holder,
                    "policy": policy.record(),
                },
            )
        )
    send_notifications(registry)
    return replace(report, digest=str(entry.evidence))


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
) -> AliasMove:
    """Give an alias to a version that has a passing gate report against who holds it now.

    Promoting the holder again changes nothing.

    Parameters
    ----------
    project
        The project.
    model, version
        The version: its number or an alias.
    alias
        The alias to give to it.
    reason
        Why, in one sentence; the ledger keeps it.
    actor
        Who promotes; the present actor when None.
    expected
        The version that must hold the alias now; 0 for nobody, None for whoever held it when this
        began.
    override
        Promote without a passing report or approvals; the ledger says so.

    Returns
    -------
    AliasMove
        What was done.

    Raises
    ------
    GateFailed
        There is no gate report, or it does not pass.
    Conflict
        Somebody else moved the alias, or the report compares with a former champion.
    Forbidden
        The actor lacks the role, approvals are missing, or bytes or entries were altered.
    """
    require_trust(project.root)
    reason = clean_reason(reason)
    check_name(alias, "alias")
    actor = current_actor(project, actor)
    policy = model_policy(project, model)
    roles = Roles.of(policy.project)
    roles.require("promote", actor)
    registry = Registry(project)
    registry.reconcile()
    target = registry.version(model, version)
    holder = registry.ledger.aliases(model).get(alias, NO_VERSION)
    if holder == target.version and expected is None:
        return _unchanged(registry, target, alias)
    expected = holder if expected is None else expected
    report = report_of(registry, target)
    if override:
        roles.require("override", actor)
    else:
        require_pass(target, report)
        require_policy(target, policy, report_entry(registry.ledger, target))
    registry.fetch(target)
    approvals = status_of(registry, target)
    detail = {
        "approvals": list(approvals.approved),
        "override": override,
        "policy": policy.record(),
        "report": report.digest if report else None,
        "verdict": str(report.verdict) if report else None,
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
            require_holder(model, alias, holder, expected)
            if report and not override:
                require_current(writer, target, report)
                require_approval(target, status_of(registry, target))
            entry = writer.append(replace(draft, before=holder or None))
    if holder == target.version:
        return _unchanged(registry, target, alias)
    registry.reconcile()
    send_notifications(registry)
    return AliasMove(model, alias, target.version, entry.before, True, entry)


@finds_project
def rollback(
    project: Project,
    model: str,
    *,
    reason: str,
    alias: str = CHAMPION,
    actor: str | None = None,
) -> AliasMove:
    """Give an alias back to the version that held it before.

    Promotions stack up and a rollback takes the last one off, so two rollbacks go back twice.

    Parameters
    ----------
    project
        The project.
    model
        The model.
    reason
        Why, in one sentence; the ledger keeps it.
    alias
        The alias to move.
    actor
        Who rolls back; the present actor when None.

    Returns
    -------
    AliasMove
        What was done.

    Raises
    ------
    Conflict
        No version held the alias before, or somebody else moved it meanwhile.
    Forbidden
        The actor lacks the role, or the earlier version's bytes were altered.
    """
    require_trust(project.root)
    reason = clean_reason(reason)
    actor = current_actor(project, actor)
    policy = model_policy(project, model)
    Roles.of(policy.project).require("promote", actor)
    registry = Registry(project)
    registry.reconcile()
    with registry.ledger.writing() as writer:
        holders = alias_history(writer.moves(model, alias))
    if len(holders) < 2:
        raise Conflict(
            "rollback.nothing",
            f"{model!r}: no version was {alias!r} before"
            + (f" version {holders[-1]}." if holders else ", and none is now."),
            hint=f"`gristmill model history {model}` shows every move.",
        )
    target = registry.version(model, holders[-2])
    registry.fetch(target)
    with registry.ledger.writing() as writer:
        require_holder(model, alias, writer.holder(model, alias) or NO_VERSION, holders[-1])
        entry = writer.append(
            Draft(
                action="rollback",
                model=model,
                actor=actor,
                version=target.version,
                alias=alias,
                before=holders[-1],
                after=target.version,
                reason=reason,
                digest=target.digest,
                detail={"policy": policy.record()},
            )
        )
    registry.reconcile()
    send_notifications(registry)
    return AliasMove(model, alias, target.version, holders[-1], True, entry)


@finds_project
def champion(project: Project, model: str, at: datetime | None = None) -> Version | None:
    """Which version is champion, or was.

    Parameters
    ----------
    project
        The project.
    model
        The model.
    at
        An aware time; the present when None.

    Returns
    -------
    Version | None
        None when there was no champion.

    Raises
    ------
    Forbidden
        `ledger.forged`: the move that made it champion was altered.
    """
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


def _unchanged(registry: Registry, target: Version, alias: str) -> AliasMove:
    entry = registry.ledger.holder(target.model, alias)
    if entry is None:
        raise Conflict(
            "promote.moved",
            f"{alias!r} of {target.model!r} was moved meanwhile.",
            hint=f"See `gristmill model history {target.model}` and decide again.",
        )
    return AliasMove(target.model, alias, target.version, entry.before, False, entry)


def _optional(project: Project, relative: str) -> Path | None:
    return project.root / relative if relative else None


@dataclass(frozen=True)
class Candidate:
    """A run, not yet removed, that wrote the model.

    Attributes
    ----------
    run
        The run's name.
    lineage
        That of the step that wrote the model.
    version
        What was registered from it; None when nothing was.
    """

    run: str
    lineage: Lineage
    version: int | None


def candidates(project: Project, model: str, limit: int = 50) -> list[Candidate]:
    """The runs that wrote a model's directory and were not removed.

    Parameters
    ----------
    project
        The project.
    model
        The model.
    limit
        At most so many.

    Returns
    -------
    list
        Newest first.
    """
    settings = model_settings(project, model)
    registered = {
        (v.lineage.run, v.lineage.outputs.get(settings.path)): v.version
        for v in Registry(project).versions(model)
    }
    runs: list[Candidate] = []
    for lineage in recorded_lineages(project, newest_first=True):
        if settings.path in lineage.outputs and lineage.run:
            version = registered.get((lineage.run, lineage.outputs[settings.path]))
            runs.append(Candidate(lineage.run, lineage, version))
        if len(runs) == limit:
            break
    return runs


@finds_project
def register_run(project: Project, model: str, run: str, *, actor: str | None = None) -> Version:
    """Register the model that an earlier run wrote, with its metrics, reference and hold-out.

    The project's files are registered when they are what that run wrote; else they are taken from
    DVC's cache. A run that was registered before gives its version again.

    Parameters
    ----------
    project
        The project.
    model
        The model.
    run
        The run's name.
    actor
        Who registers; the present actor when None.

    Raises
    ------
    NotFound
        `run.model`: no such run wrote the model; or DVC no longer has a file, which is named.
    Forbidden
        The actor may not register.
    """
    require_trust(project.root)
    runs = {c.run: c for c in candidates(project, model, limit=100_000)}
    if run not in runs:
        raise NotFound(
            "run.model",
            f"there is no run {run!r} that wrote the model {model!r}.",
            hint="`gristmill runs list` shows the runs; `gristmill run` makes one.",
        )
    candidate, settings = runs[run], model_settings(project, model)
    registry = Registry(project)
    if candidate.version is not None:
        return registry.version(model, candidate.version)
    registry.reconcile()
    lineage = candidate.lineage
    run_id = _mlflow_run(registry, lineage)
    if _is_current(project, settings, lineage):
        return register(project, model, lineage=lineage, run_id=run_id, actor=actor)
    from gristmill.lineage import from_cache

    files = (settings.path, settings.metrics, settings.reference, settings.holdout)
    hashes = _hashes(lineage, [path for path in files if path])
    with scratch_directory(project.state, "run") as folder:
        tree = Project(folder, project.raw)
        from_cache(project.root, {tree.root / p: h for p, h in hashes.items()})
        return register(project, model, tree=tree, lineage=lineage, run_id=run_id, actor=actor)


def _recorded_elsewhere(registry: Registry, lineage: Lineage, path: str) -> Lineage | None:
    """What the run recorded, on another machine, that wrote what was pulled here."""
    digest = lineage.outputs.get(path)
    if digest is None:
        return None
    found = find_lineage(registry.project, registry.client, lineage.step, path, digest)
    return found if found and found.source == lineage.source else None


def _hashes(lineage: Lineage, paths: list[str]) -> dict[str, str]:
    hashes: Mapping[str, str] = {**lineage.inputs, **lineage.outputs}
    for path in paths:
        if path not in hashes:
            raise NotFound(
                "run.file",
                f"run {lineage.run} did not read or write {path}.",
                hint=f"Declare it in step {lineage.step}, or run the pipeline and register that.",
            )
    return {path: hashes[path] for path in paths}


def _is_current(project: Project, settings: ModelSettings, lineage: Lineage) -> bool:
    """Whether the project's files are those that the run wrote."""
    from gristmill.workspace import lineage_of

    try:
        return lineage_of(project, settings.path) == lineage
    except GristmillError:
        return False  # the project's files are of no run


def _mlflow_run(registry: Registry, lineage: Lineage) -> str | None:
    """The child run of the step in MLflow, None when it is gone there."""
    from gristmill.tracking import experiment_id

    runs = registry.client.search_runs(
        [experiment_id(registry.project, registry.client)],
        f"tags.`{RUN_TAG}` = '{lineage.run}' and tags.`{STEP_TAG}` = '{lineage.step}'",
        max_results=1,
    )
    return str(runs[0].info.run_id) if runs else None
