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
from gristmill.notify.routes import Delivery, Message, Route, compose, read_routes, send, wanted
from gristmill.project import Project


def messages(
    model: str, owner: str, alerts: Sequence[Alert], repairs: Sequence[Repair]
) -> list[Message]:
    """All there ever was to tell: alerts opened and resolved, repairs that need a person. Pure."""
    found = []
    for alert in alerts:
        about = {
            "model": model,
            "owner": owner,
            "version": alert.version,
            "rule": alert.rule,
            "severity": alert.severity,
            "since": alert.first.isoformat(),
            "alert": alert.id,
        }
        text = f"{model} version {alert.version}, {alert.rule}: {alert.reason}"
        found.append(compose(f"{alert.id}/opened", alert.severity, text, about))
        if alert.state == "resolved":
            text = f"{model} version {alert.version}, {alert.rule} is resolved: {alert.closing}"
            found.append(compose(f"{alert.id}/resolved", alert.severity, text, about))
    for repair in repairs:
        if repair.outcome in ("waiting", "gave-up"):
            about = {"model": model, "owner": owner, "severity": "critical", "repair": repair.id}
            text = f"{model}: repair {repair.id} needs a person. {repair.words}"
            found.append(compose(f"{repair.id}/{repair.outcome}", "critical", text, about))
    return found


def pending(project: Project, model: str) -> list[tuple[Route, Message]]:
    """What would be sent now. An alert that nobody heard of is not told to be resolved."""
    from gristmill.registry.settings import model_settings

    routes = read_routes(project)
    if not routes:
        return []
    alerts, repairs = read_alerts(project, model), read_repairs(project, model)
    told = {(r["route"], r["key"]) for r in read_journal(_journal(project, model))}
    everything = messages(model, model_settings(project, model).owner, alerts, repairs)
    over = {f"{a.id}/opened" for a in alerts if a.state == "resolved"}
    found = []
    for route in routes:
        for message in everything:
            heard = (route.name, message.key.replace("/resolved", "/opened")) in told
            if (route.name, message.key) in told or (message.key in over and not heard):
                continue
            if message.key.endswith("/resolved") and not heard:
                continue
            if wanted(route, model, message):
                found.append((route, message))
    return found


def deliver(project: Project, model: str, now: datetime) -> list[Delivery]:
    """Send what is pending. The caller holds the model's monitoring lock.

    A route that does not answer is a Delivery with a problem, not an error: monitoring goes on, and
    the next one tries again.
    """
    done = []
    for route, message in pending(project, model):
        problem = send(route, message)
        if not problem:
            record = {"route": route.name, "key": message.key, "at": now.isoformat()}
            append_journal(_journal(project, model), [record])
        done.append(Delivery(route.name, message, problem))
    return done


def _journal(project: Project, model: str) -> Path:
    return directory(project, model) / "deliveries.jsonl"
