"""A model's versions, searched and paged, and a box to pick some."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from gristmill.drawing import render_macro
from gristmill.project import Project
from gristmill.registry import Registry, Version
from gristmill.widgets._panel import PANELS, Panel

NEWEST = "newest first"
LISTED = 12


@dataclass(frozen=True)
class VersionPage:
    """A page of a model's versions.

    Attributes
    ----------
    versions
        Those on the page.
    start
        The number of the first one among those that match, from 0.
    total
        How many match.
    metrics
        Names of the metrics that any version has.
    """

    versions: tuple[Version, ...]
    start: int
    total: int
    metrics: tuple[str, ...]


def search_versions(
    project: Project, model: str, query: str = "", *, order: str = NEWEST, start: int = 0,
    size: int = LISTED,
) -> VersionPage:  # fmt: skip
    """A page of the versions that match a query.

    Parameters
    ----------
    project
        The project.
    model
        The model's name.
    query
        Words; each must occur in the number, alias, author, commit, run or day.
    order
        NEWEST, or a metric, highest first.
    start
        The number of the first version of the page, from 0.
    size
        Versions on the page.

    Returns
    -------
    VersionPage
        The nearest page that has versions.
    """
    versions = Registry(project).versions(model)
    terms = query.lower().split()
    matching = [v for v in reversed(versions) if all(w in _text(v) for w in terms)]
    if order != NEWEST:
        matching.sort(key=lambda v: -v.metrics.get(order, float("-inf")))
    start = max(0, min(start, (len(matching) - 1) // size * size))
    names = sorted({name for v in versions[-50:] for name in v.metrics})
    return VersionPage(tuple(matching[start : start + size]), start, len(matching), tuple(names))


def _text(version: Version) -> str:
    parts = (
        f"v{version.version} {version.version}", *version.aliases, version.author, version.source,
        version.lineage.commit or "", version.lineage.run or "", f"{version.created:%Y-%m-%d}",
    )  # fmt: skip
    return " ".join(parts).lower()


def version_label(version: Version) -> str:
    """A version in a list: number, aliases, day, first metric."""
    aliases = f" ({', '.join(version.aliases)})" if version.aliases else ""
    first_metric = next(iter(sorted(version.metrics.items())), None)
    figure = f", {first_metric[0]} {first_metric[1]:.4g}" if first_metric else ""
    return f"version {version.version}{aliases}, {version.created:%Y-%m-%d}{figure}"


class Picker(widgets.VBox):  # type: ignore[misc]
    """A search box and a list of versions; `many` may be picked, across searches, or one.

    `on_pick` is called when a person changes what is picked.
    """

    def __init__(self, panel: Panel, on_pick: Callable[[], None], *, many: bool) -> None:
        self.panel = panel
        self.numbers: tuple[int, ...] = ()
        self._many, self._on_pick, self._updating = many, on_pick, False
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
        model, query = self.panel.model.value, self.search.value
        if model is None:
            return
        self.panel.do(
            "Looking for versions",
            lambda _: search_versions(self.panel.project, model, query),
            self._fill,
        )

    def choose(self, numbers: tuple[int, ...]) -> None:
        self.numbers = numbers
        self._mark()
        self._on_pick()

    def _fill(self, page: VersionPage) -> None:
        self._updating = True
        self.list.options = [(version_label(v), v.version) for v in page.versions]
        self._updating = False
        if not self._many and not self.numbers and page.versions:
            self.choose((page.versions[0].version,))
        more = page.total - len(page.versions)
        self._remaining = f"{more:,} more; search to find them. " if more else ""
        self._mark()

    def _mark(self) -> None:
        listed = [value for _, value in self.list.options]
        shown = tuple(n for n in self.numbers if n in listed)
        self._updating = True
        self.list.value = shown if self._many else next(iter(shown), None)
        self._updating = False
        picked = ", ".join(f"v{n}" for n in self.numbers) if self._many else ""
        text = getattr(self, "_remaining", "") + (
            f"Selected, the first as baseline: {picked}." if picked else ""
        )
        self.note.value = render_macro(PANELS, "note", text)

    def _changed(self, change: Any) -> None:
        if self._updating:
            return
        if self._many:
            listed = {value for _, value in self.list.options}
            still_picked = [n for n in self.numbers if n not in listed or n in change["new"]]
            self.numbers = (
                *still_picked,
                *(n for n in sorted(change["new"]) if n not in still_picked),
            )
        else:
            self.numbers = (change["new"],) if change["new"] is not None else self.numbers
        self._mark()
        self._on_pick()
