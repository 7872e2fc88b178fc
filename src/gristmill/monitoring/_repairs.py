"""The journal of repairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from gristmill.files import append_journal, read_journal
from gristmill.monitoring._settings import directory
from gristmill.project import Project

ACTOR = "gristmill repair"
OUTCOMES = ("promoted", "waiting", "kept", "failed", "gave-up", "rolled-back")


@dataclass(frozen=True)
class Repair:
    """A repair, as the journal records it.

    Attributes
    ----------
    id
        `v<champion>-<number>`, or `back-<id>` for one that takes another back.
    champion
        The version that was to be replaced.
    alerts
        The ids of the alerts that it answers.
    trigger
        Those alerts in words.
    start, end
        ISO dates of the rows it trained on.
    began
        When it began.
    outcome
        promoted, waiting (passed its gates, a person decides), kept (the champion stays), failed,
        gave-up, rolled-back (the version before serves again), or "" while under way.
    version
        The new version, once registered.
    run
        The run that trained it.
    summary
        What became of it, in words.
    """

    id: str
    champion: int
    alerts: tuple[str, ...]
    trigger: str
    start: str
    end: str
    began: datetime
    outcome: str = ""
    version: int | None = None
    run: str = ""
    summary: str = ""


def journal_path(project: Project, model: str) -> Path:
    return directory(project, model) / "repairs.jsonl"


def read_repairs(project: Project, model: str) -> list[Repair]:
    """All repairs of a model, oldest first.

    Parameters
    ----------
    project
        The project that declares the model.
    model
        The model's name.
    """
    return fold(read_journal(journal_path(project, model)))


def fold(records: Iterable[Mapping[str, Any]]) -> list[Repair]:
    """The repairs that a journal's records tell of. Pure."""
    repairs: dict[str, dict[str, Any]] = {}
    for record in records:
        key = str(record["repair"])
        if record["step"] == "began":
            repairs[key] = {
                "id": key,
                "champion": record["champion"],
                "alerts": tuple(record["alerts"]),
                "trigger": record["trigger"],
                "start": record["start"],
                "end": record["end"],
                "began": datetime.fromisoformat(record["at"]),
            }
        elif record["step"] in OUTCOMES:
            repairs[key] |= {"outcome": record["step"], "summary": record["summary"]}
        else:
            repairs[key] |= {k: record[k] for k in ("version", "run") if k in record}
    return [Repair(**fields) for fields in repairs.values()]


@dataclass(frozen=True)
class Journal:
    path: Path
    repair: str
    at: datetime

    def write(self, step: str, **more: Any) -> None:
        record = {"repair": self.repair, "step": step, "at": self.at.isoformat(), **more}
        append_journal(self.path, [record])
