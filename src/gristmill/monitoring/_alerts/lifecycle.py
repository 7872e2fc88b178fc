"""The verbs on alerts: list, acknowledge, snooze, resolve.

Each is a line of the model's journal, and an entry of the ledger with who did it and why.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from gristmill.errors import Conflict, Invalid, NotFound
from gristmill.files import append_journal, read_journal
from gristmill.monitoring._alerts.alerts import Alert, fold, read_alerts, writing
from gristmill.monitoring._alerts.ledger_sync import record_alerts
from gristmill.project import Project, finds_project
from gristmill.records import parse_duration
from gristmill.workspace_trust import require_trust

LONGEST = timedelta(days=366)


@finds_project
def alerts(
    project: Project, model: str | None = None, *, all: bool = False, now: datetime | None = None
) -> list[Alert]:
    """The alerts of the declared models, the most urgent and newest first.

    Parameters
    ----------
    project
        The project.
    model
        The model whose alerts are listed; all declared models when None.
    all
        Whether resolved alerts are listed too.
    now
        The time that says which alerts are snoozed; the present when None.

    Returns
    -------
    list of Alert
        Ordered by state, severity, and when they were opened.

    Raises
    ------
    NotFound
        The project declares no such model.
    Forbidden
        The actor may not read.
    """
    from gristmill.registry import Roles, current_actor

    Roles.of(project).require_reader(lambda: current_actor(project))
    moment = now or datetime.now(UTC)
    if model is not None and model not in project.models:
        raise NotFound(
            "model.unknown",
            f"no model {model!r} is declared.",
            hint=f"Declared: {', '.join(project.models) or 'none'}.",
        )
    names = project.models if model is None else (model,)
    listed = [a for name in names for a in read_alerts(project, name) if all or a.is_open]
    order = {"open": 0, "acknowledged": 1, "snoozed": 2, "resolved": 3}
    listed.sort(key=lambda a: a.opened, reverse=True)
    return sorted(listed, key=lambda a: (order[a.state(moment)], a.severity != "critical"))


@finds_project
def acknowledge(
    project: Project,
    alert: str,
    *,
    reason: str = "",
    actor: str | None = None,
    now: datetime | None = None,
) -> Alert:
    """Say that somebody looks after an alert, so that it is not escalated.

    Parameters
    ----------
    project
        The project that the alert belongs to.
    alert
        The alert's id, or the beginning of it.
    reason
        Why, for the journal and the ledger.
    actor
        Who does it; the current actor when None.
    now
        When; the present when None.

    Returns
    -------
    Alert
        The alert as it is then.

    Raises
    ------
    NotFound
        There is no such alert.
    Invalid
        Several alerts have an id that begins so.
    Conflict
        The alert is resolved.
    Forbidden
        The actor neither owns the alert nor has a role that decides.
    """
    require_trust(project.root)
    return _write(project, alert, "acknowledged", reason, actor, now)


@finds_project
def snooze(
    project: Project,
    alert: str,
    *,
    until: datetime | str,
    reason: str = "",
    actor: str | None = None,
    now: datetime | None = None,
) -> Alert:
    """Send nothing about an alert until a time. Repairs are not kept from acting.

    Parameters
    ----------
    project
        The project that the alert belongs to.
    alert
        The alert's id, or the beginning of it.
    until
        An aware time within a year, or a duration from now such as `12h` or `7d`.
    reason
        Why, for the journal and the ledger.
    actor
        Who does it; the current actor when None.
    now
        When; the present when None.

    Returns
    -------
    Alert
        The alert as it is then.

    Raises
    ------
    NotFound
        There is no such alert.
    Invalid
        Several alerts have an id that begins so, or the time is over or too far away.
    Conflict
        The alert is resolved.
    Forbidden
        The actor neither owns the alert nor has a role that decides.
    """
    require_trust(project.root)
    moment = now or datetime.now(UTC)
    if isinstance(until, str):
        end = moment + min(parse_duration(until, "until"), 2 * LONGEST)
    else:
        end = until
    if end.tzinfo is None or not timedelta(0) < end - moment <= LONGEST:
        raise Invalid(
            "alert.until",
            f"an alert cannot be snoozed until {until}.",
            hint="Give a time within a year from now, with its zone, or a length such as 7d.",
        )
    return _write(project, alert, "snoozed", reason, actor, moment, until=end.isoformat())


@finds_project
def resolve_alert(
    project: Project,
    alert: str,
    *,
    reason: str,
    actor: str | None = None,
    now: datetime | None = None,
) -> Alert:
    """Close an alert by hand; a later window with the same trouble opens another.

    Parameters
    ----------
    project
        The project that the alert belongs to.
    alert
        The alert's id, or the beginning of it.
    reason
        Why, for the journal and the ledger; required.
    actor
        Who does it; the current actor when None.
    now
        When; the present when None.

    Returns
    -------
    Alert
        The alert as it is then.

    Raises
    ------
    NotFound
        There is no such alert.
    Invalid
        Several alerts have an id that begins so, or there is no reason.
    Conflict
        The alert is resolved.
    Forbidden
        The actor neither owns the alert nor has a role that decides.
    """
    require_trust(project.root)
    if not reason.strip():
        raise Invalid(
            "alert.reason", "an alert is not resolved without a reason.", hint="Give the reason."
        )
    return _write(project, alert, "resolved", reason, actor, now)


def find_alert(project: Project, alert: str) -> Alert:
    """The alert with the id, or the one whose id begins so. Raises NotFound, Invalid."""
    every = [a for name in project.models for a in read_alerts(project, name)]
    matching = [a for a in every if alert and a.id.startswith(alert)]
    if not matching:
        raise NotFound(
            "alert.unknown", f"there is no alert {alert!r}.", hint="`gristmill alerts` lists them."
        )
    if len(matching) > 1:
        ids = ", ".join(a.id for a in matching)
        raise Invalid(
            "alert.ambiguous",
            f"{alert!r} matches several alerts: {ids}.",
            hint="Give more of the id.",
        )
    return matching[0]


def _write(
    project: Project,
    alert: str,
    event: str,
    reason: str,
    actor: str | None,
    now: datetime | None,
    **more: Any,
) -> Alert:
    from gristmill.registry import Roles, current_actor

    who, moment = current_actor(project, actor), now or datetime.now(UTC)
    target = find_alert(project, alert)
    if who not in target.owners:
        Roles.of(project).require_any(
            ("approve", "promote", "deploy"), who, f"decide on alert {target.id}"
        )
    with writing(project, target.model) as path:
        latest = fold(read_journal(path))[target.id]
        if not latest.is_open:
            raise Conflict(
                "alert.resolved",
                f"alert {target.id} is resolved: {latest.closing}.",
                hint="`gristmill alerts --all` shows it.",
            )
        record = {"event": event, "id": target.id, "by": who, "reason": reason, **more}
        append_journal(path, [{**record, "at": moment.isoformat()}])
        records = read_journal(path)
    record_alerts(project, target.model, records)
    return fold(records)[target.id]
