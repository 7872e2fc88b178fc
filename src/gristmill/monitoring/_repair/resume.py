"""A repair that waited for a decision goes on when it was made: the registry announces decisions
(entry points `gristmill.decisions`), and this module listens."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gristmill.errors import Conflict, Forbidden
from gristmill.files import exclusive_lock
from gristmill.monitoring._alerts.ledger_sync import record_repairs
from gristmill.monitoring._repairs import ACTOR, Journal, Repair, journal_path, read_repairs
from gristmill.monitoring._settings import directory
from gristmill.project import Project

if TYPE_CHECKING:
    from gristmill.registry import ApprovalStatus, Entry


def on_decision(project: Project, entry: Entry, standing: ApprovalStatus) -> str:
    """Let a repair that waited for the decision go on, if this machine may act for it.

    Parameters
    ----------
    project
        Where it was decided.
    entry
        The decision.
    standing
        The approvals of the version.

    Returns
    -------
    str
        What became of the repair; "" when none waited, or too few have decided.
    """
    if not (standing.granted or standing.rejected):
        return ""
    try:
        repair = resume(project, entry.model)
    except (Conflict, Forbidden) as error:
        return f"The waiting repair goes on with the next `gristmill monitor`: {error.message}"
    return f"Repair {repair.id} is {repair.outcome}: {repair.words}" if repair else ""


def resume(project: Project, model: str, *, now: datetime | None = None) -> Repair | None:
    """Go on with a repair that waited for a decision; None when none waits or none was made.

    Approved by as many as the policy asks for, it is promoted; rejected, the champion stays; what a
    person promoted meanwhile is written down. Raises Conflict while a repair of the model runs.
    """
    from gristmill.registry import champion

    with exclusive_lock(directory(project, model) / "repair.lock", f"a repair of {model}"):
        holder = champion(project, model)
        if holder is None:
            return None
        path = journal_path(project, model)
        settled = settle(project, model, holder.version, path, now or datetime.now(UTC))
        if settled is not None:
            record_repairs(project, model)
        return settled


def settle(project: Project, model: str, holder: int, path: Path, now: datetime) -> Repair | None:
    from gristmill.registry import Registry, promote, status_of

    waiting = [r for r in read_repairs(project, model) if r.outcome == "waiting" and r.version]
    if not waiting or waiting[-1].version is None:
        return None
    task, version = waiting[-1], waiting[-1].version
    registry = Registry(project)
    standing = status_of(registry, registry.version(model, version))
    if holder == version:
        outcome, words = "promoted", f"version {version} was promoted by a person."
    elif holder != task.champion:
        outcome = "kept"
        words = f"version {holder} became champion while version {version} waited."
    elif standing.rejected:
        outcome, words = "kept", f"version {version} was {standing.sentence()}."
    elif standing.required and standing.granted:
        reason = f"repair {task.id}: {standing.sentence()}"
        promote(project, model, version, reason=reason, actor=ACTOR, expected=task.champion)
        outcome, words = "promoted", f"version {version} has {standing.sentence()}."
    else:
        return None
    Journal(path, task.id, now).write(outcome, words=words)
    return next(r for r in read_repairs(project, model) if r.id == task.id)
