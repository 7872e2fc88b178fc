"""Control charts and the figures of delivery, as parts of a model's page. Pure."""

from __future__ import annotations

from datetime import datetime
from html import escape

from gristmill.dashboards.state import ModelState
from gristmill.drawing.control import Dot, control_chart
from gristmill.drawing.words import amount, percent
from gristmill.monitoring.delivery import Change, Delivery, delivery, length
from gristmill.monitoring.report import MonitorReport

SHOWN = 60


def charts_section(report: MonitorReport) -> str:
    """A chart for the metric, and one for each business metric."""
    blocks = []
    for name, points in report.charts.items():
        dots = []
        for p in points[-SHOWN:]:
            when = datetime.fromisoformat(p["start"])
            kind = "beyond" if p["beyond"] else "marked" if p["rules"] else "plain"
            title = f"{when:%-d %b %Y}, v{p['version']}: {amount(p['value'])}, weighted mean "
            title += f"{p['ewma']:.1f} deviations off"
            if p["rules"]:
                title += f", rule {', '.join(map(str, p['rules']))}"
            dots.append(Dot(f"{when:%-d %b %y}", p["ewma"], p["limit"], kind, title))
        blocks.append(
            f"<h3>{escape(name)}</h3><div class='scroll'>{control_chart(name, dots)}</div>"
        )
    if not blocks:
        return ""
    return (
        "<section><h2>Control charts</h2><p>The weighted mean of the windows so far, in deviations "
        "from what was promised or used to be; up is worse. Beyond the dashed line is an alert; "
        "other marked points complete a Western Electric rule.</p>" + "".join(blocks) + "</section>"
    )


def figures_of(state: ModelState) -> Delivery:
    """The figures of delivery of what is stored."""
    changes = [
        Change(m.at, m.version, state.registered.get(m.version), m.action == "rollback")
        for m in state.moves
    ]
    windows = state.report.windows if state.report else ()
    return delivery(changes, state.alerts, windows, state.repairs, state.worth)


def delivery_section(state: ModelState) -> str:
    found = figures_of(state)
    shown = [
        ("champions a month", _number(found.monthly), f"{found.changes} in all"),
        ("registered to champion", length(found.lead), "median"),
        ("changes taken back", "–" if found.failed is None else percent(found.failed), ""),
        ("time to detect", length(found.detect), "median, of the data's time"),
        ("time to recover", length(found.recover), "median, of the data's time"),
    ]
    if found.earned is not None:
        note = f"costs {amount(found.spent)}" if found.spent is not None else "no costs declared"
        shown.append(("value of predictions", amount(found.earned), note))
    if found.roi is not None:
        shown.append(("return on cost", percent(found.roi), "at declared values"))
    if not state.moves:
        return ""
    tiles = "".join(
        f"<div><b>{escape(big)}</b><span>{escape(name)}</span><small>{escape(note)}</small></div>"
        for name, big, note in shown
    )
    return f"<section><h2>Delivery</h2><div class='tiles'>{tiles}</div></section>"


def _number(value: float | None) -> str:
    return "–" if value is None else amount(value)
