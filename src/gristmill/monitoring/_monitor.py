"""The verb `monitor`: read the log, judge its windows, keep the report, raise alerts.   START HERE

Everything is kept under `.gristmill/monitoring/<model>/`. Running it again, or after a kill,
gives the same report and the same alerts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from scipy import stats

from gristmill.errors import Invalid, NotFound
from gristmill.files import exclusive_lock, remove_leftovers, write_json
from gristmill.monitoring._alerts.alerts import Alert, read_alerts, update_alerts
from gristmill.monitoring._alerts.ledger_sync import record_alerts
from gristmill.monitoring._alerts.notifications import deliver_notifications
from gristmill.monitoring._settings import MonitoringSettings, directory, monitoring_settings
from gristmill.monitoring._statistics.performance import HIGHER
from gristmill.monitoring._statistics.periods import parse_length
from gristmill.monitoring._store.profile import Profile
from gristmill.monitoring._store.reading import Reading, Window
from gristmill.monitoring._store.store import SketchStore
from gristmill.monitoring._windows.budget import allocate, budget_text
from gristmill.monitoring._windows.business import business_metrics
from gristmill.monitoring._windows.charts import (
    Point,
    add_findings,
    business_chart,
    performance_chart,
)
from gristmill.monitoring._windows.judgement import assess_window, basis_of
from gristmill.monitoring._windows.reference import profile_of
from gristmill.monitoring._windows.report import (
    FORMAT,
    MonitorReport,
    VersionReport,
    WindowReport,
    coarse_labels,
    default_metric,
    read_report,
)
from gristmill.notify import Delivery, alert_settings
from gristmill.predictions import feedback_directory, predictions_directory
from gristmill.project import Project, finds_project
from gristmill.tracking import experiment_id

if TYPE_CHECKING:
    from gristmill.registry import Registry


@dataclass(frozen=True)
class MonitorResult:
    """What a run of the monitor found: the report, the alerts that are open, those it opened, what
    it told whom."""

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
    tell: bool = True,
) -> MonitorResult:
    """Judge every window of the model's prediction log against what its version promised.

    Windows that end after `now` (aware; the present when None) are judged "so far" and raise no
    alert. `window` and `start` come before the settings' for this run, whose report and alerts are
    then only returned, not kept. Alerts are sent to their routes unless `tell` is off. Raises
    NotFound for an undeclared model, Conflict while another monitor of this model runs.
    """
    from gristmill.registry import Registry, load_contract, model_settings

    declared = model_settings(project, model)
    settings = monitoring_settings(project, model, window=window, start=start)
    moment = now or datetime.now(UTC)
    if moment.tzinfo is None:
        raise Invalid("monitoring.now", "`now` must be aware of its time zone.")
    folder = directory(project, model)
    registry = Registry(project)
    layout = f"{settings.by} {settings.segments}"
    contract = load_contract(project, declared.contract)
    with (
        exclusive_lock(folder / "lock", f"monitoring {model}"),
        SketchStore(
            folder / "sketches.db", layout, sampled=settings.joint, contract=contract
        ) as db,
    ):
        remove_leftovers([folder])
        log = predictions_directory(project, model)
        known = {v.version: v for v in registry.versions(model)}
        profiles: dict[int, Profile] = {}

        def profile(number: int) -> Profile | None:
            if number in known and number not in profiles:
                profiles[number] = profile_of(
                    registry, declared, settings, known[number], folder / "profiles"
                )
            return profiles.get(number)

        db.take_predictions(log, profile, settings.by)
        db.take_feedback(feedback_directory(project, model), profiles)
        ad_hoc = window is not None or start is not None
        digest = contract.digest if contract else ""
        report = _report(db, profiles, model, settings, digest, moment, project, keep=not ad_hoc)
        if ad_hoc:
            return MonitorResult(report, tuple(_open(project, model)), ())
        write_json(folder / "report.json", {"format": FORMAT, **report.record()})
        holder = registry.ledger.aliases(model).get("champion")
        late = alert_settings(project).escalate
        patience = parse_length(late, "alerts.escalate") if late else None
        opened = update_alerts(
            project,
            model,
            report.windows,
            holder,
            moment,
            patience,
            [declared.owner] if declared.owner else [],
        )
        record_alerts(project, model)
        _log_to_mlflow(project, registry, report)
        sent = deliver_notifications(project, model, moment) if tell else []
    return MonitorResult(report, tuple(_open(project, model)), tuple(opened), tuple(sent))


def _open(project: Project, model: str) -> list[Alert]:
    return [a for a in read_alerts(project, model) if a.is_open]


def _report(
    db: Reading,
    profiles: Mapping[int, Profile],
    model: str,
    settings: MonitoringSettings,
    contract: str,
    now: datetime,
    home: Project,
    *,
    keep: bool,
) -> MonitorReport:
    """Judge what changed since the kept report, if `keep`, and keep the rest."""
    kept: dict[tuple[datetime, int], WindowReport] = {}
    if keep:
        try:
            old = read_report(home, model)
            kept = {(w.start, w.version): w for w in old.windows}
        except (NotFound, Invalid):
            kept = {}
    last = profiles[max(profiles)].task if profiles else "binary"
    metric = settings.metric or default_metric(last)
    windows = []
    past: dict[int, list[Window]] = {}
    for window in db.windows(settings.period):
        profile, earlier = profiles[window.version], past.setdefault(window.version, [])
        basis = basis_of(window, earlier, profile, settings, contract)
        found = kept.get((window.start, window.version))
        if found is None or found.basis != basis:
            found = assess_window(db, window, earlier, profile, settings, metric, basis)
        windows.append(replace(found, closed=window.end <= now))
        earlier.append(window)
    charts: dict[str, list[Point]] = {}
    promised = {v: p.promised[metric] for v, p in profiles.items() if metric in p.promised}
    spent = allocate(settings)
    deviations = float(stats.norm.isf(spent["performance"] / 2))
    if metric in HIGHER:
        charts[metric] = performance_chart(
            windows, promised, metric, deviations, spent["chart"], settings.margin
        )
    metrics = business_metrics(home, settings, windows, f"{model} monitoring")
    for each in metrics:
        share = spent.get("business", spent["chart"]) / len(metrics)
        charts[each.name] = business_chart(each, windows, share)
    windows = add_findings(windows, charts, metric, settings.act)
    return MonitorReport(
        model=model,
        window=settings.window,
        metric=metric,
        made=now,
        versions=tuple(_version_report(profiles[v]) for v in sorted(profiles)),
        windows=tuple(windows),
        damaged=db.damaged(),
        budget=budget_text(settings),
        charts={
            k: tuple({**vars(p), "start": p.start.isoformat(), "rules": list(p.rules)} for p in v)
            for k, v in charts.items()
            if v
        },
    )


def _version_report(profile: Profile) -> VersionReport:
    labels = {c.name: coarse_labels(c) for c in profile.columns}
    return VersionReport(
        version=profile.version,
        task=profile.task,
        rows=profile.rows,
        promised=profile.promised,
        importance={c.name: c.importance for c in profile.features},
        bins={n: names for n, (names, _) in labels.items()},
        reference={n: shares for n, (_, shares) in labels.items()},
    )


def _log_to_mlflow(project: Project, registry: Registry, report: MonitorReport) -> None:
    """One MLflow run a model holds the figures of its closed windows, as metrics over time.

    What was logged is remembered beside the report, so that a window is logged once for each
    judgement of it.
    """
    path = directory(project, report.model) / "logged.json"
    state = {"run": "", "windows": {}}
    if path.is_file():
        state = json.loads(path.read_text(encoding="utf-8"))
    done: dict[str, str] = state["windows"]  # type: ignore[assignment]
    fresh = [
        (i, w)
        for i, w in enumerate(report.windows)
        if w.closed and done.get(f"{w.start.isoformat()}/{w.version}") != w.basis
    ]
    if not fresh:
        return
    from mlflow.entities import Metric as Logged
    from mlflow.entities import RunTag

    client = registry.client
    run = str(state["run"]) or _monitoring_run(project, registry, report.model)
    logged = []
    for step, window in fresh:
        values = {"drift.share": window.drift.share, "rows": float(window.rows)}
        values |= {f"drift.{f.name}": f.distances.moved for f in window.drift.features}
        values |= {k: m.value for k, m in window.performance.items()}
        when = int(window.end.timestamp() * 1000)
        logged += [Logged(k, v, when, step) for k, v in values.items()]
        done[f"{window.start.isoformat()}/{window.version}"] = window.basis
    for first in range(0, len(logged), 900):
        client.log_batch(run, metrics=logged[first : first + 900])
    version = str(report.windows[-1].version)
    client.log_batch(run, tags=[RunTag("gristmill.version", version)])
    write_json(path, {"run": run, "windows": done})


def _monitoring_run(project: Project, registry: Registry, model: str) -> str:
    client = registry.client
    experiment = experiment_id(project, client, "-monitoring")
    query = f"tags.`gristmill.model` = '{model}'"
    made = client.search_runs([experiment], query, max_results=1)
    if made:  # by a process that was killed before it wrote that down
        return str(made[0].info.run_id)
    run = client.create_run(
        experiment, run_name=f"monitor {model}", tags={"gristmill.model": model}
    )
    return str(run.info.run_id)
