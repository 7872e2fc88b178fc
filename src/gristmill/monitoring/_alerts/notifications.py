"""What alerts and repairs have to tell, and to whom it was told already.

What was delivered is written to `deliveries.jsonl`; what was not is tried again by the next
monitoring.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from gristmill.files import append_journal, read_journal
from gristmill.monitoring._alerts.alerts import Alert, read_alerts
from gristmill.monitoring._model import MonitoredModel
from gristmill.monitoring._repairs import Repair, read_repairs
from gristmill.monitoring._settings import directory
from gristmill.notify import (
    Delivery,
    Message,
    Route,
    compose_message,
    deliver_messages,
    read_routes,
    undelivered,
)
from gristmill.project import Project

ENDED = {
    "waiting": ("critical", "needs a person"),
    "gave-up": ("critical", "needs a person"),
    "kept": ("warning", "changed nothing"),
}


def alert_messages(
    model: str, owner: str, alerts: Sequence[Alert], repairs: Sequence[Repair], now: datetime
) -> list[Message]:
    """All there is to tell: alerts opened, escalated and resolved; repairs that need a person, or
    whose version its gates kept out.

    Of an alert that sleeps nothing is told. Pure.
    """
    messages = []
    for alert in alerts:
        if alert.state(now) != "snoozed":
            messages += _of_alert(model, owner, alert)
    for repair in repairs:
        if repair.outcome in ENDED:
            severity, result = ENDED[repair.outcome]
            about = {"model": model, "owner": owner, "severity": severity, "repair": repair.id}
            text = f"{model}: repair {repair.id} {result}. {repair.summary}"
            key = f"{repair.id}/{repair.outcome}"
            messages.append(
                compose_message(key, severity, text, about, owners=(owner,) if owner else ())
            )
    return messages


def _of_alert(model: str, owner: str, alert: Alert) -> list[Message]:
    name = f"{model} version {alert.version}, {alert.rule}"
    events = [("opened", alert.severity, f"{name}: {alert.reason}")]
    if alert.escalated:
        text = f"{name}: nobody has acknowledged alert {alert.id}. {alert.reason}"
        events.append(("escalated", "critical", text))
    if not alert.is_open:
        events.append(("resolved", events[-1][1], f"{name} is resolved: {alert.closing}"))
    owners = alert.owners or ((owner,) if owner else ())
    return [
        compose_message(
            f"{alert.id}/{event}",
            severity,
            text,
            {
                "model": model,
                "owner": ", ".join(owners),
                "version": alert.version,
                "rule": alert.rule,
                "event": event,
                "severity": severity,
                "since": alert.first.isoformat(),
                "alert": alert.id,
            },
            problem=alert.id,
            over=event == "resolved",
            owners=owners,
        )
        for event, severity, text in events
    ]


class _JournalDeliveries:
    """Deliveries kept in a model's journal."""

    def __init__(self, path: Path, now: datetime) -> None:
        self._path, self._now = path, now

    def delivered(self) -> set[tuple[str, str]]:
        return {(r["route"], r["key"]) for r in read_journal(self._path)}

    def note(self, route: str, keys: Sequence[str]) -> None:
        at = self._now.isoformat()
        append_journal(self._path, [{"route": route, "key": k, "at": at} for k in keys])


def unsent_messages(
    project: Project, model: str, now: datetime
) -> list[tuple[Route, list[Message]]]:
    """What would be sent now, by route.

    Parameters
    ----------
    project
        The project that declares the model.
    model
        The model's name.
    now
        The present, aware of its time zone: of an alert that is snoozed then nothing is sent.
    """
    from gristmill.registry import model_settings

    routes = read_routes(project)
    if not routes:
        return []
    alerts, repairs = read_alerts(project, model), read_repairs(project, model)
    owner = model_settings(project, model).owner
    delivered = _JournalDeliveries(_journal(project, model), now).delivered()
    return undelivered(routes, alert_messages(model, owner, alerts, repairs, now), delivered)


def deliver_notifications(
    model: MonitoredModel, alerts: Sequence[Alert], now: datetime
) -> list[Delivery]:
    """Send what is pending of the model's alerts and repairs. The caller holds its lock."""
    routes = read_routes(model.project)
    if not routes:
        return []
    repairs = read_repairs(model.project, model.name)
    messages = alert_messages(model.name, model.declared.owner, alerts, repairs, now)
    deliveries = _JournalDeliveries(_journal(model.project, model.name), now)
    return deliver_messages(routes, messages, deliveries)


def _journal(project: Project, model: str) -> Path:
    return directory(project, model) / "deliveries.jsonl"
