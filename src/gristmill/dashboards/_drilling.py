"""Evidently's report on a window, on the dashboard: drawn when asked for, shown in a sandbox.

The report's HTML holds values that came with requests, and scripts of others. So it is served with
an origin of its own, that may run its scripts and ask nobody for anything.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import tornado.web

from gristmill.dashboards._drill_page import drill_page
from gristmill.dashboards._handlers import Page
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
class Drawing:
    """One that is under way, or failed with a `problem`."""

    share: float = 0.0
    words: str = "waiting in the queue"
    problem: str = ""


class Drawings:
    """Draws one report after another, beside the server, which need not wait for it to end."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._known: dict[tuple[str, str], Drawing] = {}

    def state(self, model: str, window: str) -> Drawing | None:
        return self._known.get((model, window))

    def begin(self, project: Project, model: str, window: WindowReport) -> None:
        """Draw it unless that is under way; one that failed is tried again."""
        key = (model, window_name(window))
        held = self._known.get(key)
        if held is None or held.problem:
            self._known[key] = Drawing()
            task = (project, model, window)
            threading.Thread(target=self._draw, args=task, name="drill-down", daemon=True).start()

    def _draw(self, project: Project, model: str, window: WindowReport) -> None:
        key = (model, window_name(window))
        drawing = self._known[key]

        def progress(share: float, words: str) -> None:
            drawing.share, drawing.words = share, words

        try:
            start = window.start.isoformat()
            with self._turn:
                drill_down(project, model, start, version=window.version, progress=progress)
            del self._known[key]
        except GristmillError as error:
            drawing.problem = str(error)
        except Exception as error:
            drawing.problem = f"{type(error).__name__}: {error}"
            logging.getLogger(__name__).exception("drawing %s of %s", *key[::-1])


class Drilling(Page):
    """Pages about one window's report."""

    def initialize(self, project: Project, drawings: Drawings) -> None:  # type: ignore[override]
        super().initialize(project)
        self.drawings = drawings

    def window(self, model: str, window: str) -> tuple[Project, WindowReport]:
        project = Project.load(self.project.root)
        self.require(project, model)
        report = read_report(project, model)
        found = next((w for w in report.windows if window_name(w) == window), None)
        if found is None:
            raise NotFound(
                "drill.window",
                f"{model} has no window {window}.",
                hint="The page of the model links to its windows.",
            )
        return project, found

    def drawn(self, project: Project, model: str, window: WindowReport) -> DrillDown | None:
        return stored_drill_down(drill_down_path(project, model, window))


class Drill(Drilling):
    """The report in its frame, or how far it is drawn."""

    @tornado.web.authenticated
    def get(self, model: str, window: str) -> None:
        project, found = self.window(model, window)
        drawn = self.drawn(project, model, found)
        if drawn is None:
            self.drawings.begin(project, model, found)
        self.send(drill_page(project.name, model, found, drawn, self.base_url))


class DrillState(Drilling):
    """How far it is drawn, as JSON."""

    @tornado.web.authenticated
    def get(self, model: str, window: str) -> None:
        project, found = self.window(model, window)
        ready = self.drawn(project, model, found) is not None
        held = self.drawings.state(model, window)
        state = held or Drawing(
            problem="" if ready else "The report is not being drawn. Reload the page."
        )
        self.set_header("Cache-Control", "no-store")
        self.finish({"ready": ready, **vars(state)})


class DrillReport(Drilling):
    """What Evidently drew, with an origin of its own and nobody to ask."""

    @tornado.web.authenticated
    def get(self, model: str, window: str) -> None:
        project, found = self.window(model, window)
        drawn = self.drawn(project, model, found)
        if drawn is None:
            raise NotFound(
                "drill.drawn", "This report has not been drawn yet.", hint="Open the window's page."
            )
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Security-Policy", SANDBOX)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.finish(drawn.path.read_bytes())
