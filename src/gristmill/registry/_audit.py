"""Is the ledger's chain intact, and does MLflow agree with it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gristmill.project import Project, finds_project
from gristmill.registry._gates.base import Verdict
from gristmill.registry._ledger.chain import Entry, Problem
from gristmill.registry._policy import policy_at
from gristmill.registry._roles import Roles
from gristmill.registry._versions.mlflow import TAG, aliases, registered
from gristmill.registry._versions.store import ANCHOR, Registry


@dataclass(frozen=True)
class Audit:
    """What checking the ledger showed.

    Attributes
    ----------
    entries
        How many entries the ledger has.
    problems
        What does not hold; empty when the chain is intact and MLflow agrees with it.
    """

    entries: int
    problems: tuple[Problem, ...]


@finds_project
def audit(project: Project) -> Audit:
    """Check the ledger's chain, then every model in MLflow: aliases, versions, digests, anchors.

    Parameters
    ----------
    project
        The project. A move of an alias that a crash kept from MLflow is carried over first.

    Returns
    -------
    Audit
        The problems, if any.

    Raises
    ------
    Forbidden
        The actor may not read.
    Unavailable
        The ledger cannot be read.
    """
    registry = Registry(project)
    problems = registry.ledger.verify()
    if not problems:
        registry.reconcile()
    entries = registry.ledger.entries()
    problems += _forbidden_moves(project, entries)
    names = {e.model for e in entries}
    if names or project.models:
        for name in sorted(names | set(project.models)):
            problems += _against_mlflow(registry, name, entries)
    return Audit(len(entries), tuple(problems))


def _forbidden_moves(project: Project, entries: list[Entry]) -> list[Problem]:
    """Promotions that the policy of the commit which they name did not allow."""
    gated = {e.evidence: e for e in entries if e.action == "gate"}
    problems = []
    for entry in entries:
        named = entry.detail.get("policy") if entry.action == "promote" else None
        if named and named["commit"]:
            reason = _forbidden(project, entry, named, gated.get(entry.detail["report"]))
            if reason:
                problems.append(
                    Problem(
                        entry.seq,
                        f"{entry.model}: the promotion of version {entry.version} by "
                        f"{entry.actor} {reason} (policy of commit {named['commit'][:12]}).",
                    )
                )
    return problems


def _forbidden(
    project: Project, entry: Entry, named: dict[str, Any], report: Entry | None
) -> str | None:
    policy = policy_at(project, entry.model, named["commit"])
    if policy is None:
        return "cannot be checked: this clone does not have its policy; fetch the commit"
    roles, override = Roles.of(policy.project), bool(entry.detail["override"])
    if policy.record()["digest"] != named["digest"]:
        return "names another policy than the commit has"
    if not roles.allows("promote", entry.actor):
        return "was made without the role promote"
    if override:
        return None if roles.allows("override", entry.actor) else "overrode without the role"
    if report is None or report.detail["verdict"] != Verdict.PASS:
        return "has no gate report that passes"
    if not policy.covered_by(report.detail.get("policy")):
        return "relies on a report under another policy"
    return None


def _against_mlflow(registry: Registry, name: str, entries: list[Entry]) -> list[Problem]:
    registered_here = {
        e.version: e
        for e in entries
        if e.model == name and e.action == "register" and e.version is not None
    }
    model = registered(registry.client, name)
    if model is None:
        return (
            [Problem(None, f"MLflow no longer has the model {name!r}.")] if registered_here else []
        )
    problems = _anchor(name, model.tags.get(ANCHOR), entries) if registered_here else []
    recorded, actual = registry.ledger.aliases(name), aliases(registry.client, name)
    for alias in sorted(recorded.keys() | actual.keys()):
        if recorded.get(alias) != actual.get(alias):
            problems.append(
                Problem(
                    None,
                    f"{name}: {alias!r} is {_who(recorded.get(alias))} in the ledger, but "
                    f"{_who(actual.get(alias))} in MLflow: it was moved outside Gristmill.",
                )
            )
    in_mlflow: dict[int, Any] = {
        int(v.version): v for v in registry.client.search_model_versions(f"name='{name}'")
    }
    for number in sorted(in_mlflow.keys() - registered_here.keys()):
        problems.append(
            Problem(None, f"{name}: version {number} is in MLflow, but not in the ledger.")
        )
    for number, entry in registered_here.items():
        if number not in in_mlflow:
            problems.append(
                Problem(entry.seq, f"{name}: version {number} is in the ledger, but not in MLflow.")
            )
        elif in_mlflow[number].tags.get(TAG) != entry.digest:
            problems.append(
                Problem(entry.seq, f"{name}: MLflow's digest tag of version {number} was changed.")
            )
    return problems


def _anchor(name: str, anchor: str | None, entries: list[Entry]) -> list[Problem]:
    """MLflow keeps the hash of a late entry of the model; the ledger must still have it."""
    if anchor is None:
        return [
            Problem(
                None,
                f"{name}: the tag {ANCHOR}, with a hash of the ledger, is missing in MLflow.",
            )
        ]
    seq, _, digest = anchor.partition(":")
    if any(str(e.seq) == seq and e.hash == digest for e in entries):
        return []
    return [
        Problem(
            None,
            f"{name}: entry {seq}, whose hash is in MLflow, is not in the ledger, which was cut "
            "off or rewritten.",
        )
    ]


def _who(version: int | None) -> str:
    return f"version {version}" if version else "nobody"
