"""What all pages of the dashboard's server share: who looks, at which models."""

from __future__ import annotations

import tornado.web
from jupyter_server.base.handlers import JupyterHandler

from gristmill.dashboards.access import PREFIX, viewers_of, visible
from gristmill.project import Project

POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline'; frame-ancestors 'self'"
)


class Page(JupyterHandler):
    """A page of the project; logging in comes first when there is a token."""

    def initialize(self, project: Project) -> None:
        self.project = project

    def shown(self, project: Project) -> tuple[str, ...]:
        """The models that who asks may see."""
        return visible(self.current_user.username, viewers_of(project), project.models)

    def require(self, project: Project, name: str) -> None:
        if name not in self.shown(project):
            raise tornado.web.HTTPError(404, f"no model {name!r} is declared")

    @property
    def looks_only(self) -> bool:
        return str(self.current_user.username).startswith(PREFIX)

    def send(self, html: str) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", POLICY)
        self.finish(html)
