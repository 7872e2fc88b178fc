"""Every window of a model judged, with its control charts; what did not change is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from scipy import stats

from gristmill.monitoring._model import MonitoredModel
from gristmill.monitoring._statistics.performance import HIGHER, default_metric
from gristmill.monitoring._store.profile import Profile
from gristmill.monitoring._store.reading import Reading, Window
from gristmill.monitoring._windows.budget import allocate, budget_text
from gristmill.monitoring._windows.business import business_metrics
from gristmill.monitoring._windows.charts import (
    add_findings,
    business_chart,
    performance_chart,
)
from gristmill.monitoring._windows.judgement import assess_window, basis_of
from gristmill.monitoring._windows.report import (
    MonitorReport,
    Point,
    VersionReport,
    WindowReport,
    coarse_labels,
)


def assess_windows(
    model: MonitoredModel,
    store: Reading,
    profiles: Mapping[int, Profile],
    previous: Mapping[tuple[datetime, int], WindowReport],
    current: datetime,
) -> MonitorReport:
    """Judge the windows whose basis is not that of the judgement in `previous` (by start and
    version), and chart all of them. Windows that end after `current` are not closed."""
    settings = model.settings
    task = profiles[max(profiles)].task if profiles else "binary"
    metric = settings.metric or default_metric(task)
    windows = []
    earlier: dict[int, list[Window]] = {version: [] for version in profiles}
    for window in store.windows(settings.period):
        profile, past = profiles[window.version], earlier[window.version]
        basis = basis_of(window, past, profile, settings, model.contract_digest)
        report = previous.get((window.start, window.version))
        if report is None or report.basis != basis:
            report = assess_window(store, window, past, profile, settings, metric, basis)
        windows.append(replace(report, closed=window.end <= current))
        past.append(window)
    charts = _charts(model, windows, profiles, metric)
    return MonitorReport(
        model=model.name,
        window=settings.window,
        metric=metric,
        made=current,
        versions=tuple(_version_report(profiles[v]) for v in sorted(profiles)),
        windows=tuple(add_findings(windows, charts, metric, settings.act)),
        damaged=store.damaged(),
        budget=budget_text(settings),
        charts={name: tuple(points) for name, points in charts.items() if points},
    )


def _charts(
    model: MonitoredModel,
    windows: list[WindowReport],
    profiles: Mapping[int, Profile],
    metric: str,
) -> dict[str, list[Point]]:
    """The control charts of the model's metric and of its business metrics, by name."""
    charts: dict[str, list[Point]] = {}
    settings, spent = model.settings, allocate(model.settings)
    if metric in HIGHER:
        baselines = {v: p.baseline[metric] for v, p in profiles.items() if metric in p.baseline}
        deviations = float(stats.norm.isf(spent["performance"] / 2))
        charts[metric] = performance_chart(
            windows, baselines, metric, deviations, spent["chart"], settings.margin
        )
    where = f"{model.name} monitoring"
    declared = business_metrics(model.project, settings, windows, where)
    for business in declared:
        alpha = spent.get("business", spent["chart"]) / len(declared)
        charts[business.name] = business_chart(business, windows, alpha)
    return charts


def _version_report(profile: Profile) -> VersionReport:
    labels = {c.name: coarse_labels(c) for c in profile.columns}
    return VersionReport(
        version=profile.version,
        task=profile.task,
        rows=profile.rows,
        baseline=profile.baseline,
        importance={c.name: c.importance for c in profile.features},
        bins={name: names for name, (names, _) in labels.items()},
        reference={name: shares for name, (_, shares) in labels.items()},
    )
