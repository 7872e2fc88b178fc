"""The widgets of the exploring notebook: any feature, in any window, beside its reference."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from gristmill.dashboards._state import ModelState, read_state
from gristmill.drawing import render
from gristmill.errors import NotFound
from gristmill.monitoring import VersionReport, WindowReport
from gristmill.project import Project

if TYPE_CHECKING:
    import ipywidgets as widgets
    import plotly.graph_objects as go

LIGHT = {
    "text": "#1c2430",
    "reference": "#a3afbf",
    "window": "#2663c9",
    "grid": "#dfe3e8",
    "bad": "#b3302b",
}
DARK = {
    "text": "#e6eaf0",
    "reference": "#5b6878",
    "window": "#78a9ff",
    "grid": "#303946",
    "bad": "#ff8a80",
}


def requested_model() -> tuple[Project, str, bool]:
    """The project, model and whether to draw on dark, from the variables that the server set."""
    query = parse_qs(os.environ.get("QUERY_STRING", ""))
    project = Project.find(Path(os.environ.get("GRISTMILL_PROJECT") or Path.cwd()))
    names = query.get("model") or list(project.models[:1])
    if not names or names[0] not in project.models:
        raise NotFound(
            "dashboard.model",
            "gristmill.toml declares no such model.",
            hint="Choose a model on the overview.",
        )
    return project, names[0], query.get("theme") == ["dark"]


def explorer(project: Project, model: str, *, dark: bool = False) -> widgets.Widget:
    """Widgets to look into one model, by feature and window.

    Parameters
    ----------
    project
        The project.
    model
        The model's name.
    dark
        Whether to draw on a dark background.

    Returns
    -------
    ipywidgets.Widget
        The widgets, or a label that says why there is nothing to show.
    """
    import ipywidgets as widgets

    state = read_state(project, model)
    if state.report is None or not state.report.windows:
        text = state.problem or f"There is nothing to explore yet. Run gristmill monitor {model}."
        return widgets.Label(text)
    windows = [w for w in state.report.windows if w.shares]
    if not windows:
        return widgets.Label("No version in the log has reference data to compare with.")
    names = sorted({n for w in windows for n in w.shares})
    worst = [f.name for f in windows[-1].drift.features if f.name in names]
    feature = widgets.Dropdown(options=names, value=(worst or names)[0], description="Feature")
    window_choice = widgets.Dropdown(
        options=[(f"{w.start:%Y-%m-%d}, version {w.version}", i) for i, w in enumerate(windows)],
        value=len(windows) - 1,
        description="Window",
    )
    colours = DARK if dark else LIGHT
    bins_figure, time_figure, verdict = _figure(colours), _figure(colours), widgets.HTML()

    def draw(_: Any = None) -> None:
        window = windows[window_choice.value]
        _draw_bins(bins_figure, state, window, feature.value, colours)
        _draw_time(time_figure, windows, feature.value, colours)
        verdict.value = _verdict_html(window, feature.value, colours)

    feature.observe(draw, "value")
    window_choice.observe(draw, "value")
    draw()
    return widgets.VBox([widgets.HBox([feature, window_choice]), verdict, bins_figure, time_figure])


def _figure(colours: dict[str, str]) -> go.FigureWidget:
    import plotly.graph_objects as go

    figure = go.FigureWidget()
    figure.update_layout(
        height=320,
        margin={"l": 50, "r": 10, "t": 40, "b": 40},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": colours["text"]},
        bargap=0.25,
        xaxis={"gridcolor": colours["grid"]},
        yaxis={"gridcolor": colours["grid"], "tickformat": ".0%", "rangemode": "tozero"},
        legend={"orientation": "h", "y": 1.12},
    )
    return figure


def _draw_bins(
    figure: go.FigureWidget,
    state: ModelState,
    window: WindowReport,
    name: str,
    colours: dict[str, str],
) -> None:
    version = _version(state, window)
    labels = list(version.bins.get(name, ()))
    with figure.batch_update():
        figure.data = []
        shares = (("training", version.reference, "reference"), ("window", window.shares, "window"))
        for title, shares_by_bin, colour in shares:
            figure.add_bar(
                x=labels,
                y=list(shares_by_bin.get(name, ())),
                name=title,
                marker_color=colours[colour],
            )
        figure.layout.xaxis.type = "category"


def _draw_time(
    figure: go.FigureWidget, windows: list[WindowReport], name: str, colours: dict[str, str]
) -> None:
    drifts = [(w, _drift(w, name)) for w in windows]
    judged = [(w, d) for w, d in drifts if d is not None and w.drift.verdict != "inconclusive"]
    with figure.batch_update():
        figure.data = []
        figure.add_scatter(
            x=[w.start for w, _ in judged],
            y=[d.distances.moved for _, d in judged],
            mode="lines+markers",
            name="rows moved",
            line={"color": colours["window"]},
            marker={
                "size": 9,
                "color": [colours["bad"] if d.drifted else colours["window"] for _, d in judged],
            },
            text=[d.change for _, d in judged],
        )


def _verdict_html(window: WindowReport, name: str, colours: dict[str, str]) -> str:
    drift = _drift(window, name)
    return render("dashboards/explore.html", name=name, drift=drift, colour=colours["text"])


def _version(state: ModelState, window: WindowReport) -> VersionReport:
    if state.report is None:
        raise NotFound(
            "dashboard.report",
            f"{state.name} has not been monitored yet.",
            hint=f"Run gristmill monitor {state.name}.",
        )
    return next(v for v in state.report.versions if v.version == window.version)


def _drift(window: WindowReport, name: str) -> Any:
    if window.drift.prediction and window.drift.prediction.name == name:
        return window.drift.prediction
    return next((f for f in window.drift.features if f.name == name), None)
