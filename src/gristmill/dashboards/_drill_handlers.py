"""Evidently's report on a window: drawn when asked for, shown in a sandbox.

The report's HTML holds values that came with requests, and scripts of others. So it is served with
an origin of its own, in which its scripts run and can reach nothing.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import tornado.web

from gristmill.dashboards._drill_page import drill_page
from gristmill.dashboards._handlers import PageHandler
from gristmill.errors import GristmillError, NotFound
from gristmill.monitoring import (
    DrillDown,
    WindowReport,
    drill_down,
    drill_down_path,
    read_report,
    stored_drill_down,
    window_name,
)
from gristmill.project import Project

SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; frame-ancestors 'self'"
)


@dataclass
class DrillDownProgress:
    """How far a report is drawn, from 0 to 1, or the `problem` that it failed with."""

    share: float = 0.0
    message: str = "waiting in the queue"
    problem: str = ""


class DrillDownQueue:
    """Draws one report after another in threads, so that the server need not wait."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._drawings: dict[tuple[str, str], DrillDownProgress] = {}

    def state(self, model: str, window: str) -> DrillDownProgress | None:
        return self._drawings.get((model, window))

    def begin(self, project: Project, model: str, window: WindowReport) -> None:
        """Draw it unless that is under way; one that failed is tried again."""
        key = (model, window_name(window))
        progress = self._drawings.get(key)
        if progress is None or progress.problem:
            self._drawings[key] = DrillDownProgress()
            task = (project, model, window)
            threading.Thread(target=self._draw, args=task, name="drill-down", daemon=True).start()

    def _draw(self, project: Project, model: str, window: WindowReport) -> None:
        key = (model, window_name(window))
        drawing = self._drawings[key]

        def progress(share: float, message: str) -> None:
            drawing.share, drawing.message = share, message

        try:
            start = window.start.isoformat()
            with self._turn:
                drill_down(project, model, start, version=window.version, progress=progress)
            del self._drawings[key]
        except GristmillError as error:
            drawing.problem = str(error)
        except Exception as error:
            drawing.problem = f"{type(error).__name__}: {error}"
            logging.getLogger(__name__).exception("drawing %s of %s", *key[::-1])


class DrillDownHandler(PageHandler):
    """Pages about one window's report."""

    def initialize(self, project: Project, drawings: DrillDownQueue) -> None:  # type: ignore[override]
        super().initialize(project)
        self.drawings = drawings

    def window(self, model: str, window: str) -> tuple[Project, WindowReport]:
        project = Project.load(self.project.root)
        self.require(project, model)
        report = read_report(project, model)
        window_report = next((w for w in report.windows if window_name(w) == window), None)
        if window_report is None:
            raise NotFound(
                "drill.window",
                f"{model} has no window {window}.",
                hint="The page of the model links to its windows.",
            )
        return project, window_report

    def drawn(self, project: Project, model: str, window: WindowReport) -> DrillDown | None:
        return stored_drill_down(drill_down_path(project, model, window))


class DrillDownPageHandler(DrillDownHandler):
    """The report in its frame, or how far it is drawn."""

    @tornado.web.authenticated
    def get(self, model: str, window: str) -> None:
        project, window_report = self.window(model, window)
        drill_down_report = self.drawn(project, model, window_report)
        if drill_down_report is None:
            self.drawings.begin(project, model, window_report)
        self.send(drill_page(project.name, model, window_report, drill_down_report, self.base_url))


class DrillDownStateHandler(DrillDownHandler):
    """How far it is drawn, as JSON."""

    @tornado.web.authenticated
    def get(self, model: str, window: str) -> None:
        project, window_report = self.window(model, window)
        ready = self.drawn(project, model, window_report) is not None
        progress = self.drawings.state(model, window)
        state = progress or DrillDownProgress(
            problem="" if ready else "The report is not being drawn. Reload the page."
        )
        self.set_header("Cache-Control", "no-store")
        self.finish({"ready": ready, **vars(state)})


class DrillDownReportHandler(DrillDownHandler):
    """What Evidently drew, with an origin of its own, from which it can reach nothing."""

    @tornado.web.authenticated
    def get(self, model: str, window: str) -> None:
        project, window_report = self.window(model, window)
        drill_down_report = self.drawn(project, model, window_report)
        if drill_down_report is None:
            raise NotFound(
                "drill.drawn", "This report has not been drawn yet.", hint="Open the window's page."
            )
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", SANDBOX)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.finish(drill_down_report.path.read_bytes())
