"""All models with their versions and where each stands, from one snapshot of the ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass

from gristmill.errors import GristmillError
from gristmill.project import Project
from gristmill.registry._approvals.approvals import ApprovalStatus, person
from gristmill.registry._approvals.review import authors, status_from, unanswered
from gristmill.registry._gates.reports import report_entry
from gristmill.registry._ledger.chain import Entry
from gristmill.registry._ledger.ledger import LedgerSnapshot
from gristmill.registry._promotion import CHAMPION, alias_history
from gristmill.registry._versions.store import Registry
from gristmill.registry._versions.version import Version


@dataclass(frozen=True)
class ListedVersion:
    """A version and where it stands.

    Attributes
    ----------
    version
        The version.
    verdict
        That of its last gate report, "" when no gate has judged it.
    approvals
        Which approvals stand.
    """

    version: Version
    verdict: str
    approvals: ApprovalStatus


@dataclass(frozen=True)
class ListedModel:
    """A model and its versions.

    Attributes
    ----------
    name
        The model.
    versions
        Newest first.
    champion, previous
        The version that is champion, and the one that a rollback would make it.
    problem
        Why its versions cannot be shown (an altered ledger, bad settings), "" when they can.
    """

    name: str
    versions: tuple[ListedVersion, ...] = ()
    champion: int | None = None
    previous: int | None = None
    problem: str = ""


@dataclass(frozen=True)
class ModelListing:
    """The models of a project.

    Attributes
    ----------
    models
        By name: those that the settings declare and those that were registered.
    requests
        Requests for a decision that nobody has answered, oldest first.
    authors
        For each of the requests, who made the version.
    """

    models: tuple[ListedModel, ...]
    requests: tuple[Entry, ...]
    authors: tuple[frozenset[str], ...]

    def is_author(self, request: Entry, actor: str) -> bool:
        """Whether the actor made the version of an unanswered request, and so cannot decide on it.

        Parameters
        ----------
        request
            One of `requests`.
        actor
            The name that the ledger would write down.
        """
        return person(actor) in self.authors[self.requests.index(request)]


def list_models(project: Project) -> ModelListing:
    """Every model with its versions and where each stands.

    The ledger is read by two queries however many models and versions there are, and MLflow not at
    all.

    Parameters
    ----------
    project
        The project.

    Returns
    -------
    ModelListing
        A model whose versions cannot be shown says so as its `problem`.

    Raises
    ------
    Forbidden
        The actor may not read, or a request's version or decision was altered.
    """
    ledger = Registry(project).ledger.snapshot()
    versions = _versions(ledger)
    requests = tuple(unanswered(project, ledger, versions))
    return ModelListing(
        tuple(
            _listed(project, ledger, name, versions)
            for name in sorted({*project.models, *(model for model, _ in versions)})
        ),
        requests,
        tuple(frozenset(authors(ledger, versions[r.model, r.version])) for r in requests),
    )


def _versions(ledger: LedgerSnapshot) -> dict[tuple[str, int | None], Version]:
    """Every registered version, in the order of the ledger."""
    aliases = {entry.model: ledger.aliases(entry.model) for entry, _ in ledger.registrations}
    return {
        (entry.model, entry.version): Version.from_record(
            json.loads(text),
            tuple(sorted(a for a, v in aliases[entry.model].items() if v == entry.version)),
        )
        for entry, text in ledger.registrations
    }


def _listed(
    project: Project,
    ledger: LedgerSnapshot,
    name: str,
    versions: dict[tuple[str, int | None], Version],
) -> ListedModel:
    champions = alias_history(ledger.moves(name, CHAMPION))
    own = [version for (model, _), version in versions.items() if model == name]
    try:
        listed = tuple(_listed_version(project, ledger, version) for version in reversed(own))
    except GristmillError as error:
        return ListedModel(name, problem=error.message)
    return ListedModel(
        name,
        listed,
        champions[-1] if champions else None,
        champions[-2] if len(champions) > 1 else None,
    )


def _listed_version(project: Project, ledger: LedgerSnapshot, version: Version) -> ListedVersion:
    """The verdict is read from the signed entry, so the report itself is not needed."""
    report = report_entry(ledger, version)
    verdict = str(report.detail["verdict"]) if report else ""
    return ListedVersion(version, verdict, status_from(project, ledger, version))
