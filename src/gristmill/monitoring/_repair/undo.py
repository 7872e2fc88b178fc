"""A repair that made it worse is taken back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from gristmill.errors import Invalid
from gristmill.monitoring._alerts.alerts import Alert, read_alerts
from gristmill.monitoring._alerts.ledger_sync import record_repairs
from gristmill.monitoring._repairs import ACTOR, Journal, Repair, journal_path, read_repairs
from gristmill.monitoring._settings import monitoring_settings
from gristmill.project import Project

PREFIX = "back-"
DECAYED = ("performance", "chart")


def undoes(champion: int, repairs: Sequence[Repair], alerts: Sequence[Alert]) -> Repair | None:
    """What to take back: the last repair that promoted a version, when that is the champion and its
    performance has decayed; else None. One that serves again after a roll-back stays: going back
    further would end at models that are older still. Pure."""
    promoted = [r for r in repairs if r.outcome == "promoted"][-1:]
    promoted = [r for r in promoted if r.version == champion]
    decayed = [a for a in alerts if a.is_open and a.version == champion and a.rule in DECAYED]
    return promoted[-1] if promoted and decayed else None


def roll_back(
    project: Project,
    model: str,
    champion: int,
    repairs: Sequence[Repair],
    now: datetime,
    tell: Callable[[str], None] = lambda summary: None,
) -> Repair | None:
    """Give the alias back to the version before; None when nothing asks for it.

    The labelled rows since the decay began must show that the version before does better on them,
    else both suffer from the same, and a retraining is what helps; `tell` hears why it stays. A
    call that was killed is resumed by the next: who holds the alias says how far it came.
    """
    from gristmill.registry import rollback

    unfinished = [r for r in repairs if r.id.startswith(PREFIX) and not r.outcome]
    if unfinished and unfinished[-1].champion != champion:
        journal = Journal(journal_path(project, model), unfinished[-1].id, now)
        return _end(project, model, journal, unfinished[-1].champion, champion)
    alerts = read_alerts(project, model)
    harmful = undoes(champion, repairs, alerts)
    if harmful is None:
        return None
    identity = f"{PREFIX}{harmful.id}"
    reasons = [a for a in alerts if a.is_open and a.version == champion and a.rule in DECAYED]
    trigger = "; ".join(f"{a.rule} since {a.first:%Y-%m-%d}: {a.reason}" for a in reasons)
    journal = Journal(journal_path(project, model), identity, now)
    if identity not in {r.id for r in repairs}:
        better, summary = _does_better(project, model, harmful, min(a.first for a in reasons))
        if not better:
            tell(summary)
            return None
        trigger += f"; {summary}"
        journal.write(
            "began",
            champion=champion,
            alerts=[a.id for a in reasons],
            trigger=trigger,
            start=harmful.start,
            end=harmful.end,
        )
    rollback(project, model, reason=f"repair {harmful.id} made it worse: {trigger}", actor=ACTOR)
    return _end(project, model, journal, champion, harmful.champion)


def _does_better(project: Project, model: str, repair: Repair, since: datetime) -> tuple[bool, str]:
    """Whether the version before the repair does, for certain, and what that rests on."""
    from gristmill.monitoring._repair.hindsight import in_hindsight
    from gristmill.monitoring._windows.report import read_report

    before, after = repair.champion, repair.version
    report, least = read_report(project, model), monitoring_settings(project, model).act
    if report is None or after is None:
        return False, f"nothing shows whether version {before} does better"
    try:
        comparison = in_hindsight(project, model, after, before, since, report.metric, least)
    except Invalid as error:
        return False, f"version {after} stays: {error.message}"
    summary = (
        f"on {comparison.rows:,} labelled rows since {since:%Y-%m-%d} version {before} has "
        f"{comparison.metric} {comparison.challenger:.3f}, "
        f"version {after} {comparison.champion:.3f} "
        f"(better by {comparison.lower:.3f} at least, 95 %)"
    )
    return (
        comparison.lower > 0,
        summary if comparison.lower > 0 else f"version {after} stays: {summary}",
    )


def _end(project: Project, model: str, journal: Journal, bad: int, good: int) -> Repair:
    summary = f"version {good} serves again: version {bad}, which a repair promoted, decayed."
    journal.write("rolled-back", summary=summary)
    record_repairs(project, model)
    return next(r for r in read_repairs(project, model) if r.id == journal.repair)
