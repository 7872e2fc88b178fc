"""`gristmill dashboard`: pages at once, and a Voila notebook that starts when somebody opens it.

The pages are drawn from stored reports. Voila runs in the same server, on the same port, without
foreign requests; a kernel that nobody uses is ended.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import tornado.web
from prometheus_client import CONTENT_TYPE_LATEST
from traitlets.config import Config
from voila.app import Voila
from voila.tornado.handler import TornadoVoilaHandler

from gristmill.dashboards._access import TokenIdentityProvider, viewers_of, visible_models
from gristmill.dashboards._drill_handlers import (
    DrillDownPageHandler,
    DrillDownQueue,
    DrillDownReportHandler,
    DrillDownStateHandler,
)
from gristmill.dashboards._export import printed
from gristmill.dashboards._handlers import (
    DashboardHandler,
    NotFoundHandler,
    PageHandler,
    unknown_model,
)
from gristmill.dashboards._page import model_page, overview
from gristmill.dashboards._state import read_state
from gristmill.drawing import compile_templates
from gristmill.errors import Forbidden, Invalid
from gristmill.files import replacing
from gristmill.monitoring import Sample, acknowledge, metric_samples, prometheus_text, snooze
from gristmill.project import Project, finds_project
from gristmill.workspace_trust import require_trust

HERE = Path(__file__).parent
TEMPLATES = HERE.parent / "templates/dashboards"
NOTEBOOK = "explore.ipynb"
FOLDER = "dashboards"
PROJECT = "GRISTMILL_PROJECT"
IDLE_SECONDS = 300
LAST_PORT = 65535


class OverviewHandler(PageHandler):
    @tornado.web.authenticated
    def get(self) -> None:
        project = Project.load(self.project.root)
        states = [read_state(project, name) for name in self.visible_models(project)]
        self.send(overview(project.name, states, self.base_url))


class ModelPageHandler(PageHandler):
    @tornado.web.authenticated
    def get(self, name: str) -> None:
        project = Project.load(self.project.root)
        self.require(project, name)
        explore = f"{self.base_url}voila/render/{NOTEBOOK}?model={quote(name)}"
        xsrf = "" if self.is_viewer else self.xsrf_token.decode()
        state = read_state(project, name)
        self.send(model_page(project.name, state, self.base_url, explore, xsrf))


class AlertHandler(PageHandler):
    """A person's decision on an alert, from the page's buttons."""

    @tornado.web.authenticated
    def post(self, alert: str) -> None:
        project = Project.load(self.project.root)
        if self.is_viewer:
            raise Forbidden(
                "dashboard.viewer",
                "Viewers can look at alerts but not change them.",
                hint="Sign in with the server's own token to acknowledge or snooze an alert.",
            )
        verb, until = self.get_body_argument("verb"), self.get_body_argument("until", "")
        if verb == "acknowledge":
            changed_alert = acknowledge(project, alert, reason="on the dashboard")
        elif verb == "snooze":
            changed_alert = snooze(project, alert, until=until, reason="on the dashboard")
        else:
            raise Invalid(
                "dashboard.verb",
                f"There is no action {verb!r} on an alert.",
                hint="Acknowledge or snooze it.",
            )
        self.redirect(f"{self.base_url}model/{quote(changed_alert.model)}")


class ExportHandler(PageHandler):
    """A model's page as a file."""

    @tornado.web.authenticated
    async def get(self, name: str, kind: str) -> None:
        project = Project.load(self.project.root)
        self.require(project, name)
        html = model_page(project.name, read_state(project, name)).encode()
        loop = asyncio.get_running_loop()
        data = await loop.run_in_executor(None, printed, html) if kind == "pdf" else html
        mime = "application/pdf" if kind == "pdf" else "text/html; charset=utf-8"
        self.set_header("Content-Type", mime)
        self.set_header("Content-Disposition", f'attachment; filename="{quote(name)}.{kind}"')
        self.finish(data)


class MetricsHandler(PageHandler):
    """Prometheus scrapes this."""

    @tornado.web.authenticated
    def get(self) -> None:
        project = Project.load(self.project.root)
        figures: list[Sample] = []
        for name in self.visible_models(project):
            state = read_state(project, name)
            if state.report is not None:
                figures += metric_samples(state.report, list(state.alerts), state.now)
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.finish(prometheus_text(figures))


class NotebookHandler(DashboardHandler, TornadoVoilaHandler):  # type: ignore[misc]
    """The notebook, for a model that the visitor may see."""

    async def prepare(self) -> None:  # type: ignore[override]
        await super().prepare()
        if self.current_user is None:
            return
        project = Project.load(Path(os.environ[PROJECT]))
        username = str(self.current_user.username)
        models = visible_models(username, viewers_of(project), project.models)
        for name in self.get_query_arguments("model") or project.models[:1]:
            if name not in models:
                raise unknown_model(name)


class Dashboard(Voila):  # type: ignore[misc]
    """Voila with our pages in front of it."""

    project: Project
    ready: Callable[[str], None]

    def setup_template_dirs(self) -> None:
        super().setup_template_dirs()
        self.template_paths.insert(0, str(HERE / "voila"))

    def init_handlers(self) -> list[Any]:
        about = {"project": self.project}
        self.identity_provider.viewers = viewers_of(self.project)
        base, drawings = self.base_url, {**about, "drawings": DrillDownQueue()}
        window = r"drill/([^/]+)/(v\d+-\d{8}T\d\d)"
        return [
            (base, OverviewHandler, about),
            (base + r"model/([^/]+)", ModelPageHandler, about),
            (base + r"export/([^/]+)\.(html|pdf)", ExportHandler, about),
            (base + r"alert/([0-9a-f]+)", AlertHandler, about),
            (base + window, DrillDownPageHandler, drawings),
            (base + window + "/state", DrillDownStateHandler, drawings),
            (base + window + r"/report\.html", DrillDownReportHandler, drawings),
            (base + r"metrics", MetricsHandler, about),
            *(
                (h[0], NotebookHandler, *h[2:]) if h[1] is TornadoVoilaHandler else h
                for h in super().init_handlers()
                if h[0] != self.server_url
            ),
            (base + r".*", NotFoundHandler),
        ]

    def listen(self) -> None:
        self.ready(self.display_url)
        super().listen()


@finds_project
def serve_dashboard(
    project: Project,
    *,
    ready: Callable[[str], None],
    port: int = 8866,
    host: str = "127.0.0.1",
    token: str | None = None,
) -> None:
    """Serve the dashboard until interrupted.

    Parameters
    ----------
    project
        The project.
    ready
        Called once with the address.
    port
        The port.
    host
        The IP address to listen on.
    token
        What visitors log in with; None makes one, which `ready`'s address holds. "" lets in
        everybody on this machine, to act in the owner's name.

    Raises
    ------
    Invalid
        `dashboard.host`, for what is not an IP address; `dashboard.port`, for no port's number.
    Forbidden
        `project.untrusted`; `dashboard.open`, for an address that others reach without a token.
    """
    require_trust(project.root)
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError as error:
        raise Invalid(
            "dashboard.host", f"{host!r} is not an IP address.", hint="Use for example 127.0.0.1."
        ) from error
    if not 1 <= port <= LAST_PORT:
        raise Invalid(
            "dashboard.port",
            f"{port} is not a port.",
            hint=f"Use a number from 1 to {LAST_PORT}.",
        )
    viewers_of(project)
    if not loopback and token == "":
        raise Forbidden(
            "dashboard.open",
            f"A dashboard on {host} would be open to everybody who can reach this machine.",
            hint="Leave --token out, and one is made; or serve on 127.0.0.1.",
        )
    os.environ[PROJECT] = str(project.root)
    compile_templates("dashboards")
    app = Dashboard(config=_config(host, port))
    app.project, app.ready = project, ready
    app.token, app.auto_token = token, token is None
    app.initialize([str(notebooks(project))])
    app.start()


def notebooks(project: Project) -> Path:
    """Where the exploring notebook is: the project's own, or the template."""
    own_folder = project.root / FOLDER
    return own_folder if (own_folder / NOTEBOOK).is_file() else TEMPLATES


@finds_project
def copy_notebook(project: Project) -> Path:
    """Copy the exploring notebook into the project, to be changed there; an existing copy stays.

    Parameters
    ----------
    project
        The project.

    Returns
    -------
    Path
        Where it is.
    """
    target = project.root / FOLDER / NOTEBOOK
    if not target.exists():
        with replacing(target) as aside:
            shutil.copyfile(TEMPLATES / NOTEBOOK, aside)
    return target


def _config(host: str, port: int) -> Config:
    config = Config()
    config.Voila.ip = host
    config.Voila.port = port
    config.Voila.port_retries = 0
    config.Voila.open_browser = False
    config.Voila.identity_provider_class = TokenIdentityProvider
    config.TokenIdentityProvider.allow_password_change = False
    config.Voila.tornado_settings = {"allow_remote_access": False, "local_hostnames": ["localhost"]}
    config.VoilaConfiguration.extension_denylist = ["gristmill"]  # it needs JupyterLab's own parts
    config.VoilaConfiguration.template = "lab"
    config.VoilaConfiguration.allow_template_override = "NO"
    config.VoilaConfiguration.show_tracebacks = False
    config.VoilaConfiguration.file_allowlist = []
    config.MappingKernelManager.cull_idle_timeout = IDLE_SECONDS
    config.MappingKernelManager.cull_interval = 60
    return config
