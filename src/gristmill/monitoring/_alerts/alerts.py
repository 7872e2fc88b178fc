"""Alerts: one for each trouble, however many windows show it.

The journal is append-only: an alert is opened, seen again in later windows, acknowledged, snoozed
or escalated, and resolved when a window no longer shows it, its version was replaced, or a person
says so. Writing the same window twice adds nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from gristmill.files import append_journal, exclusive_lock, read_journal
from gristmill.monitoring._settings import directory
from gristmill.monitoring._windows.report import WindowReport
from gristmill.project import Project

CERTAIN = "contract"  # what needs no number of rows to be sure of
State = Literal["open", "acknowledged", "snoozed", "resolved"]


@dataclass(frozen=True)
class Alert:
    """One trouble of one version: from its first window to its last, by rule.

    `owners` are the model's and those of the features it names. `acknowledged` says by whom;
    `snoozed` until when it is silent; `escalated` when nobody had acknowledged it in time.
    """

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
    closing: str = ""
    owners: tuple[str, ...] = ()
    acknowledged: str = ""
    snoozed: datetime | None = None
    escalated: datetime | None = None
    resolved: datetime | None = None
    note: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the trouble is still there, whoever knows of it."""
        return self.resolved is None

    def state(self, now: datetime) -> State:
        """One word for where it stands at `now`."""
        if self.resolved is not None:
            return "resolved"
        if self.snoozed is not None and now < self.snoozed:
            return "snoozed"
        return "acknowledged" if self.acknowledged else "open"

    def record(self, now: datetime) -> dict[str, Any]:
        """For JSON: times are ISO 8601, with the `state` at `now`."""
        values = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in vars(self).items()}
        return {**values, "owners": list(self.owners), "state": self.state(now)}


def journal_path(project: Project, model: str) -> Path:
    return directory(project, model) / "alerts.jsonl"


@contextmanager
def writing(project: Project, model: str) -> Iterator[Path]:
    """Hold the journal for writing; yields its path. Waits for another writer up to ten seconds."""
    path = journal_path(project, model)
    with exclusive_lock(path.with_suffix(".lock"), f"writing alerts of {model}", wait=10.0):
        yield path


def read_alerts(project: Project, model: str) -> list[Alert]:
    """All alerts of the model, oldest first."""
    return list(fold(read_journal(journal_path(project, model))).values())


def fold(records: Iterable[Mapping[str, Any]]) -> dict[str, Alert]:
    """The state that a journal's records lead to. Pure."""
    alerts: dict[str, Alert] = {}
    for record in records:
        _apply(alerts, record)
    return alerts


def _apply(alerts: dict[str, Alert], record: Mapping[str, Any]) -> None:
    key, at = str(record["id"]), datetime.fromisoformat(record["at"])
    event = record["event"]
    if event == "opened":
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
            at,
            owners=tuple(record.get("owners", ())),
        )
        return
    old = alerts[key]
    if event == "seen":
        last = max(old.last, datetime.fromisoformat(record["window"]))
        new = replace(old, last=last, windows=old.windows + 1, reason=record["reason"])
    elif event == "acknowledged":
        new = replace(old, acknowledged=record["by"], note=record["reason"] or old.note)
    elif event == "snoozed":
        until = datetime.fromisoformat(record["until"])
        new = replace(old, snoozed=until, note=record["reason"] or old.note)
    elif event == "escalated":
        new = replace(old, escalated=at)
    else:
        new = replace(old, resolved=at, closing=record["reason"])
    alerts[key] = new


def next_records(
    model: str,
    records: Sequence[Mapping[str, Any]],
    windows: Sequence[WindowReport],
    champion: int | None,
    now: datetime,
    patience: timedelta | None = None,
    owner: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """What the windows, oldest first, add to the journal. Pure.

    Only closed windows speak, and those that could not be judged for want of rows only of what is
    certain: that rows break the contract. A window already in the journal is silent. An alert that
    nobody acknowledged within `patience` is escalated, once. `owner` hears of all.
    """
    added: list[dict[str, Any]] = []
    spoken = {(r.get("version"), r.get("rule"), r.get("window")) for r in records}
    state = fold(records)
    stamp = now.isoformat()

    def add(record: dict[str, Any]) -> None:
        added.append(record)
        _apply(state, record)

    for window in windows:
        if not window.closed:
            continue
        place = window.start.isoformat()
        now_open = {a.rule: a for a in state.values() if a.version == window.version and a.is_open}
        judged = window.drift.verdict != "inconclusive"
        for finding in window.findings:
            if not judged and finding.rule != CERTAIN:
                continue
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
                "owners": list(dict.fromkeys([*owner, *finding.owners])),
            }
            held = now_open.get(finding.rule)
            if held:
                add({"event": "seen", "id": held.id, **common})
            else:
                key = f"{model}/{window.version}/{finding.rule}/{place}"
                digest = hashlib.sha256(key.encode()).hexdigest()[:12]
                add({"event": "opened", "id": digest, **common})
        broken = {f.rule for f in window.findings}
        for rule, alert in now_open.items() if judged else ():
            if rule not in broken and window.start > alert.last:
                why = f"the window from {window.start:%Y-%m-%d} no longer shows it"
                add({"event": "resolved", "id": alert.id, "reason": why, "at": stamp})
    for alert in list(state.values()):
        if alert.is_open and champion is not None and alert.version != champion:
            why = f"version {champion} is champion now"
            add({"event": "resolved", "id": alert.id, "reason": why, "at": stamp})
    for alert in list(state.values()):
        if patience and due(alert, now, patience):
            why = f"nobody acknowledged it within {patience}"
            add({"event": "escalated", "id": alert.id, "reason": why, "at": stamp})
    return added


def due(alert: Alert, now: datetime, patience: timedelta) -> bool:
    """Whether an alert has waited so long for somebody that it is told louder. Pure."""
    return (
        alert.state(now) == "open"
        and alert.escalated is None
        and now - max(alert.opened, alert.snoozed or alert.opened) >= patience
    )


def update_alerts(
    project: Project,
    model: str,
    windows: Sequence[WindowReport],
    champion: int | None,
    now: datetime,
    patience: timedelta | None = None,
    owner: Sequence[str] = (),
) -> list[Alert]:
    """Bring the journal up to the windows; returns the alerts that this opened."""
    with writing(project, model) as path:
        records = read_journal(path)
        added = next_records(model, records, windows, champion, now, patience, owner)
        if added:
            append_journal(path, added)
    opened = {r["id"] for r in added if r["event"] == "opened"}
    return [a for a in fold([*records, *added]).values() if a.id in opened]
