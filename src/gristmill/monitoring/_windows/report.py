"""The report: what was concluded about each window, as it is kept and read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from gristmill.drawing import format_amount, format_percent
from gristmill.errors import Invalid, NotFound
from gristmill.files import write_json
from gristmill.monitoring._settings import directory
from gristmill.monitoring._statistics.distance import coarsen, groups
from gristmill.monitoring._statistics.drift import Column, WindowDrift
from gristmill.monitoring._statistics.estimate import compared
from gristmill.monitoring._statistics.performance import Metric, Task
from gristmill.monitoring._statistics.sketch import OTHER, Sketch
from gristmill.monitoring._store.breaches import Breach
from gristmill.project import Project
from gristmill.records import from_record, to_record

FORMAT = 8


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

    Attributes
    ----------
    start, end
        The window: start <= time < end.
    version
        The version that answered.
    rows, labelled
        How many rows came, and how many have a label.
    closed
        Whether the window has ended, so that its judgement may raise alerts.
    basis
        A digest of what the judgement rests on.
    drift
        The judgement of columns and of the window as a whole.
    performance, estimated
        Metrics on the labelled rows, and those that the predictions alone suggest, by name.
    findings
        The rules that the window breaks.
    shares
        By column, the share of rows in the coarse bins of the version's report.
    against
        Which reference the window was compared with, in words.
    against_windows, against_parts
        The windows (by start), or the parts of training, that the reference is made of.
    positive
        The share of labels that are true.
    outcomes
        Labelled rows by what was predicted at one half.
    breaches
        The rules of the contract that rows break.
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


@dataclass(frozen=True)
class VersionReport:
    """A version as the windows see it.

    Attributes
    ----------
    version, task, rows
        Its number, its kind of task, and the rows of its reference.
    baseline
        Its metrics before it was registered, by name.
    importance
        The share of the prediction's variance that each feature explains alone.
    bins, reference
        By column, the labels of the coarse bins and the reference's share of rows in each.
    """

    version: int
    task: Task
    rows: int
    baseline: Mapping[str, Metric]
    importance: Mapping[str, float]
    bins: Mapping[str, tuple[str, ...]]
    reference: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Point:
    """A window on a chart: the metric, its EWMA in deviations (up is worse), whether that is
    beyond `limit`, and which Western Electric rules it completes."""

    start: datetime
    version: int
    value: float
    ewma: float
    limit: float
    beyond: bool
    rules: tuple[int, ...]


@dataclass(frozen=True)
class MonitorReport:
    """All windows of a model.

    Attributes
    ----------
    model, window, metric
        The model, the length of its windows, and the metric it is judged by.
    made
        When the windows were judged.
    versions
        The versions, by number.
    windows
        The windows, oldest first.
    damaged
        How many lines of the log could not be read.
    budget
        How rarely a false alarm is expected, as a sentence.
    charts
        The points of control charts, by metric.
    """

    model: str
    window: str
    metric: str
    made: datetime
    versions: tuple[VersionReport, ...]
    windows: tuple[WindowReport, ...]
    damaged: int = 0
    budget: str = ""
    charts: Mapping[str, tuple[Point, ...]] = field(default_factory=dict)


def coarse_labels(column: Column) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Names of the coarse bins and the reference's share of rows in each, missing ones last."""
    size = column.binning.size - 1
    reference = column.reference.counts[1:]
    ordered = column.binning.kind == "number"
    if ordered:
        names = _ranges(column)
    else:
        order = np.argsort(-reference, kind="stable")
        labels = (*column.binning.categories, OTHER)
        names = [labels[i] for i in order[:9]]
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


def estimate_text(report: MonitorReport) -> str:
    """The last window's estimate, and how good estimates were, as a sentence; "" without one.

    Parameters
    ----------
    report
        The model's report.
    """
    name = report.metric
    estimated = [w for w in report.windows if name in w.estimated]
    if not estimated:
        return ""
    last = estimated[-1]
    value = format_amount(last.estimated[name].value)
    text = f"{name} estimated without labels: {value} in the window from {last.start:%Y-%m-%d}"
    accuracy = compared([(w.estimated[name], w.performance[name]) for w in estimated
                    if name in w.performance])  # fmt: skip
    if accuracy is None:
        return f"{text}; no labels yet to check it against."
    return (
        f"{text}; where labels have arrived, estimates were off by {format_amount(accuracy[0])} on "
        f"average and agreed within their intervals in {format_percent(accuracy[1])} of windows."
    )


def report_path(folder: Path) -> Path:
    return folder / "report.json"


def write_report(folder: Path, report: MonitorReport) -> None:
    """Keep the report in the folder of the model's monitoring."""
    write_json(report_path(folder), {"format": FORMAT, **to_record(report)})


def read_report(project: Project, model: str) -> MonitorReport:
    """The report of the last run of the monitor.

    Parameters
    ----------
    project
        The project that declares the model.
    model
        The model's name.

    Raises
    ------
    NotFound
        The model was never monitored.
    Invalid
        Another version of Gristmill wrote the report.
    """
    path = report_path(directory(project, model))
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFound(
            "monitoring.report",
            f"{model} has not been monitored yet.",
            hint=f"Run `gristmill monitor {model}`.",
        ) from error
    if record.pop("format") != FORMAT:
        raise Invalid(
            "monitoring.format",
            f"{path} was written by another version of Gristmill.",
            hint=f"Run `gristmill monitor {model}` to write it again.",
        )
    return from_record(MonitorReport, record, str(path))


def previous_windows(project: Project, model: str) -> dict[tuple[datetime, int], WindowReport]:
    """The windows of the last report by start and version; none when it cannot be used."""
    try:
        report = read_report(project, model)
    except (NotFound, Invalid):
        return {}
    return {(w.start, w.version): w for w in report.windows}
