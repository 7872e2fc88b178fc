"""The alerts and tables of a model's page: repairs, champions, alerts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gristmill.dashboards._state import ModelState
from gristmill.drawing import format_amount, format_percent
from gristmill.monitoring import Alert, MonitorReport

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """A table with its newest row first."""

    title: str
    head: tuple[str, ...]
    rows: list[Row]


def tables(state: ModelState) -> list[Table]:
    """The tables that have rows."""
    every = (_repairs(state), _champions(state), _alerts(state))
    return [table for table in every if table.rows]


def contract(report: MonitorReport) -> dict[str, Any] | None:
    """What rows of the last window break: its start, and rows of a table; None for nothing."""
    last = report.windows[-1]
    if not last.breaches:
        return None
    rows = [
        (
            b.column or "several columns",
            b.rule,
            f"{b.rows:,}",
            format_percent(b.rows / last.rows),
            b.example,
        )
        for b in last.breaches
    ]
    return {"start": last.start, "rows": rows}


def open_alerts(state: ModelState) -> list[dict[str, str]]:
    return [
        {
            "id": a.id,
            "rule": a.rule,
            "severity": a.severity,
            "reason": a.reason,
            "facts": f"since {a.first:%-d %b %Y}"
            + (f", {a.windows} windows" if a.windows > 1 else "")
            + (f", {handling}" if (handling := _handling(a, state.now)) else ""),
        }
        for a in state.open_alerts
    ]


def _handling(alert: Alert, now: datetime) -> str:
    """What people did about it; "" for nothing."""
    status = alert.state(now)
    if status == "acknowledged":
        return f"acknowledged by {alert.acknowledged}"
    if status == "snoozed" and alert.snoozed:
        return f"snoozed until {alert.snoozed:%-d %b %Y %H:%M} UTC"
    return f"resolved: {alert.closing}" if status == "resolved" else ""


def _repairs(state: ModelState) -> Table:
    head = ("started", "version", "training period", "outcome", "details")
    rows: list[Row] = [
        (
            f"{r.began:%-d %b %Y}",
            f"v{r.champion}" + (f" → v{r.version}" if r.version else ""),
            f"{r.start} – {r.end}",
            r.outcome or "in progress",
            r.summary or r.trigger,
        )
        for r in reversed(state.repairs)
    ]
    return Table("Retraining", head, rows)


def _champions(state: ModelState) -> Table:
    versions = {v.version: v for v in state.report.versions} if state.report else {}
    metric = state.report.metric if state.report else "metric"
    rows: list[Row] = []
    for m in reversed(state.moves):
        measured = versions[m.version].baseline.get(metric) if m.version in versions else None
        figure = format_amount(measured.value) if measured else None
        rows.append(
            (f"{m.at:%-d %b %Y %H:%M}", f"v{m.version}", m.action, figure, m.actor, m.reason)
        )
    return Table("Champions", ("when", "version", "action", metric, "by", "reason"), rows)


def _alerts(state: ModelState) -> Table:
    head = ("since", "version", "rule", "severity", "windows", "state", "reason")
    rows: list[Row] = [
        (
            f"{a.first:%-d %b %Y}",
            f"v{a.version}",
            a.rule,
            a.severity,
            a.windows,
            _handling(a, state.now) or "open",
            a.reason,
        )
        for a in reversed(state.alerts)
    ]
    return Table("All alerts", head, rows)
