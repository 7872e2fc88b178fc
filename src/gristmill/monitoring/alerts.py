"""Alerts: one for each trouble, however many windows show it.

The journal is append-only: an alert is opened, seen again in later windows, resolved when a window
no longer shows it or its version was replaced. Writing the same window twice adds nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from gristmill.files import append_journal, read_journal
from gristmill.monitoring.report import WindowReport
from gristmill.monitoring.settings import directory
from gristmill.project import Project

State = Literal["open", "resolved"]


@dataclass(frozen=True)
class Alert:
    """One trouble of one version: from its first window to its last, by rule."""

    id: str
    model: str
    version: int
    rule: str
    severity: str
    reason: str
    first: datetime
    last: datetime
    windows: int
    opened: datetime
    state: State = "open"
    closing: str = ""


def journal_path(project: Project, model: str) -> Path:
    return directory(project, model) / "alerts.jsonl"


def read_alerts(project: Project, model: str) -> list[Alert]:
    """All alerts of the model, oldest first."""
    return list(fold(read_journal(journal_path(project, model))).values())


def fold(records: Iterable[Mapping[str, Any]]) -> dict[str, Alert]:
    """The state that a journal's records lead to. Pure."""
    alerts: dict[str, Alert] = {}
    for record in records:
        key = str(record["id"])
        if record["event"] == "opened":
            moment = datetime.fromisoformat(record["window"])
            alerts[key] = Alert(
                key,
                record["model"],
                record["version"],
                record["rule"],
                record["severity"],
                record["reason"],
                moment,
                moment,
                1,
                datetime.fromisoformat(record["at"]),
            )
        elif record["event"] == "seen":
            old = alerts[key]
            last = max(old.last, datetime.fromisoformat(record["window"]))
            alerts[key] = replace(old, last=last, windows=old.windows + 1, reason=record["reason"])
        else:
            alerts[key] = replace(alerts[key], state="resolved", closing=record["reason"])
    return alerts


def next_records(
    model: str,
    records: Sequence[Mapping[str, Any]],
    windows: Sequence[WindowReport],
    champion: int | None,
    now: datetime,
) -> list[dict[str, Any]]:
    """What the windows, oldest first, add to the journal. Pure.

    Only closed windows that could be judged speak. A window already in the journal is silent.
    """
    added: list[dict[str, Any]] = []
    spoken = {(r.get("version"), r.get("rule"), r.get("window")) for r in records}
    state = fold(records)
    stamp = now.isoformat()

    def add(record: dict[str, Any]) -> None:
        added.append(record)
        state.update(fold([*records, *added]))

    for window in windows:
        if not window.closed or window.drift.verdict == "cannot-judge":
            continue
        place = window.start.isoformat()
        now_open = {
            a.rule: a for a in state.values() if a.version == window.version and a.state == "open"
        }
        for finding in window.findings:
            if (window.version, finding.rule, place) in spoken:
                continue
            common = {
                "version": window.version,
                "rule": finding.rule,
                "window": place,
                "reason": finding.reason,
                "severity": finding.severity,
                "model": model,
                "at": stamp,
            }
            held = now_open.get(finding.rule)
            if held:
                add({"event": "seen", "id": held.id, **common})
            else:
                key = f"{model}/{window.version}/{finding.rule}/{place}"
                digest = hashlib.sha256(key.encode()).hexdigest()[:12]
                add({"event": "opened", "id": digest, **common})
        broken = {f.rule for f in window.findings}
        for rule, alert in now_open.items():
            if rule not in broken and window.start > alert.last:
                why = f"the window from {window.start:%Y-%m-%d} no longer shows it"
                add({"event": "resolved", "id": alert.id, "reason": why, "at": stamp})
    for alert in list(state.values()):
        if alert.state == "open" and champion is not None and alert.version != champion:
            why = f"version {champion} is champion now"
            add({"event": "resolved", "id": alert.id, "reason": why, "at": stamp})
    return added


def update_alerts(
    project: Project,
    model: str,
    windows: Sequence[WindowReport],
    champion: int | None,
    now: datetime,
) -> list[Alert]:
    """Bring the journal up to the windows; returns the alerts that this opened.

    The caller holds the model's monitoring lock.
    """
    path = journal_path(project, model)
    records = read_journal(path)
    added = next_records(model, records, windows, champion, now)
    if added:
        append_journal(path, added)
    opened = {r["id"] for r in added if r["event"] == "opened"}
    return [a for a in fold([*records, *added]).values() if a.id in opened]
