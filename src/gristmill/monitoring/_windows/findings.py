"""The rules that a window breaks, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from gristmill.drawing import format_amount, format_percent
from gristmill.monitoring._settings import MonitoringSettings
from gristmill.monitoring._statistics.drift import ColumnDrift, WindowDrift
from gristmill.monitoring._statistics.joint import Joint
from gristmill.monitoring._statistics.performance import HIGHER, Metric
from gristmill.monitoring._store.breaches import Breach, breach_text
from gristmill.monitoring._windows.report import Finding


def findings(
    drift: WindowDrift,
    performance: Mapping[str, Metric],
    baseline: Mapping[str, Metric],
    labelled: int,
    metric: str,
    settings: MonitoringSettings,
) -> tuple[Finding, ...]:
    """What drift and performance break, once the window has rows enough to act on."""
    if drift.rows < settings.act:
        return ()
    broken = []
    if drift.verdict == "drift":
        drifted = [f for f in drift.features if f.drifted]
        text = f"{format_percent(drift.share)} of features drifted. {_changes(drifted)}"
        broken.append(Finding("drift", "warning", text, _owners(drifted, settings)))
    if drift.prediction and drift.prediction.drifted:
        broken.append(Finding("prediction", "warning", f"predictions: {drift.prediction.change}"))
    poor = [
        f
        for f in drift.features
        if f.drifted
        and (
            abs(f.distances.missing) >= settings.missing or f.distances.outside >= settings.outside
        )
    ]
    if poor:
        broken.append(Finding("quality", "warning", _changes(poor), _owners(poor, settings)))
    measured, expected = performance.get(metric), baseline.get(metric)
    if measured and expected and labelled >= settings.act:
        loss = (expected.value - measured.value) * (1 if HIGHER[metric] else -1)
        widths = measured.high - measured.low, expected.high - expected.low
        if loss > settings.margin + float(np.hypot(*widths)) / 2:
            text = f"{metric} {format_amount(measured.value)} on {labelled:,} labelled rows, where "
            text += f"{format_amount(expected.value)} was measured before registration"
            broken.append(Finding("performance", "critical", text))
    return tuple(broken)


def segment_findings(changes: Sequence[str]) -> tuple[Finding, ...]:
    """`changes` are those of segments that drifted, the largest first."""
    if not changes:
        return ()
    text = f"Drift in a segment, not in the window as a whole. {'; '.join(changes[:3])}"
    return (Finding("segment", "warning", text),)


def joint_findings(joint: Joint | None) -> tuple[Finding, ...]:
    """`joint` is a difference that counts; None without one."""
    if joint is None:
        return ()
    text = "Columns changed together: a classifier distinguishes the window's rows from the "
    return (Finding("joint", "warning", f"{text}reference's (area {joint.area:.2f})"),)


def contract_findings(
    breaches: Sequence[Breach], rows: int, settings: MonitoringSettings
) -> tuple[Finding, ...]:
    """Rules of the contract that more than the allowed share of `rows` break."""
    owners = _distinct(settings.owners.get(b.column) for b in breaches)
    text = breach_text(breaches, rows, settings.broken)
    if not text:
        return ()
    return (Finding("contract", "critical", text, owners),)


def _changes(features: Sequence[ColumnDrift]) -> str:
    return "; ".join(f"{f.name}: {f.change}" for f in features[:3])


def _owners(features: Sequence[ColumnDrift], settings: MonitoringSettings) -> tuple[str, ...]:
    return _distinct(settings.owners.get(f.name) for f in features)


def _distinct(owners: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(owner for owner in owners if owner))
