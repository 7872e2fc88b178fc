"""One window of one version: against which reference, whole and by segment, with what it says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gristmill.monitoring._settings import MonitoringSettings
from gristmill.monitoring._statistics.drift import Column, WindowDrift, detect_drift
from gristmill.monitoring._statistics.estimate import estimate
from gristmill.monitoring._statistics.joint import FLOOR, joint_drift
from gristmill.monitoring._statistics.performance import SCORE_BINS, measure
from gristmill.monitoring._statistics.sketch import Sketch, merge
from gristmill.monitoring._store.breaches import breach_text
from gristmill.monitoring._store.profile import PREDICTION, SCORE, Profile
from gristmill.monitoring._store.reading import Reading, Window
from gristmill.monitoring._windows.budget import allocate
from gristmill.monitoring._windows.report import Finding, WindowReport, coarse_shares, findings


@dataclass(frozen=True)
class Compared:
    """What a window is compared with: columns of the reference, and in words which.

    `windows` are the starts of the earlier windows it is made of, `parts` the parts of training
    (`weekday=0`, `month=7`); neither stands for all of training.
    """

    columns: tuple[Column, ...]
    words: str
    windows: tuple[datetime, ...] = ()
    parts: tuple[str, ...] = ()


def assess_window(
    db: Reading,
    window: Window,
    earlier: Sequence[Window],
    profile: Profile,
    settings: MonitoringSettings,
    metric: str,
    basis: str,
) -> WindowReport:
    """`earlier` are the windows of the same version before it, oldest first."""
    spent = allocate(settings)
    thresholds = settings.thresholds(spent["drift"])
    parts, days = db.sketches(window, profile), db.days(window)
    sketches = parts[""]
    against = _against(db, window, earlier, profile, settings)
    watched = [
        replace(c, floor=settings.floors.get(c.name))
        for c in against.columns
        if c.name not in settings.ignore and c.name != PREDICTION
    ]
    output = next((c for c in against.columns if c.name == PREDICTION), None)
    drift = detect_drift(watched, sketches, thresholds, output, days)
    if not profile.columns:
        drift = replace(drift, rows=window.rows)
    scores = db.scores(window, profile)
    enough = scores.rows >= settings.judge
    performance = measure(scores, spent["performance"]) if enough else {}
    found = findings(drift, performance, profile.baseline, scores.rows, metric, settings)
    if drift.rows >= settings.act:
        found += _segments(profile, parts, settings, spent.get("segment", 0.0), drift, days)
        found += _joint(db, window, profile, spent.get("joint", 0.0))
    breaches = db.breaches(window)
    why = breach_text(breaches, window.rows, settings.broken)
    if why:
        owners = dict.fromkeys(settings.owners[b.column] for b in breaches
                               if b.column in settings.owners)  # fmt: skip
        found += (Finding("contract", "critical", why, tuple(owners)),)
    estimated = {}
    if profile.expected is not None and window.rows >= settings.judge:
        about = sketches[SCORE] if profile.task == "binary" else sketches[PREDICTION]
        estimated = estimate(
            profile.task, profile.expected, about, profile.baseline, spent["performance"]
        )
    return WindowReport(
        start=window.start,
        end=window.end,
        version=window.version,
        rows=window.rows,
        labelled=window.labelled,
        closed=False,
        basis=basis,
        drift=drift,
        performance=performance,
        findings=found,
        shares={c.name: coarse_shares(c, sketches[c.name]) for c in profile.columns},
        estimated=estimated,
        against=against.words,
        against_windows=against.windows,
        against_parts=against.parts,
        positive=float(scores.counts[1].sum() / scores.rows) if scores.rows else None,
        outcomes=_outcomes(scores.counts) if profile.task == "binary" and scores.rows else {},
        breaches=breaches,
    )


def basis_of(
    window: Window,
    earlier: Sequence[Window],
    profile: Profile,
    settings: MonitoringSettings,
    contract: str,
) -> str:
    """What a judgement rests on; the same basis gives the same judgement. `contract` is a digest of
    it."""
    past = earlier[-settings.rolling :] if settings.reference == "rolling" else ()
    text = f"{window} {past} {settings} {profile.rows} {len(profile.columns)} {contract}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _against(
    db: Reading,
    window: Window,
    earlier: Sequence[Window],
    profile: Profile,
    settings: MonitoringSettings,
) -> Compared:
    training = Compared(profile.columns, "training")
    if settings.reference == "rolling":
        past = [w for w in earlier if w.rows >= settings.act][-settings.rolling :]
        if len(past) < settings.rolling:
            return replace(training, words=f"training, as only {len(past)} windows came before")
        found = [db.sketches(w, profile)[""] for w in past]
        days = sum(db.days(w) for w in past)
        words = f"the {len(past)} windows since {past[0].start:%Y-%m-%d}"
        return Compared(
            tuple(
                replace(c, reference=merge(c.binning, [f[c.name] for f in found]), days=days)
                for c in profile.columns
            ),
            words,
            windows=tuple(w.start for w in past),
        )
    if settings.reference in ("weekday", "month"):
        names = _matching(window, settings.reference)
        there = [n for n in names if n in profile.parts]
        rows = sum(max((s.rows for s in profile.parts[n].values()), default=0) for n in there)
        if len(there) < len(names) or rows < settings.judge:
            kind = settings.reference
            return replace(training, words=f"all of training, as it lacks a {kind} of the window")
        return Compared(
            tuple(
                replace(
                    c,
                    reference=merge(c.binning, [profile.parts[n][c.name] for n in there]),
                    days=sum(profile.part_days[n] for n in there),
                )
                for c in profile.columns
            ),
            f"training rows of {', '.join(there)}",
            parts=tuple(there),
        )
    return training


def _matching(window: Window, kind: str) -> list[str]:
    """The weekdays or months that the window touches."""
    found: list[str] = []
    moment = window.start
    while moment < window.end and len(found) < 12:
        value = moment.weekday() if kind == "weekday" else moment.month
        if f"{kind}={value}" not in found:
            found.append(f"{kind}={value}")
        moment += timedelta(days=1)
    return found


def _segments(
    profile: Profile,
    parts: Mapping[str, Mapping[str, Sketch]],
    settings: MonitoringSettings,
    alpha: float,
    whole: WindowDrift,
    days: float,
) -> tuple[Finding, ...]:
    """Segments that drifted where the window as a whole did not."""
    names = [f"{c}={v}" for c, values in profile.segments.items() for v in values]
    names = [n for n in names if n in parts and n in profile.parts]
    known = {f.name for f in whole.features if f.drifted}
    found: list[tuple[float, str]] = []
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
        columns = [c for c in columns if c.name not in settings.ignore and c.name not in known]
        if not columns:
            continue
        rows = max(parts[name][c.name].rows for c in columns)
        thresholds = settings.thresholds(alpha / len(names))
        if rows < settings.act:
            continue
        drift = detect_drift(columns, parts[name], thresholds, None, days)
        found += [
            (f.distances.moved, f"{name}, {f.name}: {f.words}") for f in drift.features if f.drifted
        ]
    if not found:
        return ()
    found.sort(reverse=True)
    text = "; ".join(words for _, words in found[:3])
    return (Finding("segment", "warning", f"moved in a segment and not as a whole. {text}"),)


def _joint(db: Reading, window: Window, profile: Profile, alpha: float) -> tuple[Finding, ...]:
    if not alpha or not len(profile.sample):
        return ()
    rows, days = db.sample(window, len(profile.sample))
    if not len(rows):
        return ()
    told = joint_drift(profile.sample, profile.sample_days[:, 0].astype("int64"), rows, days)
    if told is None or told.p > alpha or told.area < FLOOR:
        return ()
    text = f"a classifier tells the window's rows from the reference's (area {told.area:.2f}): "
    return (Finding("joint", "warning", f"{text}columns changed together"),)


def _outcomes(counts: object) -> dict[str, int]:
    """The confusion at one half."""
    import numpy as np

    table = np.asarray(counts)
    half = SCORE_BINS // 2
    return {
        "true_negative": int(table[0, :half].sum()),
        "false_positive": int(table[0, half:].sum()),
        "false_negative": int(table[1, :half].sum()),
        "true_positive": int(table[1, half:].sum()),
    }
