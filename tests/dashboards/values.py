"""What pages are made of, without a disk: a model watched for half a year, a comparison, a card.

Every name that a project, a caller or a person chooses is taken from `name`, so that a test can
choose hostile ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gristmill.dashboards import ModelState
from gristmill.dashboards._state import Move
from gristmill.lineage import Lineage
from gristmill.monitoring import (
    Alert,
    ColumnDrift,
    DrillDown,
    MonitorReport,
    Repair,
    VersionReport,
    WindowReport,
)
from gristmill.monitoring._statistics.distance import Distances
from gristmill.monitoring._statistics.drift import WindowDrift
from gristmill.monitoring._statistics.performance import Metric
from gristmill.monitoring._store.breaches import Breach
from gristmill.monitoring._windows.report import Point as ChartPoint
from gristmill.pipeline import CellChange
from gristmill.registry import (
    Comparison,
    GateReport,
    GateResult,
    Pair,
    Verdict,
    Version,
    VersionComparison,
)
from gristmill.registry._card.text import Card, Section
from gristmill.registry._compare.comparison import Scored
from gristmill.registry._compare.curves import Bin, Curves, Point
from gristmill.registry._compare.disagreement import Confusion, Disagreement, Slice
from gristmill.registry._gates.statistics import Interval

Name = Callable[[str], str]
SHARES = (0.1, 0.35, 0.3, 0.2, 0.05)
BEGUN = datetime(2013, 4, 1, tzinfo=UTC)


def plain(text: str) -> str:
    return text


def column(name: str, moved: float, change: str, *, drifted: bool) -> ColumnDrift:
    far = Distances(moved, 2 * moved**2, 0.004, moved**2, moved, 3 * moved, 0.0, 0.0)
    p = 1e-6 if drifted else 0.4
    return ColumnDrift(name, 3000, drifted, p, far, moved, change)


def window(i: int, name: Name) -> WindowReport:
    start = BEGUN + timedelta(days=30 * i)
    judged = i != 1
    features = (
        column(
            name("temp"), 0.02 + 0.07 * i, name(f"mean up {6 * i} (40 to {40 + 6 * i})"),
            drifted=i > 1,
        ),
        column(name("carrier"), 0.03, name("no change to speak of"), drifted=False),
        column(name("visib"), 0.01, name("no change to speak of"), drifted=False),
    )  # fmt: skip
    drift = WindowDrift(
        3000, ("watch" if i > 1 else "stable") if judged else "inconclusive", 1 / 3 if i > 1 else 0,
        features, column("prediction", 0.04 * i, name("mean up 0.02"), drifted=i > 4),
    )  # fmt: skip
    area = 0.73 - 0.02 * i
    measured = {name("roc_auc"): Metric(area, area - 0.02, area + 0.02)}
    guess = {name("roc_auc"): Metric(area + 0.01, area - 0.01, area + 0.03)}
    moved = tuple(max(0.0, s + 0.03 * i * (k - 2)) for k, s in enumerate(SHARES))
    breaches = (
        Breach(name("temp"), name("in_range(-60, 60)"), 41, name("97.3")),
        Breach("", name("arrives after it departs"), 3, name("{'hour': 25}")),
    )
    return WindowReport(
        start, start + timedelta(days=30), 1 if i < 4 else 2, 3000, 2500, True, str(i), drift,
        measured, (), {f.name: moved for f in (*features, drift.prediction) if f}, guess,
        name("training"), positive=0.2, breaches=breaches if i > 3 else (),
    )  # fmt: skip


def report(name: Name = plain) -> MonitorReport:
    windows = tuple(window(i, name) for i in range(6))
    names = [name("temp"), name("carrier"), name("visib"), "prediction"]
    labels = tuple(name(b) for b in ("below 20", "20 to 40", "40 to 60", "60 to 80", "above 80"))
    baseline = {name("roc_auc"): Metric(0.73, 0.72, 0.74)}
    versions = tuple(
        VersionReport(
            number,
            "binary",
            12_000,
            baseline,
            dict.fromkeys(names, 0.3),
            dict.fromkeys(names, labels),
            dict.fromkeys(names, SHARES),
        )
        for number in (1, 2)
    )
    points = tuple(
        ChartPoint(
            start=w.start, version=w.version, value=0.73 - 0.02 * i,
            ewma=0.9 * i, limit=2.9, beyond=i > 3, rules=(2,) if i == 3 else (),
        )
        for i, w in enumerate(windows)
    )  # fmt: skip
    return MonitorReport(
        name("delay"), "month", name("roc_auc"), datetime(2013, 10, 1, 6, tzinfo=UTC), versions,
        windows, 2, name("At most one false alarm in 26 weeks is expected."),
        {name("roc_auc"): points},
    )  # fmt: skip


def state(name: Name = plain) -> ModelState:
    at = BEGUN + timedelta(days=60)
    alerts = tuple(
        Alert(
            f"a{i}", name("delay"), 2, name(rule), severity, name(reason),
            at, at, windows, at, owners=(name("ops@example.org"),), acknowledged=who, snoozed=until,
        )
        for i, (rule, severity, reason, windows, who, until) in enumerate(
            (
                ("performance", "critical", "roc_auc 0.63 lies below its baseline, 0.73", 2,
                 name("ben@example.org"), None),
                ("drift", "warning", "temp: mean up 30 (40 to 70)", 3, "", None),
                ("contract", "warning", "temp: in_range(-60, 60) (41 rows, for instance 97.3)", 1,
                 "", at + timedelta(days=900)),
            )
        )
    )  # fmt: skip
    repairs = tuple(
        Repair(
            f"r{i}", 1, ("a0",), name("drift"), "2013-05-03", "2013-08-01", at + timedelta(days=i),
            outcome, version, "run", name(message),
        )
        for i, (outcome, version, message) in enumerate(
            [("promoted", 2, "better by roc_auc"), *[("kept", None, "no better")] * 6]
        )
    )  # fmt: skip
    moves = tuple(
        Move(at + timedelta(days=30 * i), i + 1, "promote", name("ada@example.org"), name("better"))
        for i in range(2)
    )
    return ModelState(
        name("delay"), name("ops@example.org"), 2, report(name), alerts, repairs, moves,
        name("The ledger cannot be read: entry 7 was altered."),
        now=at + timedelta(days=100), registered={1: BEGUN, 2: at},
        worth={"month": 100.0},
    )  # fmt: skip


def drawn(name: Name = plain) -> DrillDown:
    start = BEGUN + timedelta(days=150)
    return DrillDown(
        Path("report.html"), name("delay"), 2, start, start + timedelta(days=30), 3000, 2000, 1000,
        (name("visib"),),
    )  # fmt: skip


def version(number: int, name: Name = plain) -> Version:
    line = Lineage(
        name("project"), name("train"), name("run"), "c" * 40, True, name("main"), None,
        notebook=name("train.ipynb"), author=name("Ada <ada@example.org>"),
    )  # fmt: skip
    return Version(
        name("delay"), number, name("run"), "d" * 64, {name("roc_auc"): 0.7}, {name("depth"): 3},
        line, BEGUN, name("Ada <ada@example.org>"), name("train"), "here", {},
        (name("champion"),) if number == 2 else (),
    )  # fmt: skip


def curves(bend: float) -> Curves:
    steps = [i / 20 for i in range(21)]
    roc = tuple(Point(x, x**bend, 1 - x) for x in steps)
    pr = tuple(Point(x, 1 - 0.7 * x ** (1 / bend), 1 - x) for x in steps)
    bins = tuple(Bin(x, x**1.2, max(0, x**1.2 - 0.04), x**1.2 + 0.04, 500) for x in steps[2:14:2])
    return Curves(roc, pr, bins)


def comparison(name: Name = plain, problem: str = "") -> VersionComparison:
    versions = tuple(version(n, name) for n in (1, 2, 3))
    scored = tuple(
        Scored(
            v.version,
            {name(m): Interval(0.6 + 0.03 * v.version, 0.58 + 0.03 * v.version, 0.69)
             for m in ("roc_auc", "f1", "log_loss")},
            curves(1 / (1 + v.version / 2)),
        )
        for v in versions
    )  # fmt: skip
    comparisons = tuple(
        Comparison(name(m), 0.7, 0.65, shift, shift - 0.02, shift + 0.02, 3000, name("DeLong"))
        for m, shift in (("roc_auc", 0.05), ("f1", 0.001), ("log_loss", -0.06))
    )
    where = Disagreement(
        tuple(Confusion(a, b, 700, 200) for a in (True, False) for b in (True, False)),
        {"both right": 1500, "only the first right": 300, "only the second right": 400,
         "neither right": 600},
        (Slice(name("carrier"), name("UA"), 300, 0.4, 0.6, 0.7),
         Slice(name("temp"), name("40 to 60"), 200, 0.3, 0.6, 0.65)),
    )  # fmt: skip
    change = CellChange(
        2, 2, ("-" + name("fit(depth=3)"), "+" + name("fit(depth=5)"), "@@", " save()")
    )
    pairs = tuple(
        Pair(
            v.version, comparisons, where, {name("train.depth"): (3, name("5"))},
            {name("data/flights.parquet"): ("1" * 32, "2" * 32)}, {name("commit"): ("c", "d")},
            {name("train.ipynb"): (change,)},
        )
        for v in versions[1:]
    )  # fmt: skip
    if problem:
        pairs = tuple(replace(p, metrics=(), where=None) for p in pairs)
        return VersionComparison(name("delay"), versions, pairs, problem=name(problem))
    return VersionComparison(name("delay"), versions, pairs, scored, 3, 3000, 0.24, (1,))


def gates(name: Name = plain) -> tuple[str, GateReport]:
    results = (
        GateResult("minimum", name("auc"), "pass", name("roc_auc 0.71 of at least 0.55"),
                   {name("value"): 0.71, "rows": 3000}),
        GateResult("slices", name("by carrier"), "fail", name("worse for carrier UA"), {}),
        GateResult("latency", name("quick"), Verdict.INCONCLUSIVE,
                   name("the service did not start"), {}),
    )  # fmt: skip
    return GateReport(results, {"champion": 1, "rows": 3000}, "f" * 64)


def card(name: Name = plain) -> Card:
    from gristmill.drawing import Series
    from gristmill.drawing import curve_chart as draw

    line = Series(name("calibration"), [(x / 10, (x / 10) ** 1.2) for x in range(11)])
    figure = draw([line], name("Calibration"), "predicted share", "observed share")
    rows: tuple[tuple[Any, ...], ...] = (
        (name("purpose"), name("Plan the gates.")), ("value", math.pi), ("nothing", None),
    )  # fmt: skip
    return Card(name("delay version 2"), (
        Section("About", name("Holds champion."), ("", ""), rows),
        Section("Calibration", "", (name("bin"), "n"), ((name("0.1"), 3),), figure=figure),
        Section(name("Limits"), "", points=(name("Not for strikes."),)),
    ))  # fmt: skip
