"""The pages that need no kernel, of all models and of one. Pure: state in, HTML out."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten
from typing import Any

from markupsafe import Markup

from gristmill.dashboards._delivery import Tile, delivery_tiles
from gristmill.dashboards._drill_page import drill_downs
from gristmill.dashboards._state import ModelState
from gristmill.dashboards._tables import contract, open_alerts, tables
from gristmill.drawing import (
    LEVELS,
    Badge,
    ControlPoint,
    HeatCell,
    Mark,
    Point,
    colour_level,
    control_chart,
    document,
    format_amount,
    format_percent,
    heat_map,
    over_time,
    side_by_side_bars,
    sparkline,
)
from gristmill.monitoring import ColumnDrift, MonitorReport, WindowReport, estimate_text

SHOWN_FEATURES = 24
SHOWN_WINDOWS = 60
SPARK_WINDOWS = 36
DETAILS = 3
REASON = 130  # letters
LIGHTS = {
    "alert": "Alert open",
    "watch": "Some features drifted",
    "stable": "Stable",
    "unknown": "No verdict yet",
}
UNITS = {"h": "hour", "d": "day", "w": "week"}


def overview(project: str, states: Sequence[ModelState], base: str = "/") -> str:
    """All models of a project, those with open alerts first.

    Parameters
    ----------
    project
        Its name.
    states
        What is stored of each model.
    base
        The path that the dashboard's addresses begin with.

    Returns
    -------
    str
        HTML.
    """
    order = {"alert": 0, "watch": 1, "unknown": 2, "stable": 3}
    ranked = sorted(states, key=lambda s: (order[s.status], s.name))
    cards = [_card(s) for s in ranked]
    return document("dashboards/overview.html", project=project, base=base, cards=cards)


def model_page(
    project: str, state: ModelState, base: str = "/", explore: str = "", xsrf: str = ""
) -> str:
    """One model.

    Parameters
    ----------
    project
        Its name.
    state
        What is stored of the model.
    base
        The path that the dashboard's addresses begin with.
    explore
        The address of the notebook that joins when asked for; without it the page stands alone.
    xsrf
        The token that a form must send; without it nothing can be done on the page.

    Returns
    -------
    str
        HTML.
    """
    report = state.report if state.report and state.report.windows else None
    views: dict[str, Any] = {}
    if report:
        views = {
            "metric": report.metric,
            "open_alerts": open_alerts(state),
            "drift": _drift(report),
            "performance": _performance(report),
            "contract": contract(report),
            "control_charts": _control_charts(report),
            "distributions": _distributions(report, state.last),
            "drill_downs": drill_downs(report, base) if explore else [],
        }
    return document(
        "dashboards/model.html",
        project=project,
        base=base,
        explore=explore,
        xsrf=xsrf,
        model=state.name,
        light=Badge(LIGHTS[state.status], state.status, pill=True),
        facts=_facts(state),
        tiles=_tiles(state),
        problem=state.problem,
        monitored=report is not None,
        delivery=delivery_tiles(state),
        tables=tables(state),
        **views,
    )


def _card(state: ModelState) -> dict[str, Any]:
    last, report = state.last, state.report
    lines = []
    if last and report:
        metric = last.performance.get(report.metric)
        figure = f"{report.metric} {metric.value:.3f}" if metric else "no labels yet"
        lines.append(f"{format_percent(last.drift.share)} of features drifted · {figure}")
        lines.append(f"{last.rows:,} predictions in the window starting {last.start:%-d %b %Y}")
    lines += [
        shorten(f"{a.rule}: {a.reason}", REASON, placeholder=" …") for a in state.open_alerts[:2]
    ]
    if state.problem:
        lines.append(state.problem)
    bars = ""
    if report:
        windows = report.windows[-SPARK_WINDOWS:]
        bars = sparkline([w.drift.share if _is_conclusive(w) else None for w in windows])
    return {
        "name": state.name,
        "status": state.status,
        "light": LIGHTS[state.status],
        "champion": f"v{state.champion}" if state.champion else "no champion",
        "bars": bars,
        "lines": lines,
    }


def _facts(state: ModelState) -> list[str]:
    facts = [f"champion: version {state.champion}" if state.champion else "no champion"]
    if state.owner:
        facts.append(f"owner: {state.owner}")
    if state.report:
        facts.append(f"last monitored {state.report.made:%-d %b %Y %H:%M} UTC")
        facts.append(f"{_window_adjective(state.report.window)} windows")
        if state.report.damaged:
            facts.append(f"{state.report.damaged:,} unreadable log lines")
    return facts


def _window_adjective(window: str) -> str:
    """The length of a window before its noun: monthly, 7-day."""
    return "monthly" if window == "month" else f"{window[:-1]}-{UNITS[window[-1]]}"


def _tiles(state: ModelState) -> list[Tile]:
    last, report = state.last, state.report
    if last is None or report is None:
        return []
    metric = last.performance.get(report.metric)
    before = {v.version: v.baseline for v in report.versions}[last.version].get(report.metric)
    repairs = len(state.repairs)
    return [
        Tile(
            "features drifted",
            format_percent(last.drift.share),
            f"window starting {last.start:%-d %b %Y}",
        ),
        Tile(
            report.metric.replace("_", " "),
            f"{metric.value:.3f}" if metric else "–",
            f"{before.value:.3f} before registration" if before else "not measured before",
        ),
        Tile("predictions", f"{last.rows:,}", f"{format_percent(last.coverage)} have labels"),
        Tile(
            "open alerts",
            str(len(state.open_alerts)),
            f"{repairs} repair{'' if repairs == 1 else 's'} so far",
        ),
    ]


def _is_conclusive(window: WindowReport) -> bool:
    return window.drift.verdict != "inconclusive"


def _columns(report: MonitorReport) -> tuple[list[WindowReport], list[str], list[Mark]]:
    """The windows on the axis, their labels, and where the version changed."""
    windows = list(report.windows[-SHOWN_WINDOWS:])
    months = report.window == "month"
    labels = [f"{w.start:%b %Y}" if months else f"{w.start:%-d %b %y}" for w in windows]
    marks = [
        Mark(i, f"v{w.version}")
        for i, w in enumerate(windows)
        if i == 0 or windows[i - 1].version != w.version
    ]
    return windows, labels, marks


def _drift(report: MonitorReport) -> dict[str, Any] | None:
    """The heat map of features and windows; None without a reference."""
    windows, labels, marks = _columns(report)
    weight: dict[str, float] = {}
    for window in windows:
        for f in window.drift.features:
            weight[f.name] = weight.get(f.name, 0.0) + f.impact + (0.001 if f.drifted else 0.0)
    names = sorted(weight, key=lambda n: (-weight[n], n))[:SHOWN_FEATURES]
    cells = [[_cell(name, w) for w in windows] for name in names]
    if any(w.drift.prediction for w in windows):
        names.append("prediction")
        cells.append([_cell("prediction", w) for w in windows])
    if not names:
        return None
    edges = [0.0, *LEVELS]
    return {
        "against": windows[-1].against,
        "budget": report.budget,
        "chart": heat_map(names, labels, cells, marks),
        "legend": [
            (f"h{colour_level(e)}", f"{format_percent(e)}{'+' if e == edges[-1] else ''}")
            for e in edges
        ],
    }


def _cell(name: str, window: WindowReport) -> HeatCell:
    drift = _column_drift(name, window)
    title = f"{name}, window starting {window.start:%-d %b %Y}"
    if drift is None or not _is_conclusive(window):
        return HeatCell(None, False, f"{title}: inconclusive, {window.rows:,} rows")
    share = max(drift.distances.moved, abs(drift.distances.missing))
    return HeatCell(share, drift.drifted, f"{title}: {format_percent(share)} moved. {drift.change}")


def _column_drift(name: str, window: WindowReport) -> ColumnDrift | None:
    if name == "prediction":
        return window.drift.prediction
    return next((f for f in window.drift.features if f.name == name), None)


def _performance(report: MonitorReport) -> dict[str, Any] | None:
    """The metric over time; None before there are labels or estimates."""
    windows, labels, marks = _columns(report)
    measured, estimated = [], []
    for i, window in enumerate(windows):
        guess = window.estimated.get(report.metric)
        if guess:
            title = f"{labels[i]}: {guess.value:.3f} estimated without labels "
            title += f"({guess.low:.3f} to {guess.high:.3f})"
            estimated.append(Point(i, guess.value, guess.low, guess.high, title))
        metric = window.performance.get(report.metric)
        if metric:
            title = f"{labels[i]}: {metric.value:.3f} ({metric.low:.3f} to {metric.high:.3f}), "
            title += f"{window.labelled:,} labels ({format_percent(window.coverage)})"
            measured.append(Point(i, metric.value, metric.low, metric.high, title))
    if not measured and not estimated:
        return None
    spans = _spans(report, windows)
    chart = over_time(labels, measured, spans, marks, report.metric, estimated)
    return {"chart": chart, "estimates": estimate_text(report)}


def _spans(report: MonitorReport, windows: Sequence[WindowReport]) -> list[tuple[int, int, float]]:
    """First and last window of each stretch with one value before registration, and the value."""
    before = {v.version: v.baseline.get(report.metric) for v in report.versions}
    spans: list[tuple[int, int, float]] = []
    for i, window in enumerate(windows):
        metric = before[window.version]
        if metric is None:
            continue
        if spans and spans[-1][1] == i - 1 and spans[-1][2] == metric.value:
            spans[-1] = (spans[-1][0], i, metric.value)
        else:
            spans.append((i, i, metric.value))
    return spans


def _control_charts(report: MonitorReport) -> list[tuple[str, Markup]]:
    """Name and chart of the metric, and of each business metric."""
    charts = []
    for name, points in report.charts.items():
        control_points = []
        for p in points[-SHOWN_WINDOWS:]:
            start = p.start
            kind = "beyond" if p.beyond else "marked" if p.rules else "plain"
            title = f"{start:%-d %b %Y}, v{p.version}: {format_amount(p.value)}, EWMA "
            title += f"{p.ewma:.1f} standard deviations"
            if p.rules:
                title += f", rule {', '.join(map(str, p.rules))}"
            control_points.append(ControlPoint(f"{start:%-d %b %y}", p.ewma, p.limit, kind, title))
        charts.append((name, control_chart(name, control_points)))
    return charts


def _distributions(report: MonitorReport, last: WindowReport | None) -> dict[str, Any] | None:
    """The columns that drifted most, beside the training data; None without a judged window."""
    if last is None:
        return None
    version = next(v for v in report.versions if v.version == last.version)
    chosen = [f for f in last.drift.features if f.drifted][:DETAILS] or list(
        last.drift.features[:DETAILS]
    )
    if last.drift.prediction:
        chosen.append(last.drift.prediction)
    figures = [
        {
            "name": f.name,
            "change": f.change,
            "chart": side_by_side_bars(
                version.bins[f.name], version.reference[f.name], last.shares[f.name]
            ),
            "distances": (
                f"{format_percent(f.distances.moved)} moved",
                f"PSI {f.distances.psi:.2g} ({f.distances.psi_noise:.1g} by chance)",
                f"KL {f.distances.kl:.2g}",
                f"JS {f.distances.js:.2g}",
                "p < 0.001" if f.p < 0.001 else f"p {f.p:.2g}",
            ),
        }
        for f in chosen
    ]
    return {"start": last.start, "version": last.version, "figures": figures}
