"""Ask for a decision, approve, reject: several people before a promotion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from gristmill.errors import Conflict, Forbidden, Invalid
from gristmill.project import SETTINGS, Project, finds_project
from gristmill.records import parse_table
from gristmill.registry._approvals.approvals import (
    DECISIONS,
    ApprovalStatus,
    Policy,
    approval_status,
    person,
)
from gristmill.registry._approvals.checks import clean_reason, not_judged
from gristmill.registry._approvals.decisions import Decision, announce
from gristmill.registry._approvals.notifications import send_notifications
from gristmill.registry._gates.reports import report_entry
from gristmill.registry._ledger.chain import Draft, Entry
from gristmill.registry._ledger.ledger import LedgerReader, utc_now
from gristmill.registry._policy import model_policy
from gristmill.registry._roles import Roles, current_actor
from gristmill.registry._settings import model_settings
from gristmill.registry._versions.store import Registry
from gristmill.registry._versions.version import Version
from gristmill.workspace_trust import require_trust


@finds_project
def request_approval(
    project: Project, model: str, version: int | str, *, reason: str, actor: str | None = None
) -> Entry:
    """Ask the reviewers for a decision on a version and its last gate report.

    Parameters
    ----------
    project
        The project.
    model, version
        The version: its number or an alias.
    reason
        Why a decision is needed.
    actor
        Who asks; the present actor when None.

    Returns
    -------
    Entry
        The request in the ledger.

    Raises
    ------
    Forbidden
        The actor may not register.
    GateFailed
        `gate.missing`: no gate has judged the version.
    """
    require_trust(project.root)
    actor = current_actor(project, actor)
    Roles.of(model_policy(project, model).project).require("register", actor)
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
    """Approve or reject a version's bytes together with its last gate report.

    Those who listen to decisions act on it: a repair that waited for it goes on.

    Parameters
    ----------
    project
        The project.
    model, version
        The version: its number or an alias.
    decision
        `approve` or `reject`.
    reason
        Why, in one sentence; the ledger keeps it.
    report
        The digest of the gate report that was read, or its beginning.
    actor
        Who decides; the present actor when None.

    Returns
    -------
    Decision
        The entry, what stands now, and what followed.

    Raises
    ------
    Forbidden
        The actor is the author or lacks the role, or an earlier decision was forged.
    GateFailed
        `gate.missing`: no gate has judged the version.
    Conflict
        `approval.report`: there is a newer report than `report`.
    """
    require_trust(project.root)
    if decision not in DECISIONS:
        raise Invalid(
            "approval.decision",
            f"{decision!r} is not a decision.",
            hint=f"One of {', '.join(DECISIONS)}.",
        )
    actor = current_actor(project, actor)
    Roles.of(model_policy(project, model).project).require("approve", actor)
    registry = Registry(project)
    target = registry.version(model, version)
    if person(actor) in authors(registry.ledger, target):
        raise Forbidden(
            "approval.author",
            f"{actor} made {target.label} and cannot decide on it.",
            hint=f"Ask somebody else who is listed in {SETTINGS} [roles] approve.",
        )
    current = report_entry(registry.ledger, target)
    if report and current and not str(current.evidence).startswith(report):
        raise Conflict(
            "approval.report",
            f"{target.label} was judged again: its gate report is now "
            f"{str(current.evidence)[:12]}.",
            hint="Read the new report and decide again.",
        )
    status_of(registry, target)  # nobody decides beside a decision that was forged
    entry = _write(project, model, target.version, decision, reason, actor)
    return announce(project, entry, status_of(registry, target))


def status_of(registry: Registry, version: Version, now: datetime | None = None) -> ApprovalStatus:
    """Which approvals of a version stand.

    Parameters
    ----------
    registry
        The registry that has the version.
    version
        The version.
    now
        The aware time at which they must stand; the present when None.

    Raises
    ------
    Forbidden
        `ledger.forged`: a decision was altered.
    """
    return status_from(registry.project, registry.ledger, version, now)


def status_from(
    project: Project, ledger: LedgerReader, version: Version, now: datetime | None = None
) -> ApprovalStatus:
    """As `status_of`, from the ledger or a snapshot of it."""
    entries = ledger.entries(version.model, version=version.version)
    decisions = [e for e in entries if e.action in DECISIONS]
    for entry in decisions:
        ledger.require_sound(entry)
    report = report_entry(ledger, version)
    committed = model_policy(project, version.model).project
    may_approve: Callable[[str], bool] = partial(Roles.of(committed).allows, "approve")
    return approval_status(
        decisions,
        digest=version.digest,
        report=report.evidence if report else None,
        authors=authors(ledger, version),
        policy=policy_of(committed, version.model),
        now=max([now or utc_now(), *(e.at for e in entries[-1:])]),
        may=may_approve,
    )


@finds_project
def open_requests(project: Project) -> list[Entry]:
    """Requests for a decision that nobody has answered.

    Parameters
    ----------
    project
        The project.

    Returns
    -------
    list
        The last request of each version that was not promoted, rejected or approved by enough
        people since, oldest first.
    """
    registry = Registry(project)
    versions: dict[tuple[str, int | None], Version] = {
        (v.model, v.version): v for v in registry.versions()
    }
    return unanswered(project, registry.ledger.snapshot(), versions)


def unanswered(
    project: Project, ledger: LedgerReader, versions: Mapping[tuple[str, int | None], Version]
) -> list[Entry]:
    """As `open_requests`, from a snapshot of the ledger and its versions."""
    requests: dict[tuple[str, int | None], Entry] = {}
    for entry in ledger.entries():
        key = entry.model, entry.version
        if entry.action == "request":
            requests[key] = entry
        elif entry.action == "promote":
            requests.pop(key, None)
        elif entry.action in DECISIONS and key in requests:
            status = status_from(project, ledger, versions[key])
            if status.rejected or status.granted:
                del requests[key]
    return list(requests.values())


def policy_of(project: Project, model: str) -> Policy:
    """The model's approval policy; a model that the settings no longer name needs none."""
    if model not in project.models:
        return Policy()
    where = f"{SETTINGS} [models.{model}.approvals]"
    return parse_table(Policy, model_settings(project, model).approvals, where)


def authors(ledger: LedgerReader, version: Version) -> set[str]:
    """Who made the version, as `person` names them: git's author and who registered it."""
    entries = ledger.entries(version.model, "register", version.version)
    return {person(name) for name in (version.author, *(e.actor for e in entries))}


def _write(
    project: Project, model: str, version: int | str, action: str, reason: str, actor: str
) -> Entry:
    registry = Registry(project)
    target = registry.version(model, version)
    report = report_entry(registry.ledger, target)
    if report is None:
        raise not_judged(target)
    with registry.ledger.writing() as writer:
        entry = writer.append(
            Draft(
                action=action,
                model=model,
                actor=actor,
                version=target.version,
                reason=clean_reason(reason),
                digest=target.digest,
                detail={
                    "report": report.evidence,
                    "verdict": report.detail["verdict"],
                    "policy": model_policy(project, model).record(),
                },
            )
        )
    send_notifications(registry)
    return entry
