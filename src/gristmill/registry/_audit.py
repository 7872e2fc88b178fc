"""Does the ledger hold, and does MLflow agree with it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gristmill.project import Project, finds_project
from gristmill.registry._ledger.chain import Entry, Problem
from gristmill.registry._versions.mlflow import TAG, aliases, registered
from gristmill.registry._versions.store import ANCHOR, Registry


@dataclass(frozen=True)
class Audit:
    """`problems` is empty when `entries` entries hold and MLflow agrees with them."""

    entries: int
    problems: tuple[Problem, ...]


@finds_project
def audit(project: Project) -> Audit:
    """Check the chain, then every model against MLflow: aliases, versions, digests, anchors.

    An alias move that a crash kept from MLflow is carried over first; it is no problem.
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
    ours = {
        e.version: e
        for e in entries
        if e.model == name and e.action == "register" and e.version is not None
    }
    model = registered(registry.client, name)
    if model is None:
        return [Problem(None, f"MLflow has no model {name!r} any more.")] if ours else []
    problems = _anchor(name, model.tags.get(ANCHOR), entries) if ours else []
    held, shown = registry.ledger.aliases(name), aliases(registry.client, name)
    for alias in sorted(held.keys() | shown.keys()):
        if held.get(alias) != shown.get(alias):
            problems.append(
                Problem(
                    None,
                    f"{name}: the ledger gives {alias!r} to {_who(held.get(alias))}, MLflow to "
                    f"{_who(shown.get(alias))}; it was moved outside Gristmill.",
                )
            )
    theirs: dict[int, Any] = {
        int(v.version): v for v in registry.client.search_model_versions(f"name='{name}'")
    }
    for number in sorted(theirs.keys() - ours.keys()):
        problems.append(Problem(None, f"{name}: MLflow has version {number}, the ledger has not."))
    for number, entry in ours.items():
        if number not in theirs:
            problems.append(Problem(entry.seq, f"{name}: MLflow has lost version {number}."))
        elif theirs[number].tags.get(TAG) != entry.digest:
            problems.append(
                Problem(entry.seq, f"{name}: MLflow's digest tag of version {number} was changed.")
            )
    return problems


def _anchor(name: str, anchor: str | None, entries: list[Entry]) -> list[Problem]:
    """MLflow remembers a late entry of the model; the ledger must still have it."""
    if anchor is None:
        return [Problem(None, f"{name}: MLflow's mark of the ledger is gone.")]
    seq, _, digest = anchor.partition(":")
    if any(str(e.seq) == seq and e.hash == digest for e in entries):
        return []
    return [
        Problem(
            None,
            f"{name}: the ledger lacks entry {seq} that MLflow remembers; it was cut or remade.",
        )
    ]


def _who(version: int | None) -> str:
    return f"version {version}" if version else "nobody"
