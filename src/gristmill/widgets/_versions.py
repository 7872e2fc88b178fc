"""Versions found by page and search, and a box to pick some."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from gristmill.drawing import macro
from gristmill.project import Project
from gristmill.registry import Registry, Version
from gristmill.widgets._work import PANELS, Panel

NEWEST = "newest first"
LISTED = 12


@dataclass(frozen=True)
class Page:
    """Versions `start` to `start + len(versions)` of the `total` that fit; `metrics` are the names
    any version has."""

    versions: tuple[Version, ...]
    start: int
    total: int
    metrics: tuple[str, ...]


def find(
    project: Project, model: str, words: str = "", *, order: str = NEWEST, start: int = 0,
    size: int = LISTED,
) -> Page:  # fmt: skip
    """The page of the model's versions that hold each of the `words` somewhere: number, alias,
    author, commit, step. `order` is NEWEST or a metric, highest first."""
    every = Registry(project).versions(model)
    wanted = words.lower().split()
    fitting = [v for v in reversed(every) if all(w in _text(v) for w in wanted)]
    if order != NEWEST:
        fitting.sort(key=lambda v: -v.metrics.get(order, float("-inf")))
    start = max(0, min(start, (len(fitting) - 1) // size * size))
    names = sorted({name for v in every[-50:] for name in v.metrics})
    return Page(tuple(fitting[start : start + size]), start, len(fitting), tuple(names))


def _text(version: Version) -> str:
    parts = (
        f"v{version.version} {version.version}", *version.aliases, version.author, version.source,
        version.lineage.commit or "", version.lineage.run or "", f"{version.created:%Y-%m-%d}",
    )  # fmt: skip
    return " ".join(parts).lower()


def name(version: Version) -> str:
    """A version in a list: number, aliases, day, first metric."""
    held = f" ({', '.join(version.aliases)})" if version.aliases else ""
    first = next(iter(sorted(version.metrics.items())), None)
    figure = f", {first[0]} {first[1]:.4g}" if first else ""
    return f"version {version.version}{held}, {version.created:%Y-%m-%d}{figure}"


class Picker(widgets.VBox):  # type: ignore[misc]
    """Search, and a list of the versions found. `many` may be picked, across searches, else one.

    `picked` calls back with the numbers when they change by hand.
    """

    def __init__(self, panel: Panel, picked: Callable[[], None], *, many: bool) -> None:
        self.panel = panel
        self.numbers: tuple[int, ...] = ()
        self._many, self._picked, self._own = many, picked, False
        self.search = widgets.Text(
            description="Search",
            placeholder="number, alias, author, commit",
            continuous_update=False,
        )
        box = widgets.SelectMultiple if many else widgets.Select
        self.list = box(options=[], rows=6, description="Versions" if many else "Version")
        self.list.layout.width = "min(100%, 34rem)"
        self.search.observe(lambda _: self.refresh(), "value")
        self.list.observe(self._changed, "value")
        self.note = widgets.HTML("")
        parts = [self.search, self.list, self.note]
        if many:
            parts.append(panel.button("Clear", lambda: self.choose(()), hint="Clear the selection"))
        super().__init__(parts)

    def refresh(self) -> None:
        """Read the registry again, keep what is picked."""
        model, words = self.panel.model.value, self.search.value
        if model is None:
            return
        self.panel.do(
            "Looking for versions", lambda _: find(self.panel.project, model, words), self._fill
        )

    def choose(self, numbers: tuple[int, ...]) -> None:
        self.numbers = numbers
        self._mark()
        self._picked()

    def _fill(self, page: Page) -> None:
        self._own = True
        self.list.options = [(name(v), v.version) for v in page.versions]
        self._own = False
        if not self._many and not self.numbers and page.versions:
            self.choose((page.versions[0].version,))
        more = page.total - len(page.versions)
        self._more = f"{more:,} more; search to find them. " if more else ""
        self._mark()

    def _mark(self) -> None:
        listed = [value for _, value in self.list.options]
        shown = tuple(n for n in self.numbers if n in listed)
        self._own = True
        self.list.value = shown if self._many else next(iter(shown), None)
        self._own = False
        picked = ", ".join(f"v{n}" for n in self.numbers) if self._many else ""
        text = getattr(self, "_more", "") + (
            f"Selected, the first as baseline: {picked}." if picked else ""
        )
        self.note.value = macro(PANELS, "note", text)

    def _changed(self, change: Any) -> None:
        if self._own:
            return
        if self._many:
            listed = {value for _, value in self.list.options}
            kept = [n for n in self.numbers if n not in listed or n in change["new"]]
            self.numbers = (*kept, *(n for n in sorted(change["new"]) if n not in kept))
        else:
            self.numbers = (change["new"],) if change["new"] is not None else self.numbers
        self._mark()
        self._picked()
