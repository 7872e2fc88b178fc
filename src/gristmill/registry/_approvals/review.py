"""Ask for a decision, approve, reject: several people before a promotion."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from gristmill.errors import Conflict, Forbidden, GateFailed, Invalid
from gristmill.project import SETTINGS, Project, finds_project
from gristmill.records import parse_table
from gristmill.registry._approvals.approvals import (
    DECISIONS,
    ApprovalStatus,
    Policy,
    approval_status,
    person,
)
from gristmill.registry._approvals.checks import clean_reason
from gristmill.registry._approvals.decisions import Decision, announce
from gristmill.registry._approvals.notifications import send_notifications
from gristmill.registry._gates.reports import report_of
from gristmill.registry._ledger.chain import Draft, Entry
from gristmill.registry._ledger.ledger import utc_now
from gristmill.registry._roles import current_actor, is_allowed, require_role
from gristmill.registry._settings import model_settings
from gristmill.registry._versions.store import Registry
from gristmill.registry._versions.version import Version


@finds_project
def request_approval(
    project: Project, model: str, version: int | str, *, reason: str, actor: str | None = None
) -> Entry:
    """Ask the reviewers for a decision on a version and its last gate report."""
    actor = actor or current_actor(project)
    require_role(project, "register", actor)
    return _write(project, model, version, "request", reason, actor)


@finds_project
def decide(
    project: Project,
    model: str,
    version: int | str,
    *,
    decision: str,
    reason: str,
    report: str | None = None,
    actor: str | None = None,
) -> Decision:
    """Approve or reject (`decision`) a version's bytes together with its last gate report, and let
    those who listen to decisions act on it (a repair that waited for it goes on).

    `report` is the digest of the report that was read, or its beginning; Conflict when a newer one
    has come. Raises Forbidden for the author, for who lacks the role and beside a forged decision,
    GateFailed without a report.
    """
    if decision not in DECISIONS:
        raise Invalid("approval.decision", f"{decision!r} is not one of {', '.join(DECISIONS)}.")
    actor = actor or current_actor(project)
    require_role(project, "approve", actor)
    registry = Registry(project)
    target = registry.version(model, version)
    if is_author(registry, target, actor):
        raise Forbidden(
            "approval.author",
            f"{actor} made {model} version {target.version} and cannot decide on it.",
            hint="Ask somebody else with the role.",
        )
    judged = report_of(registry, target)
    if report and judged and not judged.digest.startswith(report):
        raise Conflict(
            "approval.report",
            f"{model} version {target.version} was judged again: its report is "
            f"{judged.digest[:12]}.",
            hint="Read the new report and decide again.",
        )
    status_of(registry, target)  # nobody decides beside a decision that was forged
    entry = _write(project, model, target.version, decision, reason, actor)
    return announce(project, entry, status_of(registry, target))


def status_of(registry: Registry, version: Version, now: datetime | None = None) -> ApprovalStatus:
    """Which approvals of the version stand now. Raises Forbidden when a decision was forged."""
    project = registry.project
    entries = registry.ledger.entries(version.model, version=version.version)
    decisions = [e for e in entries if e.action in DECISIONS]
    for entry in decisions:
        registry.ledger.require_sound(entry)
    judged = report_of(registry, version)
    allowed: Callable[[str], bool] = partial(is_allowed, project, "approve")
    return approval_status(
        decisions,
        digest=version.digest,
        report=judged.digest if judged else None,
        authors=authors(registry, version),
        policy=policy_of(project, version.model),
        now=max([now or utc_now(), *(e.at for e in entries[-1:])]),
        may=allowed,
    )


@finds_project
def open_requests(project: Project) -> list[Entry]:
    """Requests nobody has answered: versions not promoted and without a decision since."""
    registry = Registry(project)
    open_: dict[tuple[str, int | None], Entry] = {}
    for entry in registry.ledger.entries():
        if entry.action == "request":
            open_[entry.model, entry.version] = entry
        elif entry.action == "promote" or (entry.action in DECISIONS and _settled(registry, entry)):
            open_.pop((entry.model, entry.version), None)
    return list(open_.values())


def _settled(registry: Registry, entry: Entry) -> bool:
    version = registry.version(entry.model, entry.version or 0)
    found = status_of(registry, version)
    return bool(found.rejected) or found.granted


def policy_of(project: Project, model: str) -> Policy:
    """The model's approval policy; a model the settings no longer name needs none."""
    if model not in project.models:
        return Policy()
    where = f"{SETTINGS} [models.{model}.approvals]"
    return parse_table(Policy, model_settings(project, model).approvals, where)


def authors(registry: Registry, version: Version) -> set[str]:
    """Who made the version, as `person` names them: git's author and who registered it."""
    entries = registry.ledger.entries(version.model, "register", version.version)
    return {person(name) for name in (version.author, *(e.actor for e in entries))}


def is_author(registry: Registry, version: Version, actor: str) -> bool:
    """Whether the actor made the version, and so cannot decide on it."""
    return person(actor) in authors(registry, version)


def _write(
    project: Project, model: str, version: int | str, action: str, reason: str, actor: str
) -> Entry:
    registry = Registry(project)
    target = registry.version(model, version)
    judged = report_of(registry, target)
    if judged is None:
        raise GateFailed(
            "gate.missing",
            f"{model} version {target.version} was never judged.",
            hint=f"Run `gristmill model gate {model} {target.version}`.",
        )
    with registry.ledger.writing() as writer:
        entry = writer.append(
            Draft(
                action=action,
                model=model,
                actor=actor,
                version=target.version,
                reason=clean_reason(reason),
                digest=target.digest,
                detail={"report": judged.digest, "verdict": judged.report.verdict},
            )
        )
    send_notifications(registry)
    return entry
