"""Is the ledger's chain intact, and does MLflow agree with it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gristmill.project import Project, finds_project
from gristmill.registry._ledger.chain import Entry, Problem
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
    names = {e.model for e in entries}
    if names or project.models:
        for name in sorted(names | set(project.models)):
            problems += _against_mlflow(registry, name, entries)
    return Audit(len(entries), tuple(problems))


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
