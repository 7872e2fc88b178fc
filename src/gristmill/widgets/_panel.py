"""The base of the widgets: verbs run in a thread, results come back on the loop, errors show."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakSet

import ipywidgets as widgets

from gristmill.drawing import render_macro
from gristmill.errors import GristmillError
from gristmill.project import Project
from gristmill.registry import Registry, current_actor

T = TypeVar("T")
PANELS = "widgets/panels.html"
Progress = Callable[[str], None]
log = logging.getLogger(__name__)
_panels: WeakSet[Panel] = WeakSet()


class Panel(widgets.VBox):  # type: ignore[misc]
    """A widget that works: what it is doing, what went wrong, and its parts.

    One piece of work at a time, in the order asked for. On a page published with Voila everybody
    acts as the server's account, whose roles say what visitors may do.

    Parameters
    ----------
    model
        The model to show first; None for the project's first.
    project
        The project; None for that of the working directory.
    actor
        Who acts; None for whoever the command line would say.
    """

    def __init__(self, model: str | None, project: Project | None, actor: str | None) -> None:
        self.project = project or Project.find()
        self.actor = current_actor(self.project, actor)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="gristmill-widget")
        self._pending = 0
        self._busy = widgets.HTML(render_macro(PANELS, "busy", ""))
        self._notice = widgets.HTML("")
        names = sorted({*self.project.models, *Registry(self.project).models()})
        self.model = widgets.Dropdown(
            options=names, value=model or next(iter(names), None), description="Model",
        )  # fmt: skip
        self._style = widgets.HTML(render_macro(PANELS, "style"))
        super().__init__([])
        self.add_class("gristmill")  # the style's scope
        _panels.add(self)

    def show(self, *parts: widgets.Widget) -> None:
        """Lay out the parts, what is being done beneath the first."""
        first, *rest = parts
        self.children = (self._style, first, self._busy, self._notice, *rest)

    def refresh(self) -> None:
        """Read the registry again; called when another widget has changed it."""

    def do(
        self,
        activity: str,
        call: Callable[[Progress], T],
        then: Callable[[T], None],
        *,
        quiet: bool = True,
    ) -> None:
        """Run a verb in the thread, and use its result on the loop that runs now.

        Where no loop runs, all is done at once.

        Parameters
        ----------
        activity
            What is being done, for the screen.
        call
            The verb; it may report progress. Its error becomes a notice.
        then
            Called with the result, unless there was an error.
        quiet
            Keep the notice that is shown.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        self._pending += 1
        self._show_activity(activity)
        if not quiet:
            self._notice.value = ""
        if loop is None:
            self._settle(_outcome(call, self._show_activity), then)
            return

        def tell(text: str) -> None:
            loop.call_soon_threadsafe(self._show_activity, text)

        def work() -> None:
            outcome = _outcome(call, tell)
            loop.call_soon_threadsafe(self._settle, outcome, then)

        self._pool.submit(work)

    def done(self, text: str) -> None:
        """Show that something was changed, and let every other panel of the project refresh.

        Parameters
        ----------
        text
            What was changed.
        """
        self._notice.value = render_macro(PANELS, "done", text)
        for panel in list(_panels):
            if panel.project.root == self.project.root:
                panel.refresh()

    def fail(self, error: GristmillError) -> None:
        """Show an error as a notice.

        Parameters
        ----------
        error
            The error.
        """
        self._notice.value = render_macro(PANELS, "failed", error)

    def button(self, label: str, act: Callable[[], None], *, kind: str = "", hint: str = "") -> Any:
        """A button that acts unless work is under way.

        It stays enabled, for a disabled one would lose the keyboard's focus.

        Parameters
        ----------
        label
            Its text.
        act
            What it does.
        kind
            Its style, "" for the plain one.
        hint
            Its tooltip; the label when empty.
        """
        button = widgets.Button(description=label, button_style=kind, tooltip=hint or label)
        button.layout = widgets.Layout(width="auto", align_self="flex-start")
        button.on_click(lambda _: None if self._pending else act())
        return button

    def _settle(self, outcome: Any, then: Callable[[Any], None]) -> None:
        self._pending -= 1
        if not self._pending:
            self._show_activity("")
        if isinstance(outcome, GristmillError):
            self.fail(outcome)
            return
        problem = _outcome(lambda _: then(outcome), self._show_activity)
        if isinstance(problem, GristmillError):
            self.fail(problem)

    def _show_activity(self, text: str) -> None:
        self._busy.value = render_macro(PANELS, "busy", text)


def _outcome(call: Callable[[Progress], T], progress: Progress) -> T | GristmillError:
    """The call's result or error; a fault of ours is logged whole and shown in short."""
    try:
        return call(progress)
    except GristmillError as error:
        return error
    except Exception as error:  # the last stop before a person
        log.exception("a widget's work failed")
        return GristmillError(
            "widget.unexpected",
            f"{type(error).__name__}: {error}",
            hint="See the traceback in the kernel's log.",
        )


def html(text: str = "") -> Any:
    element = widgets.HTML(text)
    element.layout.width = "100%"
    return element
