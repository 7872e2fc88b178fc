"""The `[alerts]` table: routes, and which messages each accepts.

A receiver that answered just before a crash may get a message twice; its `key` is the same then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gristmill.errors import Invalid
from gristmill.project import SETTINGS, Project
from gristmill.records import parse_table
from gristmill.workspace_trust import require_trust

SEVERITIES = ("warning", "critical")
KINDS = ("webhook", "slack", "teams", "pagerduty", "email")


@dataclass(frozen=True)
class Route:
    """A table `[[alerts.routes]]`: one way by which messages are sent.

    Attributes
    ----------
    name
        Its name; no two routes have the same.
    url, secret
        Names of environment variables that hold the address and a secret: the address itself is a
        secret.
    kind
        `webhook`: a JSON record, with its HMAC-SHA256 in the header X-Gristmill-Signature when
        there is a secret. `slack`, `teams`: text for an incoming webhook. `pagerduty`: an event
        (API v2); `secret` holds the routing key, `url` is optional. `email`: `url` holds
        `smtp://user:password@host:587` (STARTTLS where offered) or `smtps://`.
    severity
        The least severity that is sent: `warning` or `critical`.
    models
        Only messages about these models; all when empty.
    owners
        Only messages about what these people own; everybody's when empty.
    to
        Addresses of e-mails; `owner` stands for the owners of what the message is about.
    sender
        The sender of e-mails.
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
    """A message.

    Attributes
    ----------
    key
        Its identity: a message with the same key is the same message.
    severity
        `warning` or `critical`.
    text
        What a person reads.
    record
        What a webhook receives.
    about
        The problem that it belongs to, the same for its beginning and its end.
    over
        Whether the problem has ended.
    owners
        Who owns what it is about.
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
    """The `[alerts]` table.

    Attributes
    ----------
    routes
        Tables `[[alerts.routes]]` (`Route`).
    escalate
        An alert that nobody acknowledged within this time is sent again as critical: `24h`, `7d`;
        never when empty.
    link
        The address of the project in JupyterLab or on a dashboard, for those who are asked.
    """

    routes: tuple[Any, ...] = ()
    escalate: str = ""
    link: str = ""


def alert_settings(project: Project) -> AlertSettings:
    """The `[alerts]` table of a project.

    Parameters
    ----------
    project
        The project.

    Raises
    ------
    Invalid
        `settings.*`: a key or a value is not well formed.
    """
    return parse_table(AlertSettings, project.table("alerts"), f"{SETTINGS} [alerts]")


def read_routes(project: Project) -> tuple[Route, ...]:
    """The routes of a project's settings.

    Parameters
    ----------
    project
        The project.

    Raises
    ------
    Forbidden
        `project.untrusted`, when there are some: they are read to be sent to.
    Invalid
        `alerts.*` or `settings.*`: a route is not well formed.
    """
    where = f"{SETTINGS} [alerts]"
    tables = alert_settings(project).routes
    if tables:
        require_trust(project.root)
    routes = tuple(parse_table(Route, r, f"{where} routes") for r in tables)
    for route in routes:
        if route.kind not in KINDS:
            hint = f"One of {', '.join(KINDS)}."
            raise Invalid(
                "alerts.kind",
                f"{where}: route {route.name} has the unknown kind {route.kind!r}.",
                hint=hint,
            )
        if route.severity not in SEVERITIES:
            hint = f"One of {', '.join(SEVERITIES)}."
            raise Invalid(
                "alerts.severity",
                f"{where}: route {route.name} has the unknown severity {route.severity!r}.",
                hint=hint,
            )
        needed = "secret" if route.kind == "pagerduty" else "url"
        if not getattr(route, needed):
            raise Invalid(
                "alerts.address",
                f"{where}: route {route.name} has no `{needed}`.",
                hint=f"Set `{needed}` to the name of the environment variable that holds it.",
            )
    if len({r.name for r in routes}) < len(routes):
        raise Invalid("alerts.name", f"{where}: two routes have the same name.", hint="Rename one.")
    return routes


def route_accepts(route: Route, message: Message) -> bool:
    """Whether the route takes messages of this model, severity and these owners. Pure."""
    severe = SEVERITIES.index(message.severity) >= SEVERITIES.index(route.severity)
    owned = not route.owners or bool(set(route.owners) & set(message.owners))
    return severe and owned and (not route.models or message.model in route.models)


def compose_message(
    key: str,
    severity: str,
    text: str,
    about: dict[str, Any],
    *,
    problem: str = "",
    over: bool = False,
    owners: Sequence[str] = (),
) -> Message:
    """A message whose record is what it is about, with its key and text.

    Parameters
    ----------
    key, severity, text, over, owners
        As in the message.
    about
        Plain JSON values that say what it is about, `model` among them.
    problem
        The problem that it belongs to; itself when "".
    """
    record = {"key": key, "text": text, **about}
    return Message(key, severity, text, record, problem or key, over, tuple(owners))
