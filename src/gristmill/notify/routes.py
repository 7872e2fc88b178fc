"""Webhooks that the `[alerts]` table names: signed, retried, each message once.

Who sends keeps what was delivered and tries the rest again later. A receiver that answered just
before a crash may hear a message twice: its `key` is the same then.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from gristmill.errors import Invalid
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


def wanted(route: Route, model: str, message: Message) -> bool:
    """Whether the route takes messages of the model and of this severity. Pure."""
    grave = SEVERITIES.index(message.severity) >= SEVERITIES.index(route.severity)
    return grave and (not route.models or model in route.models)


def compose(key: str, severity: str, text: str, about: dict[str, Any]) -> Message:
    return Message(key, severity, text, {"key": key, "text": text, **about})


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
