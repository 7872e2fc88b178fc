"""What happened to alerts and in repairs, in the ledger.

The journals are written first; what the ledger lacks of them is appended here, in order, under its
lock. A crash in between is mended by the next call, and nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gristmill.files import read_journal
from gristmill.monitoring._repairs import ACTOR
from gristmill.monitoring._repairs import journal_path as repairs_path
from gristmill.project import Project

WATCH = "gristmill monitor"
EventKey = tuple[str, str, int]


def record_alerts(project: Project, model: str, records: Iterable[Mapping[str, Any]]) -> int:
    """Append what the ledger lacks of the alerts' journal, whose `records` these are; returns how
    many entries."""
    events = [r for r in records if r["event"] != "seen"]
    return _append(project, model, "alert", events, lambda r: (r["id"], r["event"]))


def record_repairs(project: Project, model: str) -> int:
    """Append what the ledger lacks of the repairs' journal; returns how many entries."""
    records = read_journal(repairs_path(project, model))
    return _append(project, model, "repair", records, lambda r: (r["repair"], r["step"]))


def _append(
    project: Project,
    model: str,
    action: str,
    records: Sequence[Mapping[str, Any]],
    name: Callable[[Mapping[str, Any]], tuple[str, str]],
) -> int:
    from gristmill.registry import Registry

    keyed = _numbered(records, name)
    if not keyed:
        return 0
    ledger = Registry(project).ledger
    if not _missing(keyed, ledger.entries(model, action=action)):
        return 0
    versions = {r["id"]: r.get("version") for r in records if "id" in r and "version" in r}
    with ledger.writing() as writer:
        missing = _missing(keyed, ledger.entries(model, action=action))
        for key in missing:
            record = keyed[key]
            about, event, number = key
            version = record.get("version") or versions.get(about) or record.get("champion")
            writer.note(
                action,
                model,
                actor=record.get("by") or (WATCH if action == "alert" else ACTOR),
                version=version,
                reason=str(record.get("reason") or record.get("summary") or event),
                detail={**record, "about": about, "event": event, "number": number},
            )
    return len(missing)


def _numbered(
    records: Sequence[Mapping[str, Any]], name: Callable[[Mapping[str, Any]], tuple[str, str]]
) -> dict[EventKey, Mapping[str, Any]]:
    """Records by what they are about, the event, and which time it happened."""
    count: dict[tuple[str, str], int] = {}
    numbered: dict[EventKey, Mapping[str, Any]] = {}
    for record in records:
        key = name(record)
        count[key] = count.get(key, 0) + 1
        numbered[(*key, count[key])] = record
    return numbered


def _missing(keyed: Mapping[EventKey, Any], entries: Sequence[Any]) -> list[EventKey]:
    recorded = {(e.detail["about"], e.detail["event"], e.detail["number"]) for e in entries}
    return [key for key in keyed if key not in recorded]
