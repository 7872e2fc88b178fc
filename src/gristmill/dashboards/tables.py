"""The tables of a model's page: repairs, champions, alerts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

from gristmill.dashboards.state import ModelState
from gristmill.drawing.document import section, table
from gristmill.drawing.words import amount, percent
from gristmill.monitoring.alerts import Alert

SHOWN = 5


def contract_section(state: ModelState) -> str:
    """What rows of the last window break; nothing when they keep the contract."""
    windows = state.report.windows if state.report else ()
    if not windows or not windows[-1].breaches:
        return ""
    last = windows[-1]
    rows = [
        (
            b.column or "columns together",
            b.rule,
            f"{b.rows:,}",
            percent(b.rows / last.rows),
            b.example,
        )
        for b in last.breaches
    ]
    head = ["column", "rule", "rows", "share", "for instance"]
    text = f"Rules that rows of the window from {last.start:%-d %b %Y} break."
    return section("Contract", table(head, rows), text)


def repairs_section(state: ModelState) -> str:
    rows = [
        (
            f"{r.began:%-d %b %Y}",
            f"v{r.champion}" + (f" → v{r.version}" if r.version else ""),
            f"{r.start} – {r.end}",
            r.outcome or "under way",
            r.words or r.trigger,
        )
        for r in reversed(state.repairs)
    ]
    return _table(
        "Retraining", ["began", "version", "trained on", "outcome", "what happened"], rows
    )


def versions_section(state: ModelState) -> str:
    versions = {v.version: v for v in state.report.versions} if state.report else {}
    rows = []
    for m in reversed(state.moves):
        promise = None
        if state.report and m.version in versions:
            promise = versions[m.version].promised.get(state.report.metric)
        figure = amount(promise.value) if promise else "–"
        rows.append(
            (f"{m.at:%-d %b %Y %H:%M}", f"v{m.version}", m.action, figure, m.actor, m.reason)
        )
    metric = state.report.metric if state.report else "metric"
    return _table("Champions", ["when", "version", "how", metric, "who", "why"], rows)


def standing(alert: Alert, now: datetime) -> str:
    """What people did about it, to follow other words; "" for nothing."""
    word = alert.state(now)
    if word == "acknowledged":
        return f", acknowledged by {alert.acknowledged}"
    if word == "snoozed" and alert.snoozed:
        return f", snoozed until {alert.snoozed:%-d %b %Y %H:%M} UTC"
    return f", resolved: {alert.closing}" if word == "resolved" else ""


def open_alerts_section(state: ModelState, base: str, form: str) -> str:
    items = "".join(
        f"<li class='{escape(a.severity)}'><b>{escape(a.rule)}</b> since {a.first:%-d %b %Y}"
        f"{f', {a.windows} windows' if a.windows > 1 else ''}{escape(standing(a, state.now))}"
        f"<br>{escape(a.reason)}{_buttons(a.id, base, form)}</li>"
        for a in state.open_alerts
    )
    return (
        f"<section><h2>Open alerts</h2><ul class='alerts'>{items}</ul></section>" if items else ""
    )


def _buttons(alert: str, base: str, form: str) -> str:
    if not form:
        return ""
    verbs = (("acknowledge", "", "Acknowledge"), ("snooze", "1d", "Snooze a day"),
             ("snooze", "7d", "Snooze a week"))  # fmt: skip
    return "<br>" + "".join(
        f"<form method='post' action='{escape(base)}alert/{escape(alert)}'>{form}"
        f"<input type='hidden' name='until' value='{until}'>"
        f"<button name='verb' value='{verb}'>{text}</button></form>"
        for verb, until, text in verbs
    )


def alerts_section(state: ModelState) -> str:
    rows = [
        (
            f"{a.first:%-d %b %Y}",
            f"v{a.version}",
            a.rule,
            a.severity,
            a.windows,
            standing(a, state.now).lstrip(", ") or "open",
            a.reason,
        )
        for a in reversed(state.alerts)
    ]
    head = ["since", "version", "rule", "severity", "windows", "state", "reason"]
    return _table("All alerts", head, rows)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The newest rows; the older ones fold out."""
    if not rows:
        return ""
    body = table(head, rows[:SHOWN])
    if rows[SHOWN:]:
        more = f"<summary>{len(rows) - SHOWN} older</summary>{table(head, rows[SHOWN:])}"
        body += f"<details>{more}</details>"
    return section(title, body)
