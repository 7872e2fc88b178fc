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
    found, sign = [], -1.0 if HIGHER[metric] else 1.0
    for version in sorted({w.version for w in windows}):
        mine = [w for w in windows if w.version == version and w.closed and metric in w.performance]
        baseline = baselines.get(version)
        if baseline is None or not mine:
            continue
        values = [w.performance[metric] for w in mine]
        gaps = [sign * (v.value - baseline.value) for v in values]
        sigma = [max((v.high - v.low) / 2 / deviations, 1e-12) for v in values]
        points = [g / s for g, s in zip(gaps, sigma, strict=True)]
        smooth, mean = ewma(points), _smooth(gaps)
        least = limit(1 / alpha)
        slack = margin + (baseline.high - baseline.low) / 2
        found += [
            Point(w.start, version, v.value, e, least, e > least and g > slack, rules)
            for w, v, e, g, rules in zip(
                mine, values, smooth, mean, western_electric(points), strict=True
            )
        ]
    return found


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
    least = limit(1 / alpha)
    return [
        Point(s, versions[s], v, e, least, e > least, rules)
        for s, v, e, rules in zip(
            starts[WARM:], values[WARM:], ewma(points), western_electric(points), strict=True
        )
    ]


def _smooth(gaps: Sequence[float]) -> list[float]:
    from gristmill.monitoring._statistics.control import WEIGHT

    found: list[float] = []
    for gap in gaps:
        found.append(gap if not found else (1 - WEIGHT) * found[-1] + WEIGHT * gap)
    return found


def add_findings(
    windows: Sequence[WindowReport], charts: Mapping[str, Sequence[Point]], metric: str, act: int
) -> list[WindowReport]:
    """The windows with a finding where a chart is beyond its limit, in place of earlier ones."""
    found = []
    for window in windows:
        kept = [f for f in window.findings if f.rule not in ("chart", "business")]
        for name, points in charts.items():
            here = [
                p
                for p in points
                if p.beyond and p.start == window.start and p.version == window.version
            ]
            if not here or (name == metric and window.labelled < act):
                continue
            text = f"{name} {format_amount(here[0].value)}: worse for windows on end, its weighted "
            text += f"mean is {here[0].ewma:.1f} deviations off, {here[0].limit:.1f} allowed"
            rule = "chart" if name == metric else "business"
            kept.append(Finding(rule, "critical" if rule == "chart" else "warning", text))
        found.append(replace(window, findings=tuple(kept)))
    return found
