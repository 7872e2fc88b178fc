"""The flights project watched day by day, April to December 2013: what alarmed, and was it right?

    python benchmarks/year.py [--daily N] [--picture FILE]

Learns from January to March, then each day predicts that day's flights, writes the log as serving
does, hears the labels of the day before, monitors, and repairs where alerts ask for it. An alarm is
judged on raw rows that it did not see: those of the three weeks after its first window.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from gristmill import Project
    from gristmill.monitoring import Alert

ROOT = Path(__file__).resolve().parent.parent
MODEL = "flight-delay"
POLICY = {  # nobody is there to approve; everything known so far is trained on
    "required = 2 ": "required = 0 ",
    'window = "month"': 'window = "7d"\nsegments = ["origin"]',
    "days = 90": "days = 365",
    'cooldown = "75d"': 'cooldown = "45d"',
}
DAY = timedelta(days=1)
MARGIN = 0.02
SEGMENT = re.compile(r"(\w+)=([^,;]+), (\w+):")


@dataclass
class Year:
    """What happened: a row a flight, how long each part took."""

    rows: list[pd.DataFrame] = field(default_factory=list)
    seconds: Counter[str] = field(default_factory=Counter)
    opened: Counter[date] = field(default_factory=Counter)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--daily", type=int, default=300, help="flights a day (300)")
    parser.add_argument("--picture", type=Path, help="write a picture of it here, .png")
    args = parser.parse_args()
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory(prefix="gristmill-year-") as folder:
        os.environ["GRISTMILL_TRUST"] = folder
        root = Path(folder) / "flights"
        began = time.monotonic()
        project = prepare(root)
        year = live(project, args.daily)
        took = time.monotonic() - began
        flights = pd.concat(year.rows, ignore_index=True)
        alarms(project, flights)
        repairs(project)
        summed(flights)
        parts = ", ".join(f"{k} {v:.0f} s" for k, v in year.seconds.items())
        print(f"\n{took:.0f} s: {parts}.")
        if args.picture:
            draw(project, flights, args.picture)


def prepare(root: Path) -> Project:
    """The flights project, trained on January to March, its first version promoted."""
    from gristmill import Project, gate, promote, register

    ignored = shutil.ignore_patterns(".gristmill", "__pycache__", ".ipynb_checkpoints", ".dvc")
    shutil.copytree(ROOT / "notebooks/flights", root, ignore=ignored)
    shutil.copy(ROOT / "requirements.lock", root)
    path = root / "gristmill.toml"
    text = path.read_text()
    for old, new in POLICY.items():
        if old not in text:
            raise SystemExit(f"{path} no longer says {old!r}")
        text = text.replace(old, new)
    path.write_text(text)
    who = ["-c", "user.name=Replay", "-c", "user.email=replay@example.org"]
    for arguments in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        [*who, "commit", "-qm", "flights"],
    ):
        subprocess.run(["git", *arguments], cwd=root, check=True)
    os.chdir(root)
    subprocess.run(["gristmill", "run"], check=True, stdout=subprocess.DEVNULL)
    project = Project.find(root)
    version = register(project, MODEL).version
    if not gate(project, MODEL, version).passed:
        raise SystemExit("the first version did not pass its gates")
    promote(project, MODEL, version, reason="the first")
    return project


def live(project: Project, daily: int) -> Year:
    from gristmill.monitoring import monitor, repair
    from gristmill.predictions import LineLog, feedback_directory, predictions_directory
    from gristmill.predictor import probability
    from gristmill.registry import Registry, champion

    sys.path.insert(0, str(project.root))
    from flightlib.features import COLUMNS
    from flightlib.replay import replay

    everything = replay(date(2013, 3, 31), date(2014, 1, 1), 10**9, 7)
    predictions = LineLog(predictions_directory(project, MODEL))
    feedback = LineLog(feedback_directory(project, MODEL))
    registry, models, year = Registry(project), {}, Year()
    chance, waiting = np.random.default_rng(7), pd.DataFrame()
    moment = datetime(2013, 4, 1, tzinfo=UTC)
    while moment < datetime(2014, 1, 1, tzinfo=UTC):
        today = everything[everything["scheduled"].between(moment, moment + DAY, inclusive="left")]
        if daily < len(today):
            today = today.iloc[np.sort(chance.choice(len(today), daily, replace=False))]
        holder = champion(project, MODEL)
        assert holder is not None
        for number in {1, holder.version} - set(models):
            models[number] = registry.load(registry.version(MODEL, number))
        with clock(year, "predict"):
            first, prediction = (
                probability(models[v].predict(today[COLUMNS])) for v in (1, holder.version)
            )
            today = today.assign(first=first, predicted=prediction, version=holder.version)
            today["request"] = [f"{moment:%m%d}-{i}" for i in range(len(today))]
            predictions.append(lines(today, COLUMNS))
            if len(waiting):
                feedback.append(answers(waiting))
        waiting = today
        year.rows.append(today)
        moment += DAY
        with clock(year, "monitor"):
            watch = monitor(project, MODEL, now=moment, notify=False)
        year.opened[moment.date()] += len(watch.opened)
        if watch.alerts:
            with clock(year, "repair"), contextlib.redirect_stdout(io.StringIO()):
                done = repair(project, MODEL, now=moment)
            if done is not None:
                print(f"{moment:%d %b} repair {done.id}: {done.outcome}", flush=True)
    return year


@contextlib.contextmanager
def clock(year: Year, name: str) -> Any:
    begin = time.monotonic()
    yield
    year.seconds[name] += time.monotonic() - begin


def lines(flights: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    features = json.loads(flights[columns].to_json(orient="records"))
    return [
        {
            "request_id": request,
            "time": f"{at:%Y-%m-%dT%H:%M:%S}Z",
            "event_time": f"{at:%Y-%m-%dT%H:%M:%S}Z",
            "model": MODEL,
            "version": version,
            "features": values,
            "prediction": prediction,
            "latency_ms": 1.0,
        }
        for values, request, at, version, prediction in zip(
            features,
            flights["request"],
            flights["scheduled"],
            flights["version"].tolist(),
            flights["predicted"].tolist(),
            strict=True,
        )
    ]


def answers(flights: pd.DataFrame) -> list[dict[str, Any]]:
    pairs = zip(flights["request"], flights["late"].astype(int).tolist(), strict=True)
    return [{"request_id": r, "time": "2014-01-01T00:00:00Z", "label": late} for r, late in pairs]


def alarms(project: Project, flights: pd.DataFrame) -> None:
    """Each alarm, and whether rows it did not see agree."""
    from gristmill.monitoring import read_alerts

    print("\nAlarms; `after` is measured on the raw rows of the three weeks after the first window")
    alerts = read_alerts(project, MODEL)
    right = Counter[str]()
    for alert in alerts:
        verdict, explanation = judge(project, alert, flights)
        right[verdict] += 1
        print(f"{alert.opened:%d %b}  v{alert.version}  {alert.rule:<12}{alert.windows:>3} weeks  "
              f"{verdict:<10} {explanation}")  # fmt: skip
    weeks = Counter(f"{a.opened:%G-%V}" for a in alerts)
    most = max(weeks.values(), default=0)
    windows = (flights["scheduled"].max() - flights["scheduled"].min()).days // 7
    summary = ", ".join(f"{n} {v}" for v, n in right.items())
    print(
        f"{len(alerts)} alarms in {windows} weekly windows ({summary}); at most {most} in one week."
    )


def judge(project: Project, alert: Alert, flights: pd.DataFrame) -> tuple[str, str]:
    """Right, wrong or unknown, and the figure that says so, from rows after the first window."""
    from sklearn.metrics import roc_auc_score

    from gristmill.monitoring import read_report

    begin = alert.first + 7 * DAY
    after = flights[flights["scheduled"].between(begin, begin + 21 * DAY, inclusive="left")]
    mine = after[after["version"] == alert.version]
    if len(mine) < 500:
        return "unknown", "it was replaced before more rows came: " + alert.reason[:60]
    reference = trained(project, alert.version)
    report = read_report(project, MODEL)
    version = next(v for v in report.versions if v.version == alert.version)
    if alert.rule in ("performance", "chart"):
        baseline = version.baseline["roc_auc"].value
        area = float(roc_auc_score(mine["late"], mine["predicted"]))
        explanation = f"AUC {area:.3f} after, baseline {baseline:.3f}"
        return ("right" if area < baseline - MARGIN else "wrong"), explanation
    shifts = []
    for part, name, then, now in sides(alert, reference, mine):
        shifts.append((apart(then, now), f"{name}{part}", middle(then), middle(now)))
    if not shifts:
        return "unknown", alert.reason[:70]
    far, name, then_, now_ = max(shifts)
    late = f"late {reference['late'].mean():.0%} to {mine['late'].mean():.0%}"
    explanation = f"{far:.0%} of rows moved in {name}: {then_} to {now_}; {late}"
    return ("right" if far >= 0.05 else "wrong"), explanation


def sides(alert: Alert, reference: pd.DataFrame, mine: pd.DataFrame) -> list[tuple[Any, ...]]:
    """What the alarm speaks of: the part of the rows, the column, and its values then and now."""
    if alert.rule == "prediction":
        return [("", "predicted", reference["prediction"], mine["predicted"])]
    if alert.rule == "segment":
        return [
            (f" of {cut}={value}", *(name, *(t[t[cut] == value][name] for t in (reference, mine))))
            for cut, value, name in SEGMENT.findall(alert.reason)
        ]
    return [("", n, reference[n], mine[n]) for n in features_in(alert.reason, reference)]


def trained(project: Project, version: int) -> pd.DataFrame:
    from gristmill.registry import Registry

    registry = Registry(project)
    path = registry.evidence(registry.version(MODEL, version), "reference.parquet")
    return pd.read_parquet(path)


def features_in(reason: str, reference: pd.DataFrame) -> list[str]:
    mentioned = {w.strip(" ,;.:") for w in reason.replace(":", " ").replace(",", " ").split()}
    return [c for c in reference if c in mentioned and c not in ("late", "prediction", "scheduled")]


def apart(then: pd.Series[Any], now: pd.Series[Any]) -> float:
    """The least share of rows that lie elsewhere, missing ones included."""
    if not pd.api.types.is_numeric_dtype(then):
        shares = [s.value_counts(normalize=True, dropna=False) for s in (then, now)]
        return float(shares[0].sub(shares[1], fill_value=0).abs().sum() / 2)
    from scipy.stats import ks_2samp

    missing = abs(float(then.isna().mean() - now.isna().mean()))
    return max(missing, float(ks_2samp(then.dropna(), now.dropna()).statistic))


def middle(values: pd.Series[Any]) -> str:
    if pd.api.types.is_numeric_dtype(values):
        return f"{values.mean():.3g}"
    return str(values.mode().iloc[0])


def repairs(project: Project) -> None:
    from gristmill.monitoring import read_repairs

    print("\nRepairs")
    for r in read_repairs(project, MODEL):
        print(f"{r.began:%d %b}  {r.id:<10}{r.outcome:<12}{r.start} to {r.end}  {r.summary[:110]}")


def summed(flights: pd.DataFrame) -> None:
    """Each month and the sum, the loop's champion beside the first version on the same flights."""
    from sklearn.metrics import brier_score_loss, roc_auc_score

    print("\n" + " " * 30 + "AUC                Brier score (less is better)")
    print("month      versions  late    loop   version 1   loop    version 1")
    month = flights["scheduled"].dt.month
    after = flights[flights["version"] != 1]
    for name, mine in [*((f"{date(2013, m, 1):%B}", flights[month == m]) for m in range(4, 13)),
                       ("all after the first repair", after)]:  # fmt: skip
        if not len(mine):
            continue
        late = mine["late"].astype(int)
        area = [roc_auc_score(late, mine[c]) for c in ("predicted", "first")]
        brier = [brier_score_loss(late, mine[c]) for c in ("predicted", "first")]
        versions = ",".join(map(str, sorted(mine["version"].unique())))
        line = f"{versions:>8}  {late.mean():>4.0%}   {area[0]:.3f}  {area[1]:.3f}       "
        print(f"{name[:10]:<10} {line}{brier[0]:.4f}  {brier[1]:.4f}"
              + ("   after the first repair" if name.startswith("all") else ""))  # fmt: skip


def draw(project: Project, flights: pd.DataFrame, target: Path) -> None:
    """AUC by two weeks with and without repair; alarms below, champions as lines."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    from sklearn.metrics import roc_auc_score

    from gristmill.monitoring import read_alerts

    start = flights["scheduled"].min().normalize()
    part = (flights["scheduled"] - start).dt.days // 14
    figure, (top, low) = plt.subplots(
        2, 1, figsize=(9, 4.6), sharex=True, height_ratios=[3, 1], layout="constrained"
    )
    whole = [g for _, g in flights.groupby(part) if len(g) > 500]
    at = [g["scheduled"].mean() for g in whole]
    for column, colour, name in (("first", "#8a94a3", "version 1 all year"),
                                 ("predicted", "#2663c9", "with repair")):  # fmt: skip
        areas = [roc_auc_score(g["late"], g[column]) for g in whole]
        top.plot(at, areas, "o-", color=colour, label=name, markersize=4)
    for version, mine in flights.groupby("version"):
        top.axvline(mine["scheduled"].min(), color="#2663c9", linewidth=0.8, linestyle=":")
        top.annotate(f" v{version}", (mine["scheduled"].min(), 1), va="top", color="#2663c9",
                     xycoords=("data", "axes fraction"))  # fmt: skip
    top.set(ylabel="AUC, two weeks", title="2013 watched day by day")
    top.legend(loc="lower left", frameon=False)
    alerts = read_alerts(project, MODEL)
    rules = sorted({a.rule for a in alerts})
    for a in alerts:
        y = rules.index(a.rule)
        end = a.resolved or pd.Timestamp(flights["scheduled"].max())
        low.plot([a.opened, end], [y, y], color="#e0a3a0", linewidth=5, solid_capstyle="butt")
        low.plot(a.opened, y, "o", color="#b3261e", markersize=5)
    low.set_yticks(range(len(rules)), rules)
    low.set_ylim(-0.6, len(rules) - 0.4)
    low.set_xlabel("alarms: opened, and how long they stood")
    for axis in (top, low):
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    figure.savefig(target, dpi=110)


if __name__ == "__main__":
    main()
