"""Rows of the prediction log once more, for a close look at a window: a fair sample of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gristmill.monitoring._store.feed import Lines, kinds_of, read_predictions
from gristmill.monitoring._store.profile import PREDICTION, Profile
from gristmill.predictions import first_answers, log_files

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

Span = tuple[datetime, datetime]
Progress = Callable[[float, str], None]


def sampled_rows(
    log: Path,
    profile: Profile,
    spans: Sequence[Span],
    by: str,
    most: int,
    progress: Progress = lambda share, activity: None,
) -> tuple[pd.DataFrame, int]:
    """At most `most` rows of the profile's version whose time lies in `spans`, and how many there
    are. Columns are the profile's.

    Rows with the least hash of their request id are taken: the same ones every time, whatever the
    file they are in. The log is read twice, a file at a time: to see which lines count, then those
    that are taken.
    """
    import duckdb
    import pandas as pd

    kinds = kinds_of([profile])
    files = log_files(log)
    frames: list[pd.DataFrame] = []
    with duckdb.connect() as db:
        db.execute("set timezone = 'UTC'; set threads = 2")
        rows, chosen = _choose(db, files, profile.version, spans, by, most, progress)
        for number, file in enumerate(f for f in files if f.name in chosen):
            lines = read_predictions(db, file, kinds, by)
            frames.append(_frame(lines.where(np.isin(lines.line, chosen[file.name])), profile))
            progress(0.5 + 0.5 * (number + 1) / len(chosen), f"reading {most:,} of {rows:,} rows")
    if not frames:
        return pd.DataFrame(), rows
    sample = pd.concat(frames, ignore_index=True).sort_values("request_hash", kind="stable")
    return sample.drop(columns="request_hash").reset_index(drop=True), rows


def _choose(
    db: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
    version: int,
    spans: Sequence[Span],
    by: str,
    most: int,
    progress: Progress,
) -> tuple[int, dict[str, list[int]]]:
    """How many requests count in the spans, and the lines of those that are taken, by file."""
    import pyarrow as pa

    whole, done = sum(f.stat().st_size for f in files) or 1, 0
    db.execute("""create temp table lines (request_id ubigint, received bigint, file varchar,
      line bigint, version bigint, hour bigint)""")
    for file in files:
        lines = read_predictions(db, file, {PREDICTION: "category"}, by)
        lines = lines.where(lines.version != 0)
        db.register("read", pa.table({
            "request_id": lines.request_hash, "received": lines.received, "line": lines.line,
            "version": lines.version, "hour": lines.hour,
        }))  # fmt: skip
        db.execute("insert into lines by name select *, ? as file from read", [file.name])
        db.unregister("read")
        done += file.stat().st_size
        progress(0.5 * done / whole, "reading the log")
    inside = " or ".join("hour >= ? and hour < ?" for _ in spans) or "false"
    bounds = [moment.timestamp() for span in spans for moment in span]
    db.execute(
        f"""create temp table counted as select * from ({first_answers("lines")})
        where version = ? and ({inside})""",  # noqa: S608
        [version, *bounds],
    )
    ((rows,),) = db.execute("select count(*) from counted").fetchall()
    query = """select file, list(line) from (select * from counted order by request_id limit ?)
      group by file"""
    return int(rows), dict(db.execute(query, [most]).fetchall())


def _frame(lines: Lines, profile: Profile) -> pd.DataFrame:
    import pandas as pd

    columns: dict[str, Any] = {"request_hash": lines.request_hash}
    for column in profile.columns:
        if column.binning.kind == "number":
            columns[column.name] = lines.numbers[column.name]
        else:
            columns[column.name] = lines.texts[column.name].to_pandas()
    return pd.DataFrame(columns)
