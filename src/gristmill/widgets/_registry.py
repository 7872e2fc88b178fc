"""`ModelRegistry`: every version, searched and paged; register from a run; cards; comparisons."""

from __future__ import annotations

import ipywidgets as widgets

from gristmill.drawing import Badge, format_amount, render_macro
from gristmill.project import Project
from gristmill.registry import (
    Candidate,
    Card,
    Version,
    candidates,
    read_card,
    register_run,
)
from gristmill.widgets._compare import CompareModels
from gristmill.widgets._panel import PANELS, Panel, html
from gristmill.widgets._version_picker import NEWEST, VersionPage, search_versions

SIZE = 10
METRICS = 3
TICK, CARD = "8rem", "4.2rem"
HEAD = ("aliases", "created", "by", "commit", "metrics")


def _fixed_width(width: str) -> widgets.Layout:
    return widgets.Layout(width=width, flex="0 0 auto")


class Row:
    """One line of the list, used again for every page."""

    def __init__(self, panel: ModelRegistry) -> None:
        self.number = 0
        self.pick = widgets.Checkbox(indent=False, layout=_fixed_width(TICK))
        self.cells = html()
        self.card = panel.button("Card", lambda: panel.show_card(self.number))
        self.card.layout = _fixed_width(CARD)
        self.box = widgets.HBox([self.pick, self.cells, self.card])
        self.box.layout.align_items = "center"
        self.pick.observe(lambda c: panel.pick(self.number, c["new"]), "value")

    def fill(self, version: Version | None, *, picked: bool) -> None:
        self.box.layout.display = "none" if version is None else ""
        if version is None:
            return
        self.number = 0  # so that the change below is not taken for a person's
        self.pick.value = picked
        self.number = version.version
        self.pick.description = f"version {version.version}"
        self.card.tooltip = f"Card of version {version.version}"
        self.cells.value = _cells(version)


class ModelRegistry(Panel):
    """The versions of a model: compare two or more, read cards, register what a run has made.

    Parameters
    ----------
    model
        The model; None for the project's first.
    project
        The project; None for that of the working directory.
    actor
        Who acts; None for whoever the command line would say.
    """

    def __init__(
        self, model: str | None = None, *, project: Project | None = None, actor: str | None = None
    ) -> None:
        super().__init__(model, project, actor)
        self.start = 0
        self.picked: tuple[int, ...] = ()
        self.search = widgets.Text(
            description="Search",
            placeholder="number, alias, author, commit",
            continuous_update=False,
        )
        self.order = widgets.Dropdown(options=[NEWEST], description="Order")
        self.rows = [Row(self) for _ in range(SIZE)]
        self.count = html()
        self.back = self.button("Newer", lambda: self._turn(-SIZE), hint="Page before")
        self.next = self.button("Older", lambda: self._turn(SIZE), hint="Next page")
        self.compare = self.button("Compare ticked", self.show_comparison, kind="primary")
        self.runs = widgets.Dropdown(
            description="Run", layout=widgets.Layout(width="min(100%, 44rem)")
        )
        self.register = self.button(
            "Register", self.register_run, kind="success", hint="Register the model of this run"
        )
        self.below = widgets.VBox([])
        self.model.observe(lambda _: self._first(), "value")
        for control in (self.search, self.order):
            control.observe(lambda _: self._first(), "value")
        wrap = widgets.Layout(flex_flow="row wrap")
        self.show(
            widgets.HBox([self.model, self.search, self.order], layout=wrap),
            widgets.HBox(
                [
                    widgets.HTML("", layout=_fixed_width(TICK)),
                    html(render_macro(PANELS, "head", HEAD)),
                    widgets.HTML("", layout=_fixed_width(CARD)),
                ]
            ),
            *(r.box for r in self.rows),
            widgets.HBox([self.back, self.next, self.compare, self.count], layout=wrap),
            widgets.HBox([self.runs, self.register], layout=wrap),
            self.below,
        )
        self.refresh()

    def refresh(self) -> None:
        model = self.model.value
        if model is None:
            return
        query, order, start = self.search.value, self.order.value, self.start
        self.do(
            "Looking for versions",
            lambda _: search_versions(
                self.project, model, query, order=order, start=start, size=SIZE
            ),
            self._fill,
        )
        if model in self.project.models:
            self.do("Looking for runs", lambda _: candidates(self.project, model), self._fill_runs)

    def pick(self, number: int, picked: bool) -> None:
        """Tick a version or take the tick away; ticks stay when the page turns."""
        if not number:
            return
        left = tuple(n for n in self.picked if n != number)
        self.picked = (*left, number) if picked else left
        self._count()

    def show_comparison(self) -> None:
        self.below.children = (
            CompareModels(
                self.model.value, tuple(sorted(self.picked)), project=self.project, actor=self.actor
            ),
        )

    def show_card(self, number: int) -> None:
        model = self.model.value
        self.do(
            f"Writing the card of version {number}: scoring its hold-out",
            lambda _: read_card(self.project, model, number),
            self._draw_card,
            quiet=False,
        )

    def register_run(self) -> None:
        model, run = self.model.value, self.runs.value
        self.do(
            f"Registering what run {run} made",
            lambda _: register_run(self.project, model, run, actor=self.actor),
            lambda v: self.done(f"{v.model} version {v.version} is what run {run} made."),
            quiet=False,
        )

    def _draw_card(self, card: Card) -> None:
        self.below.children = (html(render_macro(PANELS, "card", card.title, card.blocks())),)

    def _first(self) -> None:
        self.start = 0
        self.refresh()

    def _turn(self, by: int) -> None:
        self.start = max(0, self.start + by)
        self.refresh()

    def _fill(self, page: VersionPage) -> None:
        self.page, self.start = page, page.start
        for i, row in enumerate(self.rows):
            version = page.versions[i] if i < len(page.versions) else None
            row.fill(version, picked=version is not None and version.version in self.picked)
        options = [NEWEST, *page.metrics]
        if list(self.order.options) != options:
            order = self.order.value
            self.order.options = options
            self.order.value = order if order in options else NEWEST
        self._count()

    def _count(self) -> None:
        page = self.page
        last = page.start + len(page.versions)
        some = (
            f"{page.start + 1:,} to {last:,} of {page.total:,}"
            if page.total
            else "No version matches"
        )
        ticked = f"; ticked: {', '.join(f'v{n}' for n in self.picked)}" if self.picked else ""
        self.count.value = render_macro(PANELS, "status", some + ticked)

    def _fill_runs(self, runs: list[Candidate]) -> None:
        """The run that was chosen stays so; else the newest unregistered one, else the newest."""
        selected = self.runs.value
        self.runs.options = [(_run(c), c.run) for c in runs]
        names = [c.run for c in runs]
        new = [c.run for c in runs if c.version is None]
        self.runs.value = selected if selected in names else next(iter(new + names), None)


def _run(candidate: Candidate) -> str:
    made = f", version {candidate.version}" if candidate.version else ", not registered"
    commit = (candidate.lineage.commit or "")[:8] or "no commit"
    return f"{candidate.run} ({candidate.lineage.step}, {commit}){made}"


def _cells(version: Version) -> str:
    commit = (version.lineage.commit or "–")[:8] + ("+" if version.lineage.dirty else "")
    metrics = sorted(version.metrics.items())
    figures = ", ".join(f"{k} {format_amount(v)}" for k, v in metrics[:METRICS])
    more = f" (+{len(metrics) - METRICS})" if len(metrics) > METRICS else ""
    return render_macro(
        PANELS,
        "line",
        [Badge(a, "alias", pill=True) for a in version.aliases],
        f"{version.created:%Y-%m-%d %H:%M}",
        version.author,
        commit,
        figures + more,
    )
