"""Who sees which models on a published dashboard: the `[dashboard]` table of the settings."""

from __future__ import annotations

import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from jupyter_server.auth.identity import PasswordIdentityProvider, User

from gristmill.errors import Invalid
from gristmill.project import SETTINGS, Project
from gristmill.records import parse_table

PREFIX = "viewer:"


@dataclass(frozen=True)
class Viewer:
    """A `[dashboard.viewers.NAME]` table: somebody who may look and not act.

    Attributes
    ----------
    token
        The environment variable that holds what the viewer logs in with.
    models
        Patterns of the models that the viewer sees (`*`: all).
    """

    token: str
    models: tuple[str, ...] = ("*",)


@dataclass(frozen=True)
class DashboardSettings:
    """The `[dashboard]` table.

    Attributes
    ----------
    viewers
        A table for each viewer, by name.
    """

    viewers: Mapping[str, Any] = field(default_factory=dict)


def viewers_of(project: Project) -> dict[str, Viewer]:
    """The declared viewers by name. Raises Invalid for a bad table or a token that is not set."""
    where = f"{SETTINGS} [dashboard]"
    table = parse_table(DashboardSettings, project.table("dashboard"), where).viewers
    viewers = {n: parse_table(Viewer, t, f"{where} viewers.{n}") for n, t in table.items()}
    for name, viewer in viewers.items():
        if not os.environ.get(viewer.token):
            raise Invalid(
                "dashboard.token",
                f"viewer {name}: the environment variable {viewer.token} is not set.",
                hint="Set it to the viewer's token where the dashboard runs.",
            )
    return viewers


def visible_models(
    username: str, viewers: Mapping[str, Viewer], models: Iterable[str]
) -> tuple[str, ...]:
    """The models that a user may see; somebody who is not a viewer sees all. Pure."""
    if not username.startswith(PREFIX):
        return tuple(models)
    viewer = viewers.get(username.removeprefix(PREFIX))
    patterns = viewer.models if viewer else ()
    return tuple(m for m in models if any(fnmatchcase(m, p) for p in patterns))


class TokenIdentityProvider(PasswordIdentityProvider):
    """One token for who may act, one for each viewer."""

    viewers: Mapping[str, Viewer] = {}

    def viewer(self, token: str) -> User | None:
        for name, viewer in self.viewers.items():
            secret = os.environ.get(viewer.token, "")
            if secret and hmac.compare_digest(token.encode(), secret.encode()):
                return User(username=PREFIX + name, name=name, display_name=name)
        return None

    async def get_user_token(self, handler: Any) -> User | None:
        token = self.get_token(handler)
        return (self.viewer(token) if token else None) or await super().get_user_token(handler)

    def process_login_form(self, handler: Any) -> User | None:
        token = handler.get_argument("password", default="")
        return self.viewer(token) or super().process_login_form(handler)
