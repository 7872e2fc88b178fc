"""Routes that the `[alerts]` table names, and what goes which way. Each message goes once.

Who sends keeps what was delivered and tries the rest again later. A receiver that answered just
before a crash may hear a message twice: its `key` is the same then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gristmill.errors import Invalid
from gristmill.project import SETTINGS, Project
from gristmill.records import parse_table

SEVERITIES = ("warning", "critical")
KINDS = ("webhook", "slack", "teams", "pagerduty", "email")


@dataclass(frozen=True)
class Route:
    """One of `[[alerts.routes]]`.

    `url` and `secret` name environment variables (the address itself is a secret). `kind` is
    - `webhook`: a JSON record, with its HMAC-SHA256 in the header X-Gristmill-Signature when there
      is a secret;
    - `slack`, `teams`: text for an incoming webhook;
    - `pagerduty`: an event (API v2); `secret` holds the routing key, `url` is optional;
    - `email`: `url` holds `smtp://user:password@host:587` (STARTTLS where offered) or `smtps://`;
      `to` are addresses, `owner` standing for the owners of what it is about.
    `severity` is the least that is sent, `models` which ones (empty: all), `owners` whose (empty:
    everybody's).
    """

    name: str
    url: str = ""
    secret: str = ""
    kind: str = "webhook"
    severity: str = "warning"
    models: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    to: tuple[str, ...] = ("owner",)
    sender: str = "gristmill@localhost"


@dataclass(frozen=True)
class Message:
    """Something to tell: `key` names it for good, `record` is what a webhook receives.

    `about` is the trouble it belongs to, the same for its beginning and its end; `over` says that
    it has ended.
    """

    key: str
    severity: str
    text: str
    record: dict[str, Any]
    about: str = ""
    over: bool = False
    owners: tuple[str, ...] = field(default=())

    @property
    def model(self) -> str:
        """The model it is about, "" for none."""
        return str(self.record.get("model", ""))


@dataclass(frozen=True)
class AlertSettings:
    """The `[alerts]` table. `escalate`: an alert that nobody acknowledged within that time is told
    again as critical (`24h`, `7d`; empty: never)."""

    routes: tuple[Any, ...] = ()
    escalate: str = ""


def alert_settings(project: Project) -> AlertSettings:
    """Raises Invalid for what is no such table."""
    return parse_table(AlertSettings, project.table("alerts"), f"{SETTINGS} [alerts]")


def read_routes(project: Project) -> tuple[Route, ...]:
    """The settings' routes. Raises Invalid for a bad one."""
    where = f"{SETTINGS} [alerts]"
    tables = alert_settings(project).routes
    found = tuple(parse_table(Route, r, f"{where} routes") for r in tables)
    for route in found:
        if route.kind not in KINDS:
            hint = f"One of {', '.join(KINDS)}."
            raise Invalid("alerts.kind", f"{where} kind = {route.kind!r}.", hint=hint)
        if route.severity not in SEVERITIES:
            hint = f"One of {', '.join(SEVERITIES)}."
            raise Invalid("alerts.severity", f"{where} severity = {route.severity!r}.", hint=hint)
        needed = "secret" if route.kind == "pagerduty" else "url"
        if not getattr(route, needed):
            raise Invalid(
                "alerts.address",
                f"{where}: route {route.name} has no `{needed}`.",
                hint="Name the environment variable that holds it.",
            )
    if len({r.name for r in found}) < len(found):
        raise Invalid("alerts.name", f"{where}: two routes have one name.", hint="Rename one.")
    return found


def route_accepts(route: Route, message: Message) -> bool:
    """Whether the route takes messages of this model, severity and these owners. Pure."""
    grave = SEVERITIES.index(message.severity) >= SEVERITIES.index(route.severity)
    mine = not route.owners or bool(set(route.owners) & set(message.owners))
    return grave and mine and (not route.models or message.model in route.models)


def compose_message(
    key: str,
    severity: str,
    text: str,
    about: dict[str, Any],
    *,
    trouble: str = "",
    over: bool = False,
    owners: Sequence[str] = (),
) -> Message:
    record = {"key": key, "text": text, **about}
    return Message(key, severity, text, record, trouble or key, over, tuple(owners))
