"""What alerts and repairs have to tell, and to whom it was told already.

What was delivered is written to `deliveries.jsonl`; what was not is tried again by the next
monitoring.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from gristmill.files import append_journal, read_journal
from gristmill.monitoring.alerts import Alert, read_alerts
from gristmill.monitoring.repairs import Repair, read_repairs
from gristmill.monitoring.settings import directory
from gristmill.notify.routes import Message, Route, compose, read_routes, wanted
from gristmill.notify.sending import Delivery, send_all
from gristmill.project import Project

ENDED = {
    "waiting": ("critical", "needs a person"),
    "gave-up": ("critical", "needs a person"),
    "kept": ("warning", "changed nothing"),
}


def messages(
    model: str, owner: str, alerts: Sequence[Alert], repairs: Sequence[Repair], now: datetime
) -> list[Message]:
    """All there is to tell: alerts opened, escalated and resolved; repairs that need a person, or
    whose version its gates kept out.

    Of an alert that sleeps nothing is told. Pure.
    """
    found = []
    for alert in alerts:
        if alert.state(now) != "snoozed":
            found += _of_alert(model, owner, alert)
    for repair in repairs:
        if repair.outcome in ENDED:
            severity, means = ENDED[repair.outcome]
            about = {"model": model, "owner": owner, "severity": severity, "repair": repair.id}
            text = f"{model}: repair {repair.id} {means}. {repair.words}"
            key = f"{repair.id}/{repair.outcome}"
            found.append(compose(key, severity, text, about, owners=(owner,) if owner else ()))
    return found


def _of_alert(model: str, owner: str, alert: Alert) -> list[Message]:
    name = f"{model} version {alert.version}, {alert.rule}"
    told = [("opened", alert.severity, f"{name}: {alert.reason}")]
    if alert.escalated:
        text = f"{name}: nobody has acknowledged alert {alert.id}. {alert.reason}"
        told.append(("escalated", "critical", text))
    if not alert.is_open:
        told.append(("resolved", told[-1][1], f"{name} is resolved: {alert.closing}"))
    owners = alert.owners or ((owner,) if owner else ())
    return [
        compose(
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
            trouble=alert.id,
            over=event == "resolved",
            owners=owners,
        )
        for event, severity, text in told
    ]


def pending(project: Project, model: str, now: datetime) -> list[tuple[Route, list[Message]]]:
    """What would be sent now, by route. Of an alert that ended only its end is told, and only to
    whom heard of it."""
    from gristmill.registry.settings import model_settings

    routes = read_routes(project)
    if not routes:
        return []
    alerts, repairs = read_alerts(project, model), read_repairs(project, model)
    told = {(r["route"], r["key"]) for r in read_journal(_journal(project, model))}
    everything = messages(model, model_settings(project, model).owner, alerts, repairs, now)
    over = {a.id for a in alerts if not a.is_open}
    found = []
    for route in routes:
        mine = []
        for message in everything:
            about = message.about
            heard = any((route.name, f"{about}/{e}") in told for e in ("opened", "escalated"))
            ended = about in over and not message.over
            if (route.name, message.key) in told or ended or (message.over and not heard):
                continue
            if message.over or wanted(route, model, message):
                mine.append(message)
        if mine:
            found.append((route, mine))
    return found


def deliver(project: Project, model: str, now: datetime) -> list[Delivery]:
    """Send what is pending. The caller holds the model's monitoring lock.

    A route that does not answer is a Delivery with a problem, not an error: monitoring goes on, and
    the next one tries again.
    """
    done = []
    for route, mine in pending(project, model, now):
        sent = send_all(route, mine)
        heard = [d.message.key for d in sent if not d.problem]
        at = now.isoformat()
        append_journal(
            _journal(project, model), [{"route": route.name, "key": k, "at": at} for k in heard]
        )
        done += sent
    return done


def _journal(project: Project, model: str) -> Path:
    return directory(project, model) / "deliveries.jsonl"
