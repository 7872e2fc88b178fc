"""The figures of the dashboards for Prometheus, and a Grafana dashboard of them.

Names follow Prometheus' conventions: a ratio is from 0 to 1 and ends in `_ratio`, a moment is Unix
time and ends in `_timestamp_seconds`, a count ends in what is counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from importlib import resources

from gristmill.monitoring._alerts.alerts import Alert
from gristmill.monitoring._windows.report import MonitorReport

Sample = tuple[str, Mapping[str, str], float]
HELP = {
    "gristmill_drift_ratio": "Share of features that drifted in the last closed window (0 to 1)",
    "gristmill_feature_moved_ratio": "Share of rows that moved away from the reference (0 to 1)",
    "gristmill_feature_drifted": "1 if the feature drifted in the last closed window, else 0",
    "gristmill_performance": "Metric on the labelled rows of the last closed window that has any",
    "gristmill_performance_estimated": "Metric estimated from the predictions alone",
    "gristmill_performance_baseline": "Metric measured before the version was registered",
    "gristmill_window_rows": "Predictions in the last closed window",
    "gristmill_window_labelled_rows": "Predictions in the last closed window that have a label",
    "gristmill_window_end_timestamp_seconds": "End of the last closed window, Unix time",
    "gristmill_contract_broken_rows": "Rows in the last closed window that break a contract rule",
    "gristmill_alerts_open": "Open alerts by severity and state",
    "gristmill_log_damaged_lines": "Lines of the prediction log that could not be read",
}


def metric_samples(report: MonitorReport, alerts: list[Alert], now: datetime) -> Iterator[Sample]:
    """The figures of one model. Pure.

    Parameters
    ----------
    report
        The model's report.
    alerts
        All its alerts.
    now
        The time that says which alerts are snoozed.

    Yields
    ------
    Sample
        A name that HELP lists, labels, and a value.
    """
    model = {"model": report.model}
    closed = [w for w in report.windows if w.closed and w.drift.verdict != "inconclusive"]
    if closed:
        last = closed[-1]
        of = {**model, "version": str(last.version)}
        yield "gristmill_drift_ratio", of, last.drift.share
        yield "gristmill_window_rows", of, float(last.rows)
        yield "gristmill_window_labelled_rows", of, float(last.labelled)
        yield "gristmill_window_end_timestamp_seconds", of, last.end.timestamp()
        for f in last.drift.features:
            yield "gristmill_feature_moved_ratio", {**of, "feature": f.name}, f.distances.moved
            yield "gristmill_feature_drifted", {**of, "feature": f.name}, float(f.drifted)
        for b in last.breaches:
            about = {**of, "feature": b.column, "rule": b.rule}
            yield "gristmill_contract_broken_rows", about, float(b.rows)
        for name, metric in last.estimated.items():
            yield "gristmill_performance_estimated", {**of, "metric": name}, metric.value
        baseline = next(v.baseline for v in report.versions if v.version == last.version)
        for name, metric in baseline.items():
            yield "gristmill_performance_baseline", {**of, "metric": name}, metric.value
    for window in [w for w in closed if w.performance][-1:]:
        of = {**model, "version": str(window.version)}
        for name, metric in window.performance.items():
            yield "gristmill_performance", {**of, "metric": name}, metric.value
    tally: dict[tuple[str, str], int] = {}
    for alert in alerts:
        if alert.is_open:
            key = (alert.severity, alert.state(now))
            tally[key] = tally.get(key, 0) + 1
    for severity in ("warning", "critical"):
        for state in ("open", "acknowledged", "snoozed"):
            about = {**model, "severity": severity, "state": state}
            yield "gristmill_alerts_open", about, float(tally.get((severity, state), 0))
    yield "gristmill_log_damaged_lines", model, float(report.damaged)


def prometheus_text(samples: Iterable[Sample]) -> bytes:
    """Samples of any number of models in Prometheus' text format. Pure.

    Parameters
    ----------
    samples
        Names that HELP lists, labels, and values; a name has the same labels throughout.

    Returns
    -------
    bytes
        Each name once, with its help and type.
    """
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import GaugeMetricFamily
    from prometheus_client.registry import Collector

    families: dict[str, GaugeMetricFamily] = {}
    for name, labels, value in samples:
        if name not in families:
            families[name] = GaugeMetricFamily(name, HELP[name], labels=list(labels))
        families[name].add_metric(list(labels.values()), value)

    class Stored(Collector):
        """What reports hold: nothing is counted in this process."""

        def collect(self) -> Iterable[GaugeMetricFamily]:
            return families.values()

    registry = CollectorRegistry()
    registry.register(Stored())
    return generate_latest(registry)


def grafana_dashboard() -> str:
    """A dashboard for Grafana's import, with a variable for the model."""
    text = (resources.files("gristmill.monitoring") / "grafana.json").read_text(encoding="utf-8")
    return json.dumps(json.loads(text), indent=2)
