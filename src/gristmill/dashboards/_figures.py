"""Control charts and the figures of delivery, for a model's page. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from gristmill.dashboards._state import ModelState
from gristmill.drawing import Dot, control_chart, format_amount, format_percent
from gristmill.monitoring import Change, Delivery, MonitorReport, delivery_metrics, format_duration

SHOWN = 60


@dataclass(frozen=True)
class Tile:
    """A figure in large letters, what it is, and a note."""

    name: str
    value: str
    note: str = ""


def control_charts(report: MonitorReport) -> list[tuple[str, Markup]]:
    """Name and chart of the metric, and of each business metric."""
    charts = []
    for name, points in report.charts.items():
        dots = []
        for p in points[-SHOWN:]:
            when = p.start
            kind = "beyond" if p.beyond else "marked" if p.rules else "plain"
            title = f"{when:%-d %b %Y}, v{p.version}: {format_amount(p.value)}, EWMA "
            title += f"{p.ewma:.1f} standard deviations"
            if p.rules:
                title += f", rule {', '.join(map(str, p.rules))}"
            dots.append(Dot(f"{when:%-d %b %y}", p.ewma, p.limit, kind, title))
        charts.append((name, control_chart(name, dots)))
    return charts


def figures_of(state: ModelState) -> Delivery:
    """The figures of delivery of what is stored."""
    changes = [
        Change(m.at, m.version, state.registered.get(m.version), m.action == "rollback")
        for m in state.moves
    ]
    windows = state.report.windows if state.report else ()
    return delivery_metrics(changes, state.alerts, windows, state.repairs, state.worth)


def delivery_tiles(state: ModelState) -> list[Tile]:
    """The figures of delivery; none before the first champion."""
    if not state.moves:
        return []
    figures = figures_of(state)
    tiles = [
        Tile("champions per month", _number(figures.monthly), f"{figures.changes} in total"),
        Tile("from registration to champion", format_duration(figures.lead), "median"),
        Tile(
            "changes rolled back", "–" if figures.failed is None else format_percent(figures.failed)
        ),
        Tile("time to detect", format_duration(figures.detect), "median, in the data's time"),
        Tile("time to recover", format_duration(figures.recover), "median, in the data's time"),
    ]
    if figures.earned is not None:
        costs = (
            "no costs declared"
            if figures.spent is None
            else f"costs {format_amount(figures.spent)}"
        )
        tiles.append(Tile("value of predictions", format_amount(figures.earned), costs))
    if figures.roi is not None:
        tiles.append(Tile("return on cost", format_percent(figures.roi), "at the declared values"))
    return tiles


def _number(value: float | None) -> str:
    return "–" if value is None else format_amount(value)
