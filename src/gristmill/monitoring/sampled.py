"""Rows of the prediction log once more, for a close look at a window: a fair sample of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gristmill.monitoring.feed import Lines, kinds_of, read_predictions
from gristmill.monitoring.profile import Profile

if TYPE_CHECKING:
    import pandas as pd

Span = tuple[datetime, datetime]
Progress = Callable[[float, str], None]


def sampled_rows(
    log: Path,
    profile: Profile,
    spans: Sequence[Span],
    by: str,
    most: int,
    progress: Progress = lambda share, words: None,
) -> tuple[pd.DataFrame, int]:
    """At most `most` rows of the profile's version whose time lies in `spans`, and how many there
    are. Columns are the profile's.

    Rows with the least hash of their request id are taken: the same ones every time, whatever the
    file they are in. The log is read a file at a time.
    """
    import duckdb
    import pandas as pd

    kinds = kinds_of([profile])
    files = sorted(log.glob("*.jsonl"))
    whole = sum(f.stat().st_size for f in files) or 1
    kept, rows, done = pd.DataFrame(), 0, 0
    with duckdb.connect() as db:
        db.execute("set timezone = 'UTC'; set threads = 2")
        for file in files:
            lines = read_predictions(db, file, kinds, by).of(profile.version)
            inside = np.zeros(len(lines.hour), dtype=bool)
            for start, end in spans:
                inside |= (lines.hour >= start.timestamp()) & (lines.hour < end.timestamp())
            rows += int(inside.sum())
            if inside.any():
                kept = pd.concat([kept, _frame(lines, inside, profile)], ignore_index=True)
                kept = kept.nsmallest(most, "mixed")
            done += file.stat().st_size
            progress(done / whole, f"reading the log, {rows:,} rows of the window so far")
    return kept.drop(columns="mixed", errors="ignore").reset_index(drop=True), rows


def _frame(lines: Lines, inside: Any, profile: Profile) -> pd.DataFrame:
    import pandas as pd

    columns: dict[str, Any] = {"mixed": lines.mixed[inside]}
    for column in profile.columns:
        if column.binning.kind == "number":
            columns[column.name] = lines.numbers[column.name][inside]
        else:
            columns[column.name] = lines.texts[column.name].filter(inside).to_pandas()
    return pd.DataFrame(columns)
