"""Where alerts go: webhooks that the `[alerts]` table names, signed, retried, each once.

What was delivered is written to `deliveries.jsonl`; what was not is tried again by the next
monitoring. A receiver that answered just before a crash may hear a message twice: its `key` is the
same then.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gristmill.errors import Invalid
from gristmill.monitoring.alerts import Alert, read_alerts
from gristmill.monitoring.files import append_journal, read_journal
from gristmill.monitoring.retrain import Repair, read_repairs
from gristmill.monitoring.settings import directory
from gristmill.project import SETTINGS, Project, parse_table

SEVERITIES = ("warning", "critical")
SECONDS = 10.0
ATTEMPTS = 2
SIGNATURE = "X-Gristmill-Signature"


@dataclass(frozen=True)
class Route:
    """One of `[[alerts.routes]]`.

    `url` and `secret` name environment variables (the address itself is a secret). `kind` is
    `webhook`, a JSON record with its HMAC-SHA256 in the header X-Gristmill-Signature when there is
    a secret, or `slack`, its text only. `severity` is the least that is sent, `models` which ones
    (empty: all).
    """

    name: str
    url: str
    secret: str = ""
    kind: str = "webhook"
    severity: str = "warning"
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class Message:
    """Something to tell: `key` names it for good, `record` is what a webhook receives."""

    key: str
    severity: str
    text: str
    record: dict[str, Any]


@dataclass(frozen=True)
class Delivery:
    """A message for a route; `problem` is why it did not arrive, "" when it did."""

    route: str
    message: Message
    problem: str = ""


def read_routes(project: Project) -> tuple[Route, ...]:
    """The settings' routes. Raises Invalid for a bad one."""
    table = project.table("alerts")
    where = f"{SETTINGS} [alerts]"
    for key in table:
        if key != "routes":
            raise Invalid("alerts.settings", f"{where}: unknown key `{key}`.", hint="Only routes.")
    found = tuple(parse_table(Route, r, f"{where} routes") for r in table.get("routes", []))
    for route in found:
        if route.kind not in ("webhook", "slack"):
            raise Invalid(
                "alerts.kind", f"{where} kind = {route.kind!r}.", hint="webhook or slack."
            )
        if route.severity not in SEVERITIES:
            hint = f"One of {', '.join(SEVERITIES)}."
            raise Invalid("alerts.severity", f"{where} severity = {route.severity!r}.", hint=hint)
    if len({r.name for r in found}) < len(found):
        raise Invalid("alerts.name", f"{where}: two routes have one name.", hint="Rename one.")
    return found


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
        found.append(_message(f"{alert.id}/opened", alert.severity, text, about))
        if alert.state == "resolved":
            text = f"{model} version {alert.version}, {alert.rule} is resolved: {alert.closing}"
            found.append(_message(f"{alert.id}/resolved", alert.severity, text, about))
    for repair in repairs:
        if repair.outcome in ("waiting", "gave-up"):
            about = {"model": model, "owner": owner, "severity": "critical", "repair": repair.id}
            text = f"{model}: repair {repair.id} needs a person. {repair.words}"
            found.append(_message(f"{repair.id}/{repair.outcome}", "critical", text, about))
    return found


def _message(key: str, severity: str, text: str, about: dict[str, Any]) -> Message:
    return Message(key, severity, text, {"key": key, "text": text, **about})


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
        if route.models and model not in route.models:
            continue
        for message in everything:
            heard = (route.name, message.key.replace("/resolved", "/opened")) in told
            if (route.name, message.key) in told or (message.key in over and not heard):
                continue
            if message.key.endswith("/resolved") and not heard:
                continue
            if SEVERITIES.index(message.severity) >= SEVERITIES.index(route.severity):
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


def send(route: Route, message: Message) -> str:
    """POST the message; returns what went wrong, "" when it arrived. Follows no redirects."""
    address = os.environ.get(route.url, "")
    if urlsplit(address).scheme not in ("http", "https"):
        return f"the environment variable {route.url} holds no http address"
    content = {"text": message.text} if route.kind == "slack" else message.record
    body = json.dumps(content, sort_keys=True).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "gristmill"}
    if route.secret:
        secret = os.environ.get(route.secret, "")
        if not secret:
            return f"the environment variable {route.secret} holds no secret"
        mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers[SIGNATURE] = f"sha256={mac}"
    opener = urllib.request.build_opener(_NoRedirect)
    problem = ""
    for attempt in range(ATTEMPTS):
        request = urllib.request.Request(address, body, headers, method="POST")  # noqa: S310
        try:
            with opener.open(request, timeout=SECONDS):
                return ""
        except urllib.error.HTTPError as error:
            problem = f"answered {error.code}"
            if error.code < 500 and error.code != 429:
                return problem
        except (OSError, ValueError) as error:
            problem = f"did not answer: {getattr(error, 'reason', error)}"
        if attempt + 1 < ATTEMPTS:
            time.sleep(0.5)
    return problem


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A signed message goes where the settings say and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _journal(project: Project, model: str) -> Path:
    return directory(project, model) / "deliveries.jsonl"
