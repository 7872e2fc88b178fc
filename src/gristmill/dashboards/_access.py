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
    """Somebody who logs in with what the environment variable `token` holds, and sees the `models`
    whose names match (`*`: all). Viewers look and do not act."""

    token: str
    models: tuple[str, ...] = ("*",)


@dataclass(frozen=True)
class DashboardSettings:
    viewers: Mapping[str, Any] = field(default_factory=dict)


def viewers_of(project: Project) -> dict[str, Viewer]:
    """The declared viewers by name. Raises Invalid for a bad table or a token that is not set."""
    where = f"{SETTINGS} [dashboard]"
    table = parse_table(DashboardSettings, project.table("dashboard"), where).viewers
    found = {n: parse_table(Viewer, t, f"{where} viewers.{n}") for n, t in table.items()}
    for name, viewer in found.items():
        if not os.environ.get(viewer.token):
            raise Invalid(
                "dashboard.token",
                f"viewer {name}: the environment variable {viewer.token} holds no token.",
                hint="Set it where the dashboard runs.",
            )
    return found


def visible(username: str, viewers: Mapping[str, Viewer], models: Iterable[str]) -> tuple[str, ...]:
    """Of the models those that this user may see; who is no viewer sees all. Pure."""
    if not username.startswith(PREFIX):
        return tuple(models)
    viewer = viewers.get(username.removeprefix(PREFIX))
    patterns = viewer.models if viewer else ()
    return tuple(m for m in models if any(fnmatchcase(m, p) for p in patterns))


class Tokens(PasswordIdentityProvider):
    """One token for who may act, one for each viewer."""

    viewers: Mapping[str, Viewer] = {}

    def viewer(self, typed: str) -> User | None:
        for name, viewer in self.viewers.items():
            secret = os.environ.get(viewer.token, "")
            if secret and hmac.compare_digest(typed.encode(), secret.encode()):
                return User(username=PREFIX + name, name=name, display_name=name)
        return None

    async def get_user_token(self, handler: Any) -> User | None:
        typed = self.get_token(handler)
        return (self.viewer(typed) if typed else None) or await super().get_user_token(handler)

    def process_login_form(self, handler: Any) -> User | None:
        typed = handler.get_argument("password", default="")
        return self.viewer(typed) or super().process_login_form(handler)
