"""What the registry holds, for reading: versions, one version in full, the ledger's entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.project import Project, finds_project
from gristmill.registry._approvals.approvals import ApprovalStatus
from gristmill.registry._approvals.review import status_of
from gristmill.registry._gates.base import GateReport
from gristmill.registry._gates.reports import report_of
from gristmill.registry._ledger.chain import Entry
from gristmill.registry._ledger.keys import public_keys
from gristmill.registry._roles import current_actor
from gristmill.registry._versions.store import Registry
from gristmill.registry._versions.version import Version


@dataclass(frozen=True)
class VersionHistory:
    """One version in full.

    Attributes
    ----------
    version
        The version with its evidence.
    report
        Its last gate report, None when it was never judged.
    approvals
        Which approvals it has and needs.
    entries
        The ledger's entries on it, the oldest first.
    """

    version: Version
    report: GateReport | None
    approvals: ApprovalStatus
    entries: tuple[Entry, ...]


@finds_project
def list_versions(project: Project, model: str | None = None) -> list[Version]:
    """Registered versions, the oldest of each model first.

    Parameters
    ----------
    project
        May be left out inside a project.
    model
        Only of this model; of all that were registered when None.

    Returns
    -------
    list of Version
        Empty when nothing is registered.

    Raises
    ------
    NotFound
        No such model.
    Forbidden
        The actor may not read.
    """
    return list(Registry(project).versions(model))


@finds_project
def show_version(project: Project, model: str, version: int | str) -> VersionHistory:
    """One version with its evidence, last gate report, approvals and history.

    Parameters
    ----------
    project
        May be left out inside a project.
    model
        The model's name.
    version
        A number or an alias.

    Returns
    -------
    VersionHistory
        All that is known of the version.

    Raises
    ------
    NotFound
        No such model, version or alias.
    Forbidden
        The actor may not read, or a decision on the version was forged.
    """
    registry = Registry(project)
    target = registry.version(model, version)
    return VersionHistory(
        target,
        report_of(registry, target),
        status_of(registry, target),
        tuple(registry.ledger.entries(target.model, version=target.version)),
    )


@finds_project
def history(project: Project, model: str | None = None, actions: Sequence[str] = ()) -> list[Entry]:
    """The ledger's entries, the oldest first: who did what, when and why.

    Parameters
    ----------
    project
        May be left out inside a project.
    model
        Only on this model; on all when None.
    actions
        Only these: `register`, `gate`, `promote`, `approve`, `alert` and so on; all when empty.

    Returns
    -------
    list of Entry
        Empty when nothing was written.

    Raises
    ------
    Forbidden
        The actor may not read.
    """
    entries = Registry(project).ledger.entries(model)
    return [entry for entry in entries if not actions or entry.action in actions]


@finds_project
def signing_keys(project: Project) -> dict[str, tuple[str, ...]]:
    """The public keys that the actor signs with, by actor, as `[roles.keys]` takes them.

    Parameters
    ----------
    project
        May be left out inside a project.

    Returns
    -------
    dict
        One actor with an Ed25519 key for entries and a P-256 key for models.

    Raises
    ------
    Unavailable
        The keys cannot be read or made.
    """
    actor = current_actor(project)
    return {actor: public_keys(actor)}
