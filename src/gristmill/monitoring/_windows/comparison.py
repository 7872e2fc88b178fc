"""Which reference a window is compared with: training, parts of it, or the windows before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gristmill.monitoring._settings import MonitoringSettings
from gristmill.monitoring._statistics.drift import Column
from gristmill.monitoring._statistics.sketch import merge
from gristmill.monitoring._store.profile import Profile
from gristmill.monitoring._store.reading import Reading, Window


@dataclass(frozen=True)
class Comparison:
    """What a window is compared with: columns of the reference, and in `text` which.

    `windows` are the starts of the earlier windows it is made of, `parts` the parts of training
    (`weekday=0`, `month=7`); neither stands for all of training.
    """

    columns: tuple[Column, ...]
    text: str
    windows: tuple[datetime, ...] = ()
    parts: tuple[str, ...] = ()


def choose_comparison(
    store: Reading,
    window: Window,
    earlier: Sequence[Window],
    profile: Profile,
    settings: MonitoringSettings,
) -> Comparison:
    """The reference that the settings ask for; all of training where that is too little.

    `earlier` are the windows of the same version before this one, oldest first.
    """
    training = Comparison(profile.columns, "training")
    if settings.reference == "rolling":
        past = [w for w in earlier if w.rows >= settings.act][-settings.rolling :]
        if len(past) < settings.rolling:
            return replace(training, text=f"training, as only {len(past)} windows came before")
        sketches = [store.sketches(w, profile)[""] for w in past]
        days = sum(store.days(w) for w in past)
        text = f"the {len(past)} windows since {past[0].start:%Y-%m-%d}"
        return Comparison(
            tuple(
                replace(c, reference=merge(c.binning, [s[c.name] for s in sketches]), days=days)
                for c in profile.columns
            ),
            text,
            windows=tuple(w.start for w in past),
        )
    if settings.reference in ("weekday", "month"):
        names = _parts_of(window, settings.reference)
        available = [n for n in names if n in profile.parts]
        rows = sum(max((s.rows for s in profile.parts[n].values()), default=0) for n in available)
        if len(available) < len(names) or rows < settings.judge:
            kind = settings.reference
            return replace(training, text=f"all of training, as it lacks a {kind} of the window")
        return Comparison(
            tuple(
                replace(
                    c,
                    reference=merge(c.binning, [profile.parts[n][c.name] for n in available]),
                    days=sum(profile.part_days[n] for n in available),
                )
                for c in profile.columns
            ),
            f"training rows of {', '.join(available)}",
            parts=tuple(available),
        )
    return training


def _parts_of(window: Window, kind: str) -> list[str]:
    """The weekdays or months that the window touches."""
    names: list[str] = []
    moment = window.start
    while moment < window.end and len(names) < 12:
        value = moment.weekday() if kind == "weekday" else moment.month
        if f"{kind}={value}" not in names:
            names.append(f"{kind}={value}")
        moment += timedelta(days=1)
    return names
