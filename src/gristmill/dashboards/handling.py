"""What all pages of the dashboard's server share: who looks, at what, and how errors are told."""

from __future__ import annotations

from html import escape
from http import HTTPStatus
from typing import Any

import tornado.web
from jupyter_server.base.handlers import JupyterHandler

from gristmill.dashboards.access import PREFIX, viewers_of, visible
from gristmill.drawing.document import document
from gristmill.errors import GristmillError, NotFound
from gristmill.project import Project

POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'; frame-ancestors 'self'"
)


class House(JupyterHandler):
    """Answers in the house's style, errors too: what is wrong, and what to do."""

    def send(self, html: str) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", POLICY)
        self.finish(html)

    def write_error(self, status_code: int, **about: Any) -> None:
        error = about.get("exc_info", (None, None))[1]
        message, hint = HTTPStatus(status_code).phrase, ""
        if isinstance(error, GristmillError):
            self.set_status(error.status)
            message, hint = error.message, error.hint
        elif isinstance(error, tornado.web.HTTPError) and error.log_message:
            message = error.log_message % error.args if error.args else error.log_message
        elif status_code >= 500:
            message, hint = "This page could not be made.", "The server's log says why."
        self.clear_header("Content-Disposition")
        self.send(problem_page(self.get_status(), message, hint, self.base_url))

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        """What the page tells is no fault of the server's."""
        if isinstance(error, GristmillError):
            self.log.warning("%s %s: %s", error.status, self.request.path, error)
        else:
            super().log_exception(kind, error, trace)


class Page(House):
    """A page of the project; logging in comes first when there is a token."""

    def initialize(self, project: Project) -> None:
        self.project = project

    def shown(self, project: Project) -> tuple[str, ...]:
        """The models that who asks may see."""
        return visible(self.current_user.username, viewers_of(project), project.models)

    def require(self, project: Project, name: str) -> None:
        if name not in self.shown(project):
            raise unknown(name)

    @property
    def looks_only(self) -> bool:
        return str(self.current_user.username).startswith(PREFIX)


class Missing(House):
    """Every address that is nobody's."""

    @tornado.web.authenticated
    def get(self) -> None:
        raise NotFound(
            "dashboard.page",
            f"There is no page {self.request.path}.",
            hint="Every page is reached from that of all models.",
        )


def unknown(name: str) -> NotFound:
    """The same for a model that is not declared and for one that who asks may not see."""
    return NotFound(
        "dashboard.model",
        f"There is no model {name!r} to be seen here.",
        hint="It needs a table [models.NAME] in gristmill.toml, and you the right to see it.",
    )


def problem_page(status: int, message: str, hint: str, base: str) -> str:
    """Pure: what is wrong and what to do, with the way back."""
    advice = f"<p>{escape(hint)}</p>" if hint else ""
    link = f"<a href='{escape(base)}'>All models</a>"
    body = (
        f"<section class='problem'><h2>{escape(message)}</h2>{advice}</section>"
        f"<p class='links'><a href='{escape(base)}'>Back to all models</a></p>"
    )
    return document(f"{status} · Gristmill", body, nav=link)
