"""What changed in a column between the reference and a window, in words. Pure."""

from __future__ import annotations

import numpy as np

from gristmill.drawing import format_amount, format_percent
from gristmill.monitoring._statistics.sketch import OTHER, Binning, Sketch


def describe_change(binning: Binning, reference: Sketch, window: Sketch) -> str:
    """The largest change, its direction, then and now: "mean up 3.1 (12.6 to 15.7)"."""
    if not window.rows:
        return "no rows"
    if not reference.rows:
        return "no reference"
    parts = []
    before, after = reference.missing / reference.rows, window.missing / window.rows
    if abs(after - before) >= 0.01:
        parts.append(f"missing {format_percent(before)} to {format_percent(after)}")
    if window.present and reference.present:
        parts += _category(binning, reference, window) if binning.kind == "category" else []
        parts += _number(reference, window) if binning.kind == "number" else []
    return "; ".join(parts) or "no change to sgap of"


def _number(reference: Sketch, window: Sketch) -> list[str]:
    shift = window.mean - reference.mean
    parts = []
    if abs(shift) >= 0.05 * reference.spread and shift != 0:
        way = "up" if shift > 0 else "down"
        before, after = format_amount(reference.mean), format_amount(window.mean)
        parts.append(f"mean {way} {format_amount(abs(shift))} ({before} to {after})")
    elif reference.spread and abs(window.spread / reference.spread - 1) >= 0.1:
        way = "wider" if window.spread > reference.spread else "narrower"
        before, after = format_amount(reference.spread), format_amount(window.spread)
        parts.append(f"spread {way} (deviation {before} to {after})")
    else:
        gap = _largest_gap(reference.counts[1:], window.counts[1:])
        if gap >= 0.02:
            parts.append(f"same mean, other shape ({format_percent(gap)} of rows moved)")
    below, above = window.counts[1] / window.present, window.counts[-1] / window.present
    if above >= 0.001:
        parts.append(
            f"{format_percent(above)} above the largest of training, "
            f"{format_amount(reference.high)}"
        )
    if below >= 0.001:
        parts.append(
            f"{format_percent(below)} below the least of training, {format_amount(reference.low)}"
        )
    return parts


def _largest_gap(left: np.ndarray, right: np.ndarray) -> float:
    gap = np.cumsum(left) / left.sum() - np.cumsum(right) / right.sum()
    return float(np.abs(gap).max())


def _category(binning: Binning, reference: Sketch, window: Sketch) -> list[str]:
    p = reference.counts[1:] / reference.present
    q = window.counts[1:] / window.present
    names = (*binning.categories, OTHER)
    parts = []
    order = np.argsort(-np.abs(q - p), kind="stable")
    for i in order[:2]:
        if abs(q[i] - p[i]) < 0.005:
            continue
        if names[i] == OTHER and p[i] == 0:
            parts.append(f"{format_percent(q[i])} never seen in training")
        else:
            parts.append(f"{names[i]} {format_percent(p[i])} to {format_percent(q[i])}")
    return parts
