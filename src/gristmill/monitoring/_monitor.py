"""The verb `monitor`: read the log, judge its windows, keep the report, raise alerts.   START HERE

Everything is kept under `.gristmill/monitoring/<model>/`. Running it again, or after a kill,
gives the same report and the same alerts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from gristmill.errors import Invalid
from gristmill.files import exclusive_lock, remove_leftovers
from gristmill.monitoring._alerts.alerts import Alert, open_alerts, update_alerts
from gristmill.monitoring._alerts.ledger_sync import record_alerts
from gristmill.monitoring._alerts.notifications import deliver_notifications
from gristmill.monitoring._model import load_monitored_model
from gristmill.monitoring._tracking import log_windows
from gristmill.monitoring._windows.assessment import assess_windows
from gristmill.monitoring._windows.reference import ProfileCache
from gristmill.monitoring._windows.report import MonitorReport, previous_windows, write_report
from gristmill.notify import Delivery
from gristmill.project import Project, finds_project
from gristmill.workspace_trust import require_trust


@dataclass(frozen=True)
class MonitorResult:
    """What a run of the monitor gives.

    Attributes
    ----------
    report
        The judgement of every window.
    alerts
        The alerts that are open now, oldest first.
    opened
        Those among them that this run opened.
    sent
        The messages that were sent, and what became of each.
    """

    report: MonitorReport
    alerts: tuple[Alert, ...]
    opened: tuple[Alert, ...]
    sent: tuple[Delivery, ...] = ()


@finds_project
def monitor(
    project: Project,
    model: str,
    *,
    now: datetime | None = None,
    window: str | None = None,
    start: str | None = None,
    notify: bool = True,
) -> MonitorResult:
    """Judge every window of the model's prediction log against the baseline of its version.

    Parameters
    ----------
    project
        The project that declares the model.
    model
        The model's name.
    now
        The present when None; aware of its time zone. Windows that end later are judged "so far"
        and raise no alert.
    window, start
        Used instead of the settings' when given, for this run alone: its report and alerts are
        returned and not kept.
    notify
        Whether alerts are sent to their routes.

    Returns
    -------
    MonitorResult
        The report, the open alerts, and what was sent.

    Raises
    ------
    NotFound
        The project declares no such model.
    Invalid
        A setting has a bad value, or `now` names no time zone.
    Conflict
        Another monitor of this model is running.
    """
    require_trust(project.root)
    current = now or datetime.now(UTC)
    if current.tzinfo is None:
        raise Invalid("monitoring.now", "`now` must be aware of its time zone.")
    subject = load_monitored_model(project, model, window=window, start=start)
    keep = window is None and start is None
    with (
        exclusive_lock(subject.directory / "lock", f"monitoring {model}"),
        subject.open_store() as store,
    ):
        remove_leftovers([subject.directory])
        profiles = ProfileCache(subject)
        store.count_log(subject.predictions, subject.feedback, profiles.get, subject.settings.by)
        previous = previous_windows(project, model) if keep else {}
        report = assess_windows(subject, store, profiles.loaded, previous, current)
        if not keep:
            return MonitorResult(report, open_alerts(project, model), ())
        write_report(subject.directory, report)
        update = update_alerts(
            project,
            model,
            report.windows,
            subject.champion,
            current,
            subject.patience,
            subject.owners,
        )
        record_alerts(project, model, update.records)
        log_windows(subject, report)
        sent = deliver_notifications(subject, update.alerts, current) if notify else []
    return MonitorResult(report, update.open, update.opened, tuple(sent))
