"""The verb `repair`: from an open alert to a new champion, or to a person.

Every step is written to `repairs.jsonl` when it is done. A repair that was killed is resumed by the
next one: the pipeline runs what is stale, a registered version is not registered again, and
promoting the holder changes nothing. A lock keeps repairs of a model apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gristmill.errors import GristmillError
from gristmill.events import Notice
from gristmill.files import exclusive_lock
from gristmill.monitoring._alerts.alerts import Alert, read_alerts
from gristmill.monitoring._alerts.ledger_sync import record_repairs
from gristmill.monitoring._repair.checkout import (
    check_out,
    makers,
    register_from,
    remove_checkout,
    remove_ended_checkouts,
    require_success,
)
from gristmill.monitoring._repair.resume import settle
from gristmill.monitoring._repair.undo import roll_back
from gristmill.monitoring._repairs import ACTOR, Journal, Repair, journal_path, read_repairs
from gristmill.monitoring._settings import RetrainSettings, directory, retrain_settings
from gristmill.monitoring._windows.report import MonitorReport, read_report
from gristmill.project import Project, finds_project
from gristmill.records import parse_duration
from gristmill.workspace_trust import require_trust

if TYPE_CHECKING:
    from gristmill.events import Listener


def next_repair(
    settings: RetrainSettings,
    alerts: Sequence[Alert],
    repairs: Sequence[Repair],
    report: MonitorReport,
    champion: int,
    now: datetime,
) -> Repair | None:
    """What should be done now: the repair under way, a new one, or nothing. Pure.

    A new one answers all open alerts on the champion whose rule repairs. It trains up to the end of
    the last window that shows them. The same rows are not tried twice, unless the run failed.
    """
    unfinished = [r for r in repairs if not r.outcome]
    if unfinished:
        return unfinished[-1]
    asking = [a for a in alerts if a.is_open and a.version == champion and a.rule in settings.on]
    if not asking:
        return None
    last = max(a.last for a in asking)
    ends = [w.end for w in report.windows if w.version == champion and w.start == last]
    end = max(ends, default=last)
    mine = [r for r in repairs if r.champion == champion]
    if any(r.outcome == "gave-up" for r in mine):
        return None
    span = (_date(end - timedelta(days=settings.days)), _date(end))
    if any((r.start, r.end) == span and r.outcome != "failed" for r in mine):
        return None
    pause = parse_duration(settings.cooldown, "cooldown")
    if any(end - _moment(r.end) < pause for r in repairs if r.outcome != "failed"):
        return None
    if over_budget(settings, repairs, end):
        return None
    number = len(mine) + 1
    trigger = "; ".join(f"{a.rule} since {a.first:%Y-%m-%d}: {a.reason}" for a in asking)
    identity = f"v{champion}-{number}"
    ids = tuple(a.id for a in asking)
    return Repair(identity, champion, ids, trigger, *span, began=now)


def over_budget(settings: RetrainSettings, repairs: Sequence[Repair], end: datetime) -> bool:
    """Whether as many repairs began in the last `per` as `most` allows. Pure."""
    span = parse_duration(settings.per, "per")
    trained = [r for r in repairs if r.outcome != "rolled-back"]
    recent = [r for r in trained if timedelta(0) <= end - _moment(r.end) < span]
    return bool(settings.most) and len(recent) >= settings.most


@finds_project
def repair(
    project: Project,
    model: str,
    *,
    now: datetime | None = None,
    listeners: Iterable[Listener] = (),
) -> Repair | None:
    """Act on the open alerts of the champion.

    Runs the pipeline on the newest window, in a double of the project at its last commit, registers
    what comes out, judges it by the gates, and promotes a version that passed. With `approve =
    "person"` a person promotes; where the model's policy asks for approvals a request is filed and
    the next repair, or `gristmill resume`, continues. An error makes the outcome "failed"; after
    `attempts` of them it is "gave-up" and a person is needed.

    Parameters
    ----------
    project
        The project that declares the model.
    model
        The model's name.
    now
        When; the present when None.
    listeners
        Hear the events of the run.

    Returns
    -------
    Repair or None
        None when nothing asks for a repair.

    Raises
    ------
    Invalid
        The settings do not say how to retrain the model.
    NotFound
        The model has not been monitored yet.
    Conflict
        Another repair of the model is running.
    """
    from gristmill.registry import champion

    def tell(summary: str) -> None:
        for listener in listeners:
            listener(Notice(moment.timestamp(), "", summary))

    require_trust(project.root)
    settings = retrain_settings(project, model)
    moment = now or datetime.now(UTC)
    listeners = tuple(listeners)
    path = journal_path(project, model)
    with exclusive_lock(directory(project, model) / "repair.lock", f"a repair of {model}"):
        holder = champion(project, model)
        if holder is None:
            return None
        settled = settle(project, model, holder.version, path, moment)
        if settled is not None:
            record_repairs(project, model)
            return settled
        repairs = read_repairs(project, model)
        remove_ended_checkouts(project, model, repairs)
        if settings.rollback:
            rolled_back = roll_back(project, model, holder.version, repairs, moment, tell)
            if rolled_back is not None:
                return rolled_back
        task = next_repair(
            settings,
            read_alerts(project, model),
            repairs,
            read_report(project, model),
            holder.version,
            moment,
        )
        if task is None:
            return None
        journal = Journal(path, task.id, moment)
        if task.id not in {r.id for r in repairs}:
            journal.write("began", **{k: getattr(task, k) for k in BEGIN})
        tries = [r for r in repairs if r.champion == task.champion and r.outcome == "failed"]
        try:
            outcome, summary = _act(project, model, task, settings, journal, listeners)
        except GristmillError as error:
            final = len(tries) + 1 >= settings.attempts
            outcome = "gave-up" if final else "failed"
            summary = str(error)
        journal.write(outcome, summary=summary)
        record_repairs(project, model)
        remove_checkout(project, model, task.id)
    return next(r for r in read_repairs(project, model) if r.id == task.id)


BEGIN = ("champion", "alerts", "trigger", "start", "end")


def _act(
    project: Project,
    model: str,
    task: Repair,
    settings: RetrainSettings,
    journal: Journal,
    listeners: Iterable[Listener],
) -> tuple[str, str]:
    """Run, register, judge, promote. Returns the outcome and what to tell a person."""
    from gristmill.registry import (
        Registry,
        champion,
        gate,
        open_requests,
        promote,
        request_approval,
        status_of,
    )
    from gristmill.runner import RunRequest, run

    version = task.version
    if version is None:
        dates = {settings.start: task.start, settings.end: task.end}
        double = check_out(project, model, task.id)
        request = RunRequest(
            targets=makers(double, model),
            params=settings.params or None,
            overrides={k: v for k, v in dates.items() if k},
            trigger=f"repair {task.id}: {task.trigger}",
        )
        result = run(double, request, listeners)
        require_success(project, double, result)
        journal.write("ran", run=result.run)
        version = register_from(project, double, model, ACTOR).version
        journal.write("registered", version=version)
    trained = f"version {version}, trained on {task.start} to {task.end},"
    if version == task.champion:
        return "kept", f"Training on {task.start} to {task.end} gave the champion again."
    promoted = f"{trained} passed its gates and replaced version {task.champion}."
    holder = champion(project, model)
    if holder is not None and holder.version == version:
        return "promoted", promoted
    report = gate(project, model, version, actor=ACTOR)
    journal.write("gated", verdict=report.verdict)
    if not report.passed:
        return "kept", (
            f"{trained} did not pass its gates, version {task.champion} stays: {report.failures()}"
        )
    registry = Registry(project)
    if not status_of(registry, registry.version(model, version)).granted:
        requested = [e for e in open_requests(project) if (e.model, e.version) == (model, version)]
        if not requested:
            reason = f"repair {task.id}: {task.trigger}"
            request_approval(project, model, version, reason=reason, actor=ACTOR)
        return "waiting", f"{trained} passed its gates and waits for approvals."
    if settings.approve == "person":
        promote(
            project,
            model,
            version,
            alias="challenger",
            reason=f"repair {task.id}: passed its gates, waits for a person",
            actor=ACTOR,
        )
        command = f"gristmill model promote {model} {version}"
        return "waiting", f"{trained} passed its gates and waits for a person: `{command}`."
    promote(
        project,
        model,
        version,
        reason=f"repair {task.id}: {task.trigger}",
        actor=ACTOR,
        expected=task.champion,
    )
    return "promoted", promoted


def _date(moment: datetime) -> str:
    """An ISO date, with a time only where there is one."""
    text = moment.astimezone(UTC).isoformat()
    return text.removesuffix("T00:00:00+00:00")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
