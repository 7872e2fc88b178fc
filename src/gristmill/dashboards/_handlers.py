"""The base of the dashboard's handlers: who visits, which models they see, how errors look."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import tornado.web
from jupyter_server.base.handlers import JupyterHandler

from gristmill.dashboards._access import PREFIX, viewers_of, visible_models
from gristmill.drawing import document
from gristmill.errors import GristmillError, NotFound
from gristmill.project import Project

POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'; frame-ancestors 'self'"
)


class DashboardHandler(JupyterHandler):
    """Sends pages with their headers, and errors as pages."""

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
            message, hint = "This page could not be shown.", "See the server's log for the reason."
        self.clear_header("Content-Disposition")
        self.send(problem_page(self.get_status(), message, hint, self.base_url))

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        """An error that the page explains is not a fault of the server."""
        if isinstance(error, GristmillError):
            self.log.warning("%s %s: %s", error.status, self.request.path, error)
        else:
            super().log_exception(kind, error, trace)


class PageHandler(DashboardHandler):
    """A page of the project; logging in comes first when there is a token."""

    def initialize(self, project: Project) -> None:
        self.project = project

    def visible_models(self, project: Project) -> tuple[str, ...]:
        """The models that the visitor may see."""
        return visible_models(self.current_user.username, viewers_of(project), project.models)

    def require(self, project: Project, name: str) -> None:
        if name not in self.visible_models(project):
            raise unknown_model(name)

    @property
    def is_viewer(self) -> bool:
        return str(self.current_user.username).startswith(PREFIX)


class NotFoundHandler(DashboardHandler):
    """Every address without a page."""

    @tornado.web.authenticated
    def get(self) -> None:
        raise NotFound(
            "dashboard.page",
            f"There is no page {self.request.path}.",
            hint="Start from the overview, which links to every page.",
        )


def unknown_model(name: str) -> NotFound:
    """The same for a model that is not declared and for one that the visitor may not see."""
    return NotFound(
        "dashboard.model",
        f"There is no model {name!r}, or you may not see it.",
        hint="Declare it as [models.NAME] in gristmill.toml, or ask its owner for access.",
    )


def problem_page(status: int, message: str, hint: str, base: str) -> str:
    """What is wrong and what to do, with the way back. Pure.

    Parameters
    ----------
    status
        The HTTP status.
    message, hint
        What is wrong; what to do, or "".
    base
        The path that the dashboard's addresses begin with.

    Returns
    -------
    str
        HTML.
    """
    return document("dashboards/problem.html", status=status, message=message, hint=hint, base=base)
