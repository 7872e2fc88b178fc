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


def listing(request: ApiRequest) -> AlertsView:
    """Open alerts (all with `all=true`) and the monitoring state of each model."""
    project = request.project
    entries = alerts(
        project, request.query.get("model") or None, all=request.query.get("all") == "true"
    )
    states = [read_state(project, name) for name in project.models]
    return AlertsView(tuple(map(_view, entries)), tuple(map(_watched, states)))


def acknowledged(request: ApiRequest) -> AlertView:
    """Acknowledge an alert."""
    body = request.read(AlertRequest)
    return _view(acknowledge(request.project, request.names["alert"], reason=body.reason))


def snoozed(request: ApiRequest) -> AlertView:
    """Snooze an alert, for one day unless the request says otherwise."""
    body = request.read(AlertRequest)
    until = body.until or "1d"
    return _view(snooze(request.project, request.names["alert"], until=until, reason=body.reason))


def resolved(request: ApiRequest) -> AlertView:
    """Resolve an alert."""
    body = request.read(AlertRequest)
    return _view(resolve_alert(request.project, request.names["alert"], reason=body.reason))


def export(request: ApiRequest) -> Done:
    """Write a model's dashboard page to a file of the project."""
    from gristmill.dashboards import export_dashboard

    body, project = request.read(ExportRequest), request.project
    export_dashboard(project, request.names["model"], inside(project, body.target))
    return Done(f"Wrote {body.target}.")


def mail(request: ApiRequest) -> Done:
    """Send a model's dashboard page by an e-mail route."""
    from gristmill.dashboards import mail_dashboard

    body, model = request.read(MailRequest), request.names["model"]
    mail_dashboard(request.project, model, body.route)
    return Done(f"Sent the page of {model} by {body.route}.")


def dashboard(request: ApiRequest) -> PageView:
    """The stored reports as a page; the notebook to explore them needs `gristmill dashboard`."""
    project, model = request.project, request.query.get("model", "")
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
