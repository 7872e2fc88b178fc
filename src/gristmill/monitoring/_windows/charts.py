"""Control charts of a model's windows: its metric against its baseline, business metrics
against their own beginning. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gristmill.drawing import format_amount
from gristmill.monitoring._statistics.control import (
    WARM,
    ewma,
    initial_baseline,
    limit,
    western_electric,
)
from gristmill.monitoring._statistics.performance import HIGHER, Metric
from gristmill.monitoring._windows.report import Finding, Point, WindowReport


@dataclass(frozen=True)
class Business:
    """A declared metric: `values` by the start of a window, and whether more is better."""

    name: str
    values: Mapping[datetime, float]
    higher: bool = True


def performance_chart(
    windows: Sequence[WindowReport],
    baselines: Mapping[int, Metric],
    metric: str,
    deviations: float,
    alpha: float,
    margin: float,
) -> list[Point]:
    """The metric of each version's closed windows against its baseline.

    `deviations` is how many of them half an interval is; `alpha` the chance of a false alarm in a
    window. Only a decay of more than `margin` on the average is beyond the limit.
    """
    points_of_versions, sign = [], -1.0 if HIGHER[metric] else 1.0
    for version in sorted({w.version for w in windows}):
        labelled = [
            w for w in windows if w.version == version and w.closed and metric in w.performance
        ]
        baseline = baselines.get(version)
        if baseline is None or not labelled:
            continue
        values = [w.performance[metric] for w in labelled]
        gaps = [sign * (v.value - baseline.value) for v in values]
        sigma = [max((v.high - v.low) / 2 / deviations, 1e-12) for v in values]
        points = [g / s for g, s in zip(gaps, sigma, strict=True)]
        smooth, mean = ewma(points), _smooth(gaps)
        ewma_limit = limit(1 / alpha)
        slack = margin + (baseline.high - baseline.low) / 2
        points_of_versions += [
            Point(w.start, version, v.value, e, ewma_limit, e > ewma_limit and g > slack, rules)
            for w, v, e, g, rules in zip(
                labelled, values, smooth, mean, western_electric(points), strict=True
            )
        ]
    return points_of_versions


def business_chart(
    business: Business, windows: Sequence[WindowReport], alpha: float
) -> list[Point]:
    """A business metric against its first windows, which only warm the chart up."""
    versions = {w.start: w.version for w in windows if w.closed}
    starts = sorted(s for s in business.values if s in versions)
    values = [business.values[s] for s in starts]
    base = initial_baseline(values)
    if base is None:
        return []
    sign = -1.0 if business.higher else 1.0
    points = [sign * (v - base[0]) / base[1] for v in values[WARM:]]
    ewma_limit = limit(1 / alpha)
    return [
        Point(s, versions[s], v, e, ewma_limit, e > ewma_limit, rules)
        for s, v, e, rules in zip(
            starts[WARM:], values[WARM:], ewma(points), western_electric(points), strict=True
        )
    ]


def _smooth(gaps: Sequence[float]) -> list[float]:
    from gristmill.monitoring._statistics.control import WEIGHT

    averages: list[float] = []
    for gap in gaps:
        averages.append(gap if not averages else (1 - WEIGHT) * averages[-1] + WEIGHT * gap)
    return averages


def add_findings(
    windows: Sequence[WindowReport], charts: Mapping[str, Sequence[Point]], metric: str, act: int
) -> list[WindowReport]:
    """The windows with a finding where a chart is beyond its limit, in place of earlier ones."""
    completed = []
    for window in windows:
        findings = [f for f in window.findings if f.rule not in ("chart", "business")]
        for name, points in charts.items():
            beyond = [
                p
                for p in points
                if p.beyond and p.start == window.start and p.version == window.version
            ]
            if not beyond or (name == metric and window.labelled < act):
                continue
            text = (
                f"{name} {format_amount(beyond[0].value)}: worse for several windows, its weighted "
            )
            text += f"mean is {beyond[0].ewma:.1f} deviations off, {beyond[0].limit:.1f} allowed"
            rule = "chart" if name == metric else "business"
            findings.append(Finding(rule, "critical" if rule == "chart" else "warning", text))
        completed.append(replace(window, findings=tuple(findings)))
    return completed
