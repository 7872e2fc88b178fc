"""`gristmill/alerts`: what fired and why; acknowledge, snooze, resolve; the dashboard's pages."""

from __future__ import annotations

from datetime import UTC, datetime

from gristmill.dashboards import ModelState, model_page, overview, read_state
from gristmill.errors import NotFound
from gristmill.monitoring import Alert, acknowledge, alerts, resolve_alert, snooze
from gristmill.server._handlers import ApiRequest, Route
from gristmill.server._schema import (
    AlertRequest,
    AlertsView,
    AlertView,
    Done,
    ExportRequest,
    MailRequest,
    PageView,
    Watched,
)
from gristmill.server._shared import inside


def listing(asked: ApiRequest) -> AlertsView:
    project = asked.project
    entries = alerts(
        project, asked.query.get("model") or None, all=asked.query.get("all") == "true"
    )
    states = [read_state(project, name) for name in project.models]
    return AlertsView(tuple(map(_view, entries)), tuple(map(_watched, states)))


def acknowledged(asked: ApiRequest) -> AlertView:
    wanted = asked.read(AlertRequest)
    return _view(acknowledge(asked.project, asked.names["alert"], reason=wanted.reason))


def snoozed(asked: ApiRequest) -> AlertView:
    wanted = asked.read(AlertRequest)
    until = wanted.until or "1d"
    return _view(snooze(asked.project, asked.names["alert"], until=until, reason=wanted.reason))


def resolved(asked: ApiRequest) -> AlertView:
    wanted = asked.read(AlertRequest)
    return _view(resolve_alert(asked.project, asked.names["alert"], reason=wanted.reason))


def export(asked: ApiRequest) -> Done:
    from gristmill.dashboards import export_dashboard

    wanted, project = asked.read(ExportRequest), asked.project
    export_dashboard(project, asked.names["model"], inside(project, wanted.target))
    return Done(f"Wrote {wanted.target}.")


def mail(asked: ApiRequest) -> Done:
    from gristmill.dashboards import mail_dashboard

    wanted, model = asked.read(MailRequest), asked.names["model"]
    mail_dashboard(asked.project, model, wanted.route)
    return Done(f"Sent the page of {model} by {wanted.route}.")


def dashboard(asked: ApiRequest) -> PageView:
    """The stored reports as a page; the notebook to explore them needs `gristmill dashboard`."""
    project, model = asked.project, asked.query.get("model", "")
    if not model:
        states = [read_state(project, name) for name in project.models]
        return PageView(project.name, overview(project.name, states, "#"))
    if model not in project.models:
        raise NotFound(
            "model.unknown",
            f"no model {model!r} is declared.",
            hint=f"Declared: {', '.join(project.models) or 'none'}.",
        )
    return PageView(model, model_page(project.name, read_state(project, model), "#"))


def _view(alert: Alert) -> AlertView:
    return AlertView(
        id=alert.id,
        model=alert.model,
        version=alert.version,
        rule=alert.rule,
        severity=alert.severity,
        reason=alert.reason,
        first=alert.first.isoformat(),
        last=alert.last.isoformat(),
        windows=alert.windows,
        opened=alert.opened.isoformat(),
        state=alert.state(datetime.now(UTC)),
        closing=alert.closing,
        acknowledged=alert.acknowledged,
        snoozed=alert.snoozed.isoformat() if alert.snoozed else "",
        note=alert.note,
        owners=alert.owners,
    )


def _watched(state: ModelState) -> Watched:
    judged = state.last.end.isoformat() if state.last else ""
    return Watched(state.name, state.status, state.champion, judged, state.problem)


ROUTES = [
    Route("GET", "alerts", listing, query=("model", "all")),
    Route("POST", "alerts/{alert}/acknowledge", acknowledged, body=AlertRequest),
    Route("POST", "alerts/{alert}/snooze", snoozed, body=AlertRequest),
    Route("POST", "alerts/{alert}/resolve", resolved, body=AlertRequest),
    Route("GET", "dashboard", dashboard, query=("model",)),
    Route("POST", "models/{model}/dashboard/export", export, body=ExportRequest),
    Route("POST", "models/{model}/dashboard/mail", mail, body=MailRequest),
]
