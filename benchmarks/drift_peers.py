"""One contender of benchmarks/drift.py in a process of its own: prints one JSON record.

    python benchmarks/drift_peers.py CONTENDER time REFERENCE WINDOW
    python benchmarks/drift_peers.py CONTENDER alarms YEAR SPLIT SHIFT ROWS REPEATS

CPU seconds are counted from when the libraries are imported, on one core, and hold reading Parquet;
the peak is the process's. `nannyml` needs an environment of its own, which lacks Gristmill.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

NUMBERS = ("dep_delay", "arr_delay", "air_time", "distance", "hour", "minute", "temp", "dewp",
           "humid", "wind_speed", "precip", "pressure", "visib")  # fmt: skip
CATEGORIES = ("carrier", "origin", "dest")
COLUMNS = (*NUMBERS, *CATEGORIES)
ALPHA = 0.05
Alarms = set[str]
Judge = Callable[[pd.DataFrame, pd.DataFrame], Alarms]


def evidently(method: str | None) -> Judge:
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    columns = DataDefinition(numerical_columns=list(NUMBERS), categorical_columns=list(CATEGORIES))

    def judge(reference: pd.DataFrame, window: pd.DataFrame) -> Alarms:
        sides = [
            Dataset.from_pandas(t[list(COLUMNS)], data_definition=columns)
            for t in (window, reference)
        ]
        report = Report([DataDriftPreset(method=method)]).run(*sides).dict()
        alarms = set()
        for metric in report["metrics"]:
            config = metric["config"]
            if "column" in config:
                tested = "p_value" in config["method"]
                value, threshold = metric["value"], config["threshold"]
                if value < threshold if tested else value >= threshold:
                    alarms.add(config["column"])
        return alarms

    return judge


def nannyml(chunks: int) -> Judge:
    """The reference is cut into ten chunks, which give the thresholds; the window is cut into
    `chunks` of the same size: ten judge all its rows, one judges a tenth of them."""
    from nannyml import UnivariateDriftCalculator

    def judge(reference: pd.DataFrame, window: pd.DataFrame) -> Alarms:
        tables = [t[list(COLUMNS)].reset_index(drop=True) for t in (reference, window)]
        size = len(reference) // 10
        tables[0] = tables[0].iloc[: size * 10]
        tables[1] = tables[1].iloc[: size * chunks]
        calculator = UnivariateDriftCalculator(column_names=list(COLUMNS), chunk_size=size)
        result = calculator.fit(tables[0]).calculate(tables[1])
        table = result.filter(period="analysis").to_df()
        return {c[0] for c in table.columns if c[-1] == "alert" and table[c].any()}

    return judge


def ours(days: bool) -> Judge:
    """As `gristmill monitor`, everything anew: bins and counts of the reference, then the window's.
    Without `days` the model has no event time, and rows count as independent."""
    from gristmill.monitoring._statistics.distance import Thresholds
    from gristmill.monitoring._statistics.drift import detect_drift as test
    from gristmill.monitoring._statistics.significance import effective_days
    from gristmill.monitoring._windows.reference import columns_of, values_of

    def judge(reference: pd.DataFrame, window: pd.DataFrame) -> Alarms:
        values = {n: values_of(reference[n]) for n in COLUMNS}
        then, now = (day_of(t) if days else None for t in (reference, window))
        columns = columns_of({n: v for n, v in values.items() if v}, None, day=then)
        sketches = {c.name: c.binning.sketch(values_of(window[c.name])[1]) for c in columns}
        span = 0.0 if now is None else effective_days(np.unique(now, return_counts=True)[1])
        drift = test(columns, sketches, Thresholds(alpha=ALPHA), None, span)
        return {f.name for f in drift.features if f.drifted}

    return judge


def product(reference: Path, window: Path, *, whole: bool) -> float:
    """CPU seconds that a window costs as `gristmill monitor` takes it: read, counted by hour and
    judged; with the `whole`, reading and profiling the reference too."""
    import pyarrow.parquet as pq

    from gristmill.monitoring._statistics.distance import Thresholds
    from gristmill.monitoring._statistics.drift import detect_drift as test
    from gristmill.monitoring._statistics.significance import effective_days
    from gristmill.monitoring._store.counting import Layout, count
    from gristmill.monitoring._store.feed import Lines, floats
    from gristmill.monitoring._store.profile import Profile
    from gristmill.monitoring._store.reading import _sketches
    from gristmill.monitoring._windows.reference import columns_of, values_of

    ours(True)(*(pd.read_parquet(p).head(200) for p in (reference, window)))
    begin = time.process_time()
    table = pd.read_parquet(reference)
    values = {n: v for n in COLUMNS if (v := values_of(table[n]))}
    columns = columns_of(values, None, day=day_of(table))
    profile = Profile(1, "labels", len(table), columns, None, {})
    del table, values
    begin = begin if whole else time.process_time()
    rows = pq.read_table(window)
    hour = rows["time"].to_numpy().astype("datetime64[s]").astype(np.int64) // 3600 * 3600
    numbers = {n: floats(rows[n]) for n in NUMBERS}
    texts = {n: rows[n] for n in CATEGORIES}
    one = np.ones(len(hour), np.int64)
    hours = count(profile, Lines(None, one.astype(np.uint64), one, hour, texts, numbers))
    sketches = _sketches(Layout.of(profile), hours)
    days = effective_days(np.unique(hour // 86400, return_counts=True)[1])
    test(columns, sketches, Thresholds(alpha=ALPHA), None, days)
    return time.process_time() - begin


CONTENDERS: dict[str, Callable[[], Judge]] = {
    "evidently": lambda: evidently(None),
    "evidently-psi": lambda: evidently("psi"),
    "nannyml": lambda: nannyml(10),
    "nannyml-chunk": lambda: nannyml(1),
    "gristmill": lambda: ours(True),
    "gristmill-rows": lambda: ours(False),
}


def day_of(table: pd.DataFrame) -> np.ndarray:
    return pd.DatetimeIndex(table["time"]).as_unit("s").asi8 // 86400


def halves(
    year: pd.DataFrame, split: str, rows: int, chance: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two samples of real flights without drift: rows dealt out at random, or whole days."""
    if split == "rows":
        dealt = chance.choice(len(year), 2 * rows, replace=False)
        return year.iloc[dealt[:rows]], year.iloc[dealt[rows:]]
    day = day_of(year)
    different = np.unique(day)
    first = np.isin(day, chance.permutation(different)[: len(different) // 2])
    left, right = (np.flatnonzero(side) for side in (first, ~first))
    return tuple(
        year.iloc[chance.choice(side, min(rows, len(side)), replace=False)]
        for side in (left, right)
    )  # type: ignore[return-value]


def shifted(
    table: pd.DataFrame, shift: str, chance: np.random.Generator
) -> tuple[pd.DataFrame, str]:
    """The window with something injected, and the column it is in."""
    table = table.copy()
    some = chance.random(len(table))
    if shift == "delay":
        table["dep_delay"] += 3
        return table, "dep_delay"
    if shift == "carrier":
        table.loc[(table["carrier"] == "UA") & (some < 0.5), "carrier"] = "B6"
        return table, "carrier"
    if shift == "missing":
        table.loc[some < 0.05, "humid"] = np.nan
        return table, "humid"
    if shift == "spread":
        middle = table["pressure"].mean()
        table["pressure"] = middle + (table["pressure"] - middle) * 1.4
        return table, "pressure"
    return table, ""


def main() -> None:
    warnings.filterwarnings("ignore")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    name, mode, *arguments = sys.argv[1:]
    if mode == "time" and name in ("gristmill", "kept"):
        took = product(*map(Path, arguments), whole=name == "gristmill")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"cpu": took, "peak": peak}))
        return
    judge = CONTENDERS[name]()
    if mode == "time":
        small = [pd.read_parquet(Path(p)).head(200) for p in arguments]
        judge(*small)  # what is loaded on first use is no cost of the rows
        begin = time.process_time()
        judge(*(pd.read_parquet(Path(p)) for p in arguments))
        took = time.process_time() - begin
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"cpu": took, "peak": peak}))
        return
    path, split, shift, rows, repeats = arguments
    year = pd.read_parquet(path)
    alarms = hits = 0
    for seed in range(int(repeats)):
        chance = np.random.default_rng(seed)
        reference, window = halves(year, split, int(rows), chance)
        window, column = shifted(window, shift, chance)
        drifted = judge(reference, window)
        alarms += bool(drifted)
        hits += column in drifted
    print(json.dumps({"any": alarms / int(repeats), "hit": hits / int(repeats)}))


if __name__ == "__main__":
    main()
