"""What the dashboards show of a model: stored reports, alerts, repairs, moves of the champion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gristmill.errors import GristmillError, NotFound
from gristmill.monitoring import (
    Alert,
    MonitorReport,
    Repair,
    WindowReport,
    monitoring_settings,
    read_alerts,
    read_repairs,
    read_report,
)
from gristmill.project import Project


@dataclass(frozen=True)
class Move:
    """The champion became `version`."""

    at: datetime
    version: int
    action: str
    actor: str
    reason: str


@dataclass(frozen=True)
class ModelState:
    """Everything stored about a model.

    Attributes
    ----------
    name
        The model.
    owner
        Who owns it, by the settings.
    champion
        The champion's version, None when there is none.
    report
        The last monitoring report; None before the first.
    alerts
        Its alerts.
    repairs
        Its repairs.
    moves
        Moves of the champion, oldest first.
    problem
        Why something cannot be read, or "".
    now
        The time that ages are told by.
    registered
        When each version was registered.
    worth
        The declared value of predictions, by outcome.
    """

    name: str
    owner: str
    champion: int | None
    report: MonitorReport | None
    alerts: tuple[Alert, ...]
    repairs: tuple[Repair, ...]
    moves: tuple[Move, ...]
    problem: str = ""
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    registered: Mapping[int, datetime] = field(default_factory=dict)
    worth: Mapping[str, float] = field(default_factory=dict)

    @property
    def open_alerts(self) -> tuple[Alert, ...]:
        """Critical ones first, then the newest."""
        alerts = [a for a in self.alerts if a.is_open]
        return tuple(
            sorted(alerts, key=lambda a: (a.severity == "critical", a.first), reverse=True)
        )

    @property
    def last(self) -> WindowReport | None:
        """The last conclusive window."""
        windows = self.report.windows if self.report else ()
        judged = [w for w in windows if w.drift.verdict != "inconclusive"]
        return judged[-1] if judged else None

    @property
    def status(self) -> str:
        """alert, watch, stable, or unknown when no window of the champion was conclusive."""
        if self.open_alerts:
            return "alert"
        if self.problem or self.last is None or self.last.version != self.champion:
            return "unknown"
        return "watch" if self.last.drift.verdict in ("watch", "drift") else "stable"


def read_state(project: Project, model: str) -> ModelState:
    """Read what is stored about a model.

    Parameters
    ----------
    project
        The project.
    model
        The model's name.

    Returns
    -------
    ModelState
        What cannot be read becomes its `problem`, so that the page shows it.
    """
    from gristmill.registry import Registry, model_settings

    owner, problem = "", ""
    champion: int | None = None
    report: MonitorReport | None = None
    moves: tuple[Move, ...] = ()
    alerts: tuple[Alert, ...] = ()
    repairs: tuple[Repair, ...] = ()
    registered: dict[int, datetime] = {}
    worth: Mapping[str, float] = {}
    try:
        owner = model_settings(project, model).owner
        ledger = Registry(project).ledger
        champion = ledger.aliases(model).get("champion")
        entries = ledger.entries(model)
        registered = {e.version: e.at for e in entries if e.action == "register" and e.version}
        worth = monitoring_settings(project, model).value
        moves = tuple(
            Move(e.at, e.after, e.action, e.actor, e.reason)
            for e in entries
            if e.alias == "champion" and e.after is not None
        )
        alerts = tuple(read_alerts(project, model))
        repairs = tuple(read_repairs(project, model))
        report = read_report(project, model)
    except NotFound as error:
        problem = "" if error.code == "monitoring.report" else str(error)
    except GristmillError as error:
        problem = str(error)
    return ModelState(
        model,
        owner,
        champion,
        report,
        alerts,
        repairs,
        moves,
        problem,
        registered=registered,
        worth=worth,
    )
