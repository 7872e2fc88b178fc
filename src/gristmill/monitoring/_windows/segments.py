"""Segments of a window that drifted where the window as a whole did not. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gristmill.monitoring._settings import MonitoringSettings
from gristmill.monitoring._statistics.drift import WindowDrift, detect_drift
from gristmill.monitoring._statistics.sketch import Sketch
from gristmill.monitoring._store.profile import Profile


def segment_changes(
    profile: Profile,
    parts: Mapping[str, Mapping[str, Sketch]],
    settings: MonitoringSettings,
    alpha: float,
    whole: WindowDrift,
    days: float,
) -> list[str]:
    """What changed in which segment, the largest change first. `alpha` is shared by all segments,
    `parts` are the window's sketches by segment and column, `days` what it is worth."""
    names = [f"{c}={v}" for c, values in profile.segments.items() for v in values]
    names = [n for n in names if n in parts and n in profile.parts]
    drifted = {f.name for f in whole.features if f.drifted}
    changes: list[tuple[float, str]] = []
    for name in names:
        columns = [
            replace(
                c,
                reference=profile.parts[name][c.name],
                days=profile.part_days.get(name, 0),
                floor=settings.floors.get(c.name),
            )
            for c in profile.features
            if c.name in parts[name] and c.name != name.partition("=")[0]
        ]
        columns = [c for c in columns if c.name not in settings.ignore and c.name not in drifted]
        if not columns or max(parts[name][c.name].rows for c in columns) < settings.act:
            continue
        thresholds = settings.thresholds(alpha / len(names))
        drift = detect_drift(columns, parts[name], thresholds, None, days)
        changes += [
            (f.distances.moved, f"{name}, {f.name}: {f.change}")
            for f in drift.features
            if f.drifted
        ]
    return [text for _, text in sorted(changes, reverse=True)]
