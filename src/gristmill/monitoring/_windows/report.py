"""What the room concludes about each window, as values that are stored and shown.

The report as it is kept, for whoever reads it: repair, dashboards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from gristmill.drawing import format_amount, format_percent
from gristmill.errors import Invalid, NotFound
from gristmill.monitoring._settings import MonitoringSettings, directory
from gristmill.monitoring._statistics.distance import Distances, coarsen, groups
from gristmill.monitoring._statistics.drift import Column, ColumnDrift, WindowDrift
from gristmill.monitoring._statistics.estimate import compared
from gristmill.monitoring._statistics.performance import HIGHER, SUMS, Metric, Task
from gristmill.monitoring._statistics.sketch import OTHER, Sketch
from gristmill.monitoring._store.breaches import Breach
from gristmill.project import Project

SHOWN = 12


@dataclass(frozen=True)
class Finding:
    """A rule that a window breaks."""

    rule: str
    severity: str
    reason: str
    owners: tuple[str, ...] = ()


@dataclass(frozen=True)
class WindowReport:
    """The judgement of one version's rows in one window.

    `closed`: the window has ended, so its judgement may raise alerts. `shares` maps a column to its
    share of rows in the coarse bins of the version's report. `estimated` is the performance that
    the predictions alone suggest, `against` says which reference it was,
    `against_windows` and `against_parts` of which windows (by their start) or parts of training it
    is made. `positive` is the share of labels that are true, `outcomes` counts labelled rows by
    what was predicted at one half. `breaches` are the rules of the contract that rows break.
    """

    start: datetime
    end: datetime
    version: int
    rows: int
    labelled: int
    closed: bool
    basis: str
    drift: WindowDrift
    performance: Mapping[str, Metric]
    findings: tuple[Finding, ...]
    shares: Mapping[str, tuple[float, ...]] = field(repr=False, default_factory=dict)
    estimated: Mapping[str, Metric] = field(default_factory=dict)
    against: str = "training"
    against_windows: tuple[datetime, ...] = ()
    against_parts: tuple[str, ...] = ()
    positive: float | None = None
    outcomes: Mapping[str, int] = field(default_factory=dict)
    breaches: tuple[Breach, ...] = ()

    @property
    def coverage(self) -> float:
        """Share of rows whose label came."""
        return self.labelled / self.rows if self.rows else 0.0

    def record(self) -> dict[str, Any]:
        return {
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "version": self.version,
            "rows": self.rows,
            "labelled": self.labelled,
            "closed": self.closed,
            "basis": self.basis,
            "verdict": self.drift.verdict,
            "share": self.drift.share,
            "features": [_drift_record(f) for f in self.drift.features],
            "prediction": _drift_record(self.drift.prediction) if self.drift.prediction else None,
            "performance": {k: vars(m) for k, m in self.performance.items()},
            "findings": [vars(f) for f in self.findings],
            "shares": {k: list(v) for k, v in self.shares.items()},
            "estimated": {k: vars(m) for k, m in self.estimated.items()},
            "against": self.against,
            "against_windows": [start.isoformat() for start in self.against_windows],
            "against_parts": list(self.against_parts),
            "positive": self.positive,
            "outcomes": self.outcomes,
            "breaches": [vars(b) for b in self.breaches],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> WindowReport:
        output = record["prediction"]
        return cls(
            start=datetime.fromisoformat(record["start"]),
            end=datetime.fromisoformat(record["end"]),
            version=record["version"],
            rows=record["rows"],
            labelled=record["labelled"],
            closed=record["closed"],
            basis=record["basis"],
            drift=WindowDrift(
                record["rows"],
                record["verdict"],
                record["share"],
                tuple(_drift_from(f) for f in record["features"]),
                _drift_from(output) if output else None,
            ),
            performance={k: Metric(**m) for k, m in record["performance"].items()},
            findings=tuple(
                Finding(**{**f, "owners": tuple(f["owners"])}) for f in record["findings"]
            ),
            shares={k: tuple(v) for k, v in record["shares"].items()},
            estimated={k: Metric(**m) for k, m in record["estimated"].items()},
            against=record["against"],
            against_windows=tuple(map(datetime.fromisoformat, record["against_windows"])),
            against_parts=tuple(record["against_parts"]),
            positive=record["positive"],
            outcomes=record["outcomes"],
            breaches=tuple(Breach(**b) for b in record["breaches"]),
        )


@dataclass(frozen=True)
class VersionReport:
    """A version as the windows see it: `bins` are labels of the coarse bins, `reference` their
    shares, both by column."""

    version: int
    task: Task
    rows: int
    baseline: Mapping[str, Metric]
    importance: Mapping[str, float]
    bins: Mapping[str, tuple[str, ...]]
    reference: Mapping[str, tuple[float, ...]]

    def record(self) -> dict[str, Any]:
        return {**vars(self), "baseline": {k: vars(m) for k, m in self.baseline.items()}}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> VersionReport:
        changed = {
            "baseline": {k: Metric(**m) for k, m in record["baseline"].items()},
            "bins": {k: tuple(v) for k, v in record["bins"].items()},
            "reference": {k: tuple(v) for k, v in record["reference"].items()},
        }
        return cls(**{**record, **changed})


@dataclass(frozen=True)
class MonitorReport:
    """All windows of a model, oldest first.

    `damaged` are lines of the log, `budget` a sentence on false alarms, `charts` the points of
    control charts by metric (records of `charting.Point`).
    """

    model: str
    window: str
    metric: str
    made: datetime
    versions: tuple[VersionReport, ...]
    windows: tuple[WindowReport, ...]
    damaged: int = 0
    budget: str = ""
    charts: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "window": self.window,
            "metric": self.metric,
            "made": self.made.isoformat(),
            "versions": [v.record() for v in self.versions],
            "windows": [w.record() for w in self.windows],
            "damaged": self.damaged,
            "budget": self.budget,
            "charts": self.charts,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> MonitorReport:
        return cls(
            record["model"],
            record["window"],
            record["metric"],
            datetime.fromisoformat(record["made"]),
            tuple(VersionReport.from_record(v) for v in record["versions"]),
            tuple(WindowReport.from_record(w) for w in record["windows"]),
            record["damaged"],
            record["budget"],
            {k: tuple(v) for k, v in record["charts"].items()},
        )


def findings(
    drift: WindowDrift,
    performance: Mapping[str, Metric],
    baseline: Mapping[str, Metric],
    labelled: int,
    metric: str,
    settings: MonitoringSettings,
) -> tuple[Finding, ...]:
    """The rules that a window breaks, once it has rows enough to act on."""
    if drift.rows < settings.act:
        return ()
    found = []
    if drift.verdict == "drift":
        moved = [f for f in drift.features if f.drifted]
        worst = "; ".join(f"{f.name}: {f.words}" for f in moved[:3])
        text = f"{format_percent(drift.share)} of features drifted. {worst}"
        found.append(Finding("drift", "warning", text, _owners(moved, settings)))
    if drift.prediction and drift.prediction.drifted:
        found.append(Finding("prediction", "warning", f"predictions: {drift.prediction.words}"))
    broken = [
        f
        for f in drift.features
        if f.drifted
        and (
            abs(f.distances.missing) >= settings.missing or f.distances.outside >= settings.outside
        )
    ]
    if broken:
        text = "; ".join(f"{f.name}: {f.words}" for f in broken[:3])
        found.append(Finding("quality", "warning", text, _owners(broken, settings)))
    now, then = performance.get(metric), baseline.get(metric)
    if now and then and labelled >= settings.act:
        gap = now.value - then.value if not HIGHER[metric] else then.value - now.value
        half = float(np.hypot(now.high - now.low, then.high - then.low)) / 2
        if gap > settings.margin + half:
            text = f"{metric} {format_amount(now.value)} on {labelled:,} labelled rows, where "
            text += f"{format_amount(then.value)} was measured before registration"
            found.append(Finding("performance", "critical", text))
    return tuple(found)


def _owners(features: Sequence[ColumnDrift], settings: MonitoringSettings) -> tuple[str, ...]:
    named = (settings.owners.get(f.name) for f in features)
    return tuple(dict.fromkeys(o for o in named if o))


def default_metric(task: Task) -> str:
    return {"binary": "roc_auc", "regression": "rmse", "labels": SUMS["labels"][0]}[task]


def coarse_labels(column: Column) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Names of the coarse bins and the reference's share of rows in each, missing ones last."""
    size = column.binning.size - 1
    reference = column.reference.counts[1:]
    ordered = column.binning.kind == "number"
    if ordered:
        names = _ranges(column)
    else:
        order = np.argsort(-reference, kind="stable")
        words = (*column.binning.categories, OTHER)
        names = [words[i] for i in order[:9]]
        names += ["the rest"] if size > 9 else []
    return (*names, "missing"), coarse_shares(column, column.reference)


def coarse_shares(column: Column, sketch: Sketch) -> tuple[float, ...]:
    """A sketch's share of rows in each coarse bin, missing ones last."""
    ordered = column.binning.kind == "number"
    _, counts = coarsen(column.reference.counts[1:], sketch.counts[1:], ordered=ordered)
    rows = max(1, sketch.rows)
    return (*(round(float(n) / rows, 6) for n in counts), round(sketch.missing / rows, 6))


def _ranges(column: Column) -> list[str]:
    """Of each coarse bin of a number the range it covers."""
    cuts = np.array([-np.inf, *column.binning.cuts, np.inf])
    reference = column.reference.counts[1:]
    group = groups(reference, ordered=True)
    names = []
    for g in np.unique(group):
        inside = np.flatnonzero(group == g)
        low, high = cuts[inside[0]], cuts[inside[-1] + 1]
        if not np.isfinite(low):
            names.append(f"below {format_amount(high)}" if np.isfinite(high) else "any")
        elif not np.isfinite(high):
            names.append(f"{format_amount(low)} and more")
        else:
            ends = dict.fromkeys((format_amount(low), format_amount(high)))
            names.append(" to ".join(ends))
    return names


def _drift_record(drift: ColumnDrift) -> dict[str, Any]:
    return {**vars(drift), "distances": vars(drift.distances)}


def _drift_from(record: Mapping[str, Any]) -> ColumnDrift:
    return ColumnDrift(**{**record, "distances": Distances(**record["distances"])})


def estimate_text(report: MonitorReport) -> str:
    """The last window's estimate, and how well estimates did, as a sentence; "" without one."""
    name = report.metric
    judged = [w for w in report.windows if name in w.estimated]
    if not judged:
        return ""
    last = judged[-1]
    value = format_amount(last.estimated[name].value)
    text = f"{name} estimated without labels: {value} in the window from {last.start:%Y-%m-%d}"
    did = compared([(w.estimated[name], w.performance[name]) for w in judged
                    if name in w.performance])  # fmt: skip
    if did is None:
        return f"{text}; no labels yet to check it against."
    return (
        f"{text}; where labels have arrived, estimates were off by {format_amount(did[0])} on "
        f"average and agreed within their intervals in {format_percent(did[1])} of windows."
    )


FORMAT = 8


def read_report(project: Project, model: str) -> MonitorReport:
    """The report as last kept. Raises NotFound when there is none."""
    path = directory(project, model) / "report.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFound(
            "monitoring.report",
            f"{model} was never monitored.",
            hint=f"Run `gristmill monitor {model}`.",
        ) from error
    if record.pop("format") != FORMAT:
        raise Invalid(
            "monitoring.format",
            f"{path} was written by another version of Gristmill.",
            hint=f"Run `gristmill monitor {model}` to write it anew.",
        )
    return MonitorReport.from_record(record)
