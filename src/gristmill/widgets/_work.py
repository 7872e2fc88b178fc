"""Work for a widget: a verb in a thread, its result on the kernel's loop, errors as notices."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakSet

import ipywidgets as widgets

from gristmill.drawing import macro
from gristmill.errors import GristmillError
from gristmill.project import Project
from gristmill.registry import Registry, current_actor

T = TypeVar("T")
PANELS = "widgets/panels.html"
Tell = Callable[[str], None]
log = logging.getLogger(__name__)
_panels: WeakSet[Panel] = WeakSet()


class Panel(widgets.VBox):  # type: ignore[misc]
    """A widget that works: what it is doing, what went wrong, and its parts.

    One piece of work at a time, in the order asked for. `model` None is the project's only model,
    or its first; `actor` None is whoever the command line would say: on a page published with Voila
    everybody acts as the server's account, whose roles say what visitors may do.
    """

    def __init__(self, model: str | None, project: Project | None, actor: str | None) -> None:
        self.project = project or Project.find()
        self.actor = actor or current_actor(self.project)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="gristmill-widget")
        self._waiting = 0
        self._busy = widgets.HTML(macro(PANELS, "busy", ""))
        self._notice = widgets.HTML("")
        names = sorted({*self.project.models, *Registry(self.project).models()})
        self.model = widgets.Dropdown(
            options=names, value=model or next(iter(names), None), description="Model",
        )  # fmt: skip
        self._style = widgets.HTML(macro(PANELS, "style"))
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
        words: str,
        call: Callable[[Tell], T],
        then: Callable[[T], None],
        *,
        quiet: bool = True,
    ) -> None:
        """Call `call` in the thread and `then`, with its result, on the loop that runs now.

        `call` may say how far it is. Its error becomes a notice and `then` is not called. A notice
        that stands goes away unless `quiet`. Where no loop runs, all is done at once.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        self._waiting += 1
        self._say(words)
        if not quiet:
            self._notice.value = ""
        if loop is None:
            self._settle(_outcome(call, self._say), then)
            return

        def tell(text: str) -> None:
            loop.call_soon_threadsafe(self._say, text)

        def work() -> None:
            outcome = _outcome(call, tell)
            loop.call_soon_threadsafe(self._settle, outcome, then)

        self._pool.submit(work)

    def done(self, text: str) -> None:
        """Say that something was changed, and let every other panel of the project look again."""
        self._notice.value = macro(PANELS, "done", text)
        for panel in list(_panels):
            if panel.project.root == self.project.root:
                panel.refresh()

    def fail(self, error: GristmillError) -> None:
        self._notice.value = macro(PANELS, "failed", error)

    def button(self, words: str, act: Callable[[], None], *, kind: str = "", hint: str = "") -> Any:
        """A button that acts unless work is under way. It stays enabled, for a disabled one would
        lose the keyboard's focus."""
        made = widgets.Button(description=words, button_style=kind, tooltip=hint or words)
        made.layout = widgets.Layout(width="auto", align_self="flex-start")
        made.on_click(lambda _: None if self._waiting else act())
        return made

    def _settle(self, outcome: Any, then: Callable[[Any], None]) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._say("")
        if isinstance(outcome, GristmillError):
            self.fail(outcome)
            return
        problem = _outcome(lambda _: then(outcome), self._say)
        if isinstance(problem, GristmillError):
            self.fail(problem)

    def _say(self, text: str) -> None:
        self._busy.value = macro(PANELS, "busy", text)


def _outcome(call: Callable[[Tell], T], tell: Tell) -> T | GristmillError:
    """The call's result or error; a fault of ours is logged whole and shown in short."""
    try:
        return call(tell)
    except GristmillError as error:
        return error
    except Exception as error:  # the last stop before a person
        log.exception("a widget's work failed")
        return GristmillError(
            "widget.unexpected",
            f"{type(error).__name__}: {error}",
            hint="The kernel's log has the traceback.",
        )


def html(text: str = "") -> Any:
    made = widgets.HTML(text)
    made.layout.width = "100%"
    return made
