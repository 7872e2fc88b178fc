"""`CompareModels`: pick two or more versions, see how they differ."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import ipywidgets as widgets

from gristmill.drawing import format_percent, render_macro
from gristmill.errors import Invalid
from gristmill.project import Project
from gristmill.registry import VersionComparison, compare, comparison_page, comparison_sections
from gristmill.widgets._panel import PANELS, Panel, html
from gristmill.widgets._version_picker import Picker

if TYPE_CHECKING:
    import plotly.graph_objects as go

LINE_COLOURS = ("#3f7fe0", "#d9601f", "#128a80", "#a05be0", "#a58200", "#d0357e")
LINE_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
TABS = ("Metrics", "Curves", "Disagreement", "Made from", "Notebook cells")


class CompareModels(Panel):
    """Two or more versions on the same hold-out rows.

    Metrics with intervals, curves over each other, where the versions disagree, and the parameters,
    lineage and notebook cells that differ.

    Parameters
    ----------
    model
        The model; None for the project's first.
    versions
        The versions to compare, the baseline first; two or more are compared at once.
    project
        The project; None for that of the working directory.
    actor
        Who acts; None for whoever the command line would say.
    """

    def __init__(
        self,
        model: str | None = None,
        versions: tuple[int, ...] = (),
        *,
        project: Project | None = None,
        actor: str | None = None,
    ) -> None:
        super().__init__(model, project, actor)
        self.comparison: VersionComparison | None = None
        self.picker = Picker(self, lambda: None, many=True)
        self.go = self.button(
            "Compare", self.run, kind="primary", hint="Compare the picked versions"
        )
        self.summary = html()
        self.parts = {title: widgets.VBox([]) for title in TABS}
        self.tabs = widgets.Tab(list(self.parts.values()), titles=TABS)
        self.tabs.layout.display = "none"
        self.model.observe(lambda _: self._model_changed(), "value")
        choice: widgets.Widget = widgets.VBox([self.model, self.picker, self.go])
        if versions:
            choice = widgets.Accordion([choice], titles=("Other versions",))
        self.show(choice, self.summary, self.tabs)
        self.picker.numbers = tuple(versions)
        self.refresh()
        if len(versions) > 1:
            self.run()

    def refresh(self) -> None:
        self.picker.refresh()

    def run(self) -> None:
        """Compare what is picked."""
        model, numbers = self.model.value, self.picker.numbers
        if len(numbers) < 2:
            self.fail(
                Invalid(
                    "compare.versions",
                    "A comparison needs at least two versions.",
                    hint="Hold Ctrl or Shift to select them; a search keeps the selection.",
                )
            )
            return
        self.do(
            "Comparing",
            lambda tell: compare(self.project, model, numbers, tell),
            self._draw,
            quiet=False,
        )

    def _model_changed(self) -> None:
        self.picker.choose(())
        self.refresh()

    def _draw(self, comparison: VersionComparison) -> None:
        self.comparison = comparison
        page = base64.b64encode(comparison_page(comparison).encode()).decode()
        numbers = "-".join(str(v.version) for v in comparison.versions)
        file = f"{comparison.model}-{numbers}.html"
        lines = comparison.summary()
        self.summary.value = render_macro(PANELS, "comparison", comparison.names, lines, file, page)
        nothing = render_macro(PANELS, "paragraph", comparison.problem)
        sections = comparison_sections(comparison)
        for title in TABS:
            self.parts[title].children = (html(sections.get(title, nothing)),)
        curved = [s for s in comparison.scored if s.curves]
        if curved:
            self.parts["Curves"].children = (curve_figure(comparison),)
        self.tabs.layout.display = ""


def curve_figure(comparison: VersionComparison) -> go.FigureWidget:
    """ROC, precision-recall and calibration curves to look into: each point says its threshold."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    titles = ("ROC", "Precision and recall", "Calibration")
    chart = go.FigureWidget(make_subplots(1, 3, subplot_titles=titles, horizontal_spacing=0.08))
    base = comparison.positive or 0.0
    for column, ends in enumerate((((0, 1), (0, 1)), ((0, 1), (base, base)), ((0, 1), (0, 1))), 1):
        grey = {"color": "#888", "dash": "dot", "width": 1}
        chart.add_scatter(
            x=ends[0], y=ends[1], mode="lines", line=grey, hoverinfo="skip", showlegend=False,
            row=1, col=column,
        )  # fmt: skip
    for i, scored in enumerate(comparison.scored):
        if scored.curves is None:
            continue
        line = {
            "color": LINE_COLOURS[i % len(LINE_COLOURS)],
            "dash": LINE_DASHES[i % len(LINE_DASHES)],
            "width": 2,
        }
        name = f"version {scored.version}"
        both = (
            (scored.curves.roc, scored.curves.roc_at()),
            (scored.curves.pr, scored.curves.pr_at()),
        )
        for column, (points, half) in enumerate(both, 1):
            chart.add_scatter(
                x=[p.x for p in points], y=[p.y for p in points], mode="lines", line=line,
                name=name, legendgroup=name, showlegend=column == 1,
                text=[f"{name}, threshold {p.threshold:.3f}" for p in points],
                row=1, col=column,
            )  # fmt: skip
            chart.add_scatter(
                x=[half.x], y=[half.y], mode="markers", marker={"color": line["color"], "size": 9},
                name=name, legendgroup=name, showlegend=False, text=[f"{name}, threshold 0.5"],
                row=1, col=column,
            )  # fmt: skip
        bins = scored.curves.calibration
        chart.add_scatter(
            x=[b.predicted for b in bins], y=[b.observed for b in bins], mode="lines+markers",
            line=line, name=name, legendgroup=name, showlegend=False,
            error_y={
                "type": "data", "symmetric": False, "thickness": 1,
                "array": [b.upper - b.observed for b in bins],
                "arrayminus": [b.observed - b.lower for b in bins],
            },
            text=[f"{name}: {format_percent(b.observed)} of {b.rows:,} rows" for b in bins],
            row=1, col=3,
        )  # fmt: skip
    chart.update_layout(
        height=380, margin={"l": 50, "r": 10, "t": 60, "b": 45}, paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)", legend={"orientation": "h", "y": 1.22}, font={"size": 12},
    )  # fmt: skip
    chart.update_xaxes(zeroline=False)
    chart.update_yaxes(zeroline=False)
    across = ("false positive rate", "recall", "predicted share")
    up = ("true positive rate", "precision", "observed share")
    for column in range(3):
        chart.update_xaxes(title_text=across[column], row=1, col=column + 1)
        chart.update_yaxes(title_text=up[column], row=1, col=column + 1)
    return chart
