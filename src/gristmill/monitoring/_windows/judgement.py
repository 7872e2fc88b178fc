"""One window of one version, judged whole and by segment against a reference."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from gristmill.monitoring._settings import MonitoringSettings
from gristmill.monitoring._statistics.drift import detect_drift
from gristmill.monitoring._statistics.estimate import estimate
from gristmill.monitoring._statistics.joint import significant_joint_drift
from gristmill.monitoring._statistics.performance import confusion, measure
from gristmill.monitoring._store.profile import PREDICTION, SCORE, Profile
from gristmill.monitoring._store.reading import Reading, Window
from gristmill.monitoring._windows.budget import allocate
from gristmill.monitoring._windows.comparison import choose_comparison
from gristmill.monitoring._windows.findings import (
    contract_findings,
    findings,
    joint_findings,
    segment_findings,
)
from gristmill.monitoring._windows.report import WindowReport, coarse_shares
from gristmill.monitoring._windows.segments import segment_changes


def assess_window(
    store: Reading,
    window: Window,
    earlier: Sequence[Window],
    profile: Profile,
    settings: MonitoringSettings,
    metric: str,
    basis: str,
) -> WindowReport:
    """`earlier` are the windows of the same version before it, oldest first; `basis` is kept with
    the judgement (see `basis_of`)."""
    alphas = allocate(settings)
    counts = store.counts(window, profile, len(profile.sample) if settings.joint else 0)
    comparison = choose_comparison(store, window, earlier, profile, settings)
    features = [
        replace(c, floor=settings.floors.get(c.name))
        for c in comparison.columns
        if c.name not in settings.ignore and c.name != PREDICTION
    ]
    prediction = next((c for c in comparison.columns if c.name == PREDICTION), None)
    thresholds = settings.thresholds(alphas["drift"])
    drift = detect_drift(features, counts.columns, thresholds, prediction, counts.days)
    if not profile.columns:
        drift = replace(drift, rows=window.rows)
    changes, joint = [], None
    if drift.rows >= settings.act:
        changes = segment_changes(
            profile, counts.parts, settings, alphas.get("segment", 0.0), drift, counts.days
        )
        joint = significant_joint_drift(
            (profile.sample, profile.sample_days[:, 0].astype("int64")),
            (counts.sample, counts.sample_days),
            alphas.get("joint", 0.0),
        )
    scores = counts.scores
    performance = measure(scores, alphas["performance"]) if scores.rows >= settings.judge else {}
    outcomes = confusion(scores)
    estimated = {}
    if profile.expected is not None and window.rows >= settings.judge:
        predicted = counts.columns[SCORE if profile.task == "binary" else PREDICTION]
        estimated = estimate(
            profile.task, profile.expected, predicted, profile.baseline, alphas["performance"]
        )
    broken = findings(drift, performance, profile.baseline, scores.rows, metric, settings)
    broken += segment_findings(changes) + joint_findings(joint)
    broken += contract_findings(counts.breaches, window.rows, settings)
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
        findings=broken,
        shares={c.name: coarse_shares(c, counts.columns[c.name]) for c in profile.columns},
        estimated=estimated,
        against=comparison.text,
        against_windows=comparison.windows,
        against_parts=comparison.parts,
        positive=scores.positive,
        outcomes=outcomes,
        breaches=counts.breaches,
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
