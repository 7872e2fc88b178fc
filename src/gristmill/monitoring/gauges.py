"""The figures of the dashboards for Prometheus, in its text format, and a Grafana dashboard of
them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib import resources

from gristmill.monitoring.alerts import Alert
from gristmill.monitoring.report import MonitorReport

Sample = tuple[str, Mapping[str, str], float]
HELP = {
    "gristmill_drift_share": "Share of features that drifted in the last closed window",
    "gristmill_feature_moved": "Share of rows that lie elsewhere than in the reference",
    "gristmill_feature_drifted": "1 when the feature drifted",
    "gristmill_performance": "Metric on labelled rows of the last closed window that has any",
    "gristmill_performance_estimated": "Metric that predictions alone let expect",
    "gristmill_performance_promised": "Metric measured before registration",
    "gristmill_window_rows": "Predictions in the last closed window",
    "gristmill_window_labelled": "Predictions in it whose label came",
    "gristmill_window_end_seconds": "When the last closed window ended, Unix time",
    "gristmill_contract_broken_rows": "Rows in it that break a rule of the contract, by column",
    "gristmill_alerts_open": "Open alerts by severity and state",
    "gristmill_log_damaged_lines": "Lines of the log that could not be read",
}


def samples(report: MonitorReport, alerts: list[Alert], now: datetime) -> Iterator[Sample]:
    """The figures of one model. Pure."""
    model = {"model": report.model}
    closed = [w for w in report.windows if w.closed and w.drift.verdict != "cannot-judge"]
    if closed:
        last = closed[-1]
        of = {**model, "version": str(last.version)}
        yield "gristmill_drift_share", of, last.drift.share
        yield "gristmill_window_rows", of, float(last.rows)
        yield "gristmill_window_labelled", of, float(last.labelled)
        yield "gristmill_window_end_seconds", of, last.end.timestamp()
        for f in last.drift.features:
            yield "gristmill_feature_moved", {**of, "feature": f.name}, f.distances.moved
            yield "gristmill_feature_drifted", {**of, "feature": f.name}, float(f.drifted)
        for b in last.breaches:
            about = {**of, "feature": b.column, "rule": b.rule}
            yield "gristmill_contract_broken_rows", about, float(b.rows)
        for name, metric in last.estimated.items():
            yield "gristmill_performance_estimated", {**of, "metric": name}, metric.value
        promised = next(v.promised for v in report.versions if v.version == last.version)
        for name, metric in promised.items():
            yield "gristmill_performance_promised", {**of, "metric": name}, metric.value
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


def exposition(found: list[Sample]) -> str:
    """Prometheus' text format: each name once, with its help and type. Pure."""
    parts = []
    for name, text in HELP.items():
        mine = [(labels, value) for n, labels, value in found if n == name]
        if not mine:
            continue
        parts += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
        for labels, value in mine:
            words = ",".join(f'{k}="{_escaped(v)}"' for k, v in labels.items())
            parts.append(f"{name}{{{words}}} {value!r}")
    return "\n".join(parts) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def grafana() -> str:
    """A dashboard for Grafana's import, with a variable for the model."""
    text = (resources.files("gristmill.monitoring") / "grafana.json").read_text(encoding="utf-8")
    return json.dumps(json.loads(text), indent=2)
