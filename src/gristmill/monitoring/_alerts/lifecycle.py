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
from gristmill.monitoring._statistics.periods import parse_length
from gristmill.project import Project, finds_project

LONGEST = timedelta(days=366)


@finds_project
def alerts(
    project: Project, model: str | None = None, *, all: bool = False, now: datetime | None = None
) -> list[Alert]:
    """The alerts whose trouble is still there, the gravest and newest first; with `all`
    the resolved ones too.

    Of all declared models unless `model` names one. Raises NotFound for an undeclared model,
    Forbidden for who may not read.
    """
    from gristmill.registry import current_actor, require_reader

    require_reader(project, lambda: current_actor(project))
    moment = now or datetime.now(UTC)
    if model is not None and model not in project.models:
        raise NotFound(
            "model.unknown",
            f"no model {model!r} is declared.",
            hint=f"Declared: {', '.join(project.models) or 'none'}.",
        )
    names = project.models if model is None else (model,)
    found = [a for name in names for a in read_alerts(project, name) if all or a.is_open]
    order = {"open": 0, "acknowledged": 1, "snoozed": 2, "resolved": 3}
    found.sort(key=lambda a: a.opened, reverse=True)
    return sorted(found, key=lambda a: (order[a.state(moment)], a.severity != "critical"))


@finds_project
def acknowledge(
    project: Project,
    alert: str,
    *,
    reason: str = "",
    actor: str | None = None,
    now: datetime | None = None,
) -> Alert:
    """Say that somebody looks after it: it is not escalated.

    `alert` is its id or the beginning of it. Raises NotFound, Conflict when it is resolved,
    Forbidden for who neither owns it nor may decide.
    """
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
    """Be silent about it until then: an aware time, or a length from now such as `12h` or `7d`.

    Repair is not kept from acting. Raises as `acknowledge`, and Invalid for a time that is over or
    more than a year away.
    """
    moment = now or datetime.now(UTC)
    end = moment + parse_length(until, "until") if isinstance(until, str) else until
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
    """Close it by hand; a later window that shows the trouble opens another. Raises as
    `acknowledge`, and Invalid without a reason."""
    if not reason.strip():
        raise Invalid("alert.reason", "an alert is resolved for a reason.", hint="Give one.")
    return _write(project, alert, "resolved", reason, actor, now)


def find_alert(project: Project, alert: str) -> Alert:
    """The alert with the id, or the one whose id begins so. Raises NotFound, Invalid."""
    every = [a for name in project.models for a in read_alerts(project, name)]
    matching = [a for a in every if alert and a.id.startswith(alert)]
    if not matching:
        raise NotFound(
            "alert.unknown", f"no alert {alert!r}.", hint="`gristmill alerts` lists them."
        )
    if len(matching) > 1:
        ids = ", ".join(a.id for a in matching)
        raise Invalid("alert.ambiguous", f"{alert!r} may be {ids}.", hint="Write more of it.")
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
    from gristmill.registry import current_actor, require_any_role

    who, moment = actor or current_actor(project), now or datetime.now(UTC)
    found = find_alert(project, alert)
    if who not in found.owners:
        require_any_role(
            project, ("approve", "promote", "deploy"), who, f"decide on alert {found.id}"
        )
    with writing(project, found.model) as path:
        there = fold(read_journal(path))[found.id]
        if not there.is_open:
            raise Conflict(
                "alert.resolved",
                f"alert {found.id} is resolved: {there.closing}.",
                hint="`gristmill alerts --all` shows it.",
            )
        record = {"event": event, "id": found.id, "by": who, "reason": reason, **more}
        append_journal(path, [{**record, "at": moment.isoformat()}])
        after = fold(read_journal(path))[found.id]
    record_alerts(project, found.model)
    return after
