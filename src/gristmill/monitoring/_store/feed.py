"""Reading what was appended to the prediction log since last time."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gristmill.monitoring._statistics.sketch import Floats, Kind
from gristmill.monitoring._store.profile import PREDICTION, Profile
from gristmill.predictions import RECEIVED, RECEIVED_LABEL

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

# a number, or true and false as 1 and 0, from text; anything else is null
NUMBER = "coalesce(try_cast({0} as double), try_cast(try_cast({0} as boolean) as double))"


@dataclass(frozen=True)
class Lines:
    """Lines of the prediction log, columns of length n; texts and numbers by column name.

    `received` is in microseconds since 1970; `line` is the place in the file, from 0. A column that
    is a number for one version and a category for another was read as text; `number` parses it.
    """

    request: Any
    received: NDArray[np.int64]
    line: NDArray[np.int64]
    request_hash: NDArray[np.uint64]
    version: NDArray[np.int64]
    hour: NDArray[np.int64]
    texts: Mapping[str, Any]
    numbers: Mapping[str, Floats]

    def number(self, name: str) -> Floats:
        """A column's values as numbers, shape (n,); NaN for what is missing or no number."""
        if name in self.numbers:
            return self.numbers[name]
        column = self.texts[name].combine_chunks().dictionary_encode()
        values = [_parse_number(text) for text in column.dictionary.to_pylist()]
        codes = column.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
        parsed: Floats = np.array([*values, np.nan], dtype=np.float64)[codes]
        return parsed

    def of(self, version: int) -> Lines:
        return self.where(self.version == version)

    def where(self, mask: NDArray[np.bool_]) -> Lines:
        if mask.all():
            return self
        return Lines(
            self.request.filter(mask),
            self.received[mask],
            self.line[mask],
            self.request_hash[mask],
            self.version[mask],
            self.hour[mask],
            {k: v.filter(mask) for k, v in self.texts.items()},
            {k: v[mask] for k, v in self.numbers.items()},
        )


def _parse_number(text: str) -> float:
    """As `NUMBER` does it in SQL, with NaN for null."""
    if text in ("true", "false"):
        return float(text == "true")
    try:
        return float(text)
    except ValueError:
        return float("nan")


def kinds_of(profiles: Iterable[Profile]) -> dict[str, Kind]:
    """How each column of these versions is read; as text where they disagree."""
    kinds: dict[str, Kind] = {PREDICTION: "number"}
    for profile in profiles:
        if profile.task == "labels":
            kinds[PREDICTION] = "category"
        for column in profile.columns:
            kind = column.binning.kind
            kinds[column.name] = kind if kinds.get(column.name, kind) == kind else "category"
    return kinds


def read_predictions(
    db: duckdb.DuckDBPyConnection,
    path: Path,
    kinds: Mapping[str, Kind],
    by: str,
    first: int = 0,
) -> Lines:
    """The prediction log in `path` with the columns `kinds`; version 0 for what is damaged.
    `first` is the number of its first line.

    Rows are placed by `event` time (receipt where there is none) or by `receipt`. Numbers are
    parsed as such while the JSON is: that takes half the time of going through text.
    """
    types = {"number": "DOUBLE", "category": "VARCHAR"}
    names = [n for n in kinds if n != PREDICTION]
    quoted = ['"' + n.replace('"', '""') + '"' for n in names]
    columns = {
        "request_id": "VARCHAR",
        "time": "TIMESTAMPTZ",
        "event_time": "TIMESTAMPTZ",
        "version": "INTEGER",
        "prediction": types[kinds[PREDICTION]],
    }
    if names:
        inner = (f"{q} {types[kinds[n]]}" for q, n in zip(quoted, names, strict=True))
        columns["features"] = f"STRUCT({', '.join(inner)})"
    literal = ", ".join(f"{k}: '{v.replace(chr(39), chr(39) * 2)}'" for k, v in columns.items())
    moment = "coalesce(event_time, time)" if by == "event" else "time"
    values = ["prediction", *(f"features.{q}" for q in quoted)]
    picked = ", ".join(f"{v} as c{i}" for i, v in enumerate(values))
    query = f"""select request_id as request, hash(request_id) as request_hash, {picked},
      {RECEIVED} as received, coalesce(case when {moment} is null or request_id is null then 0
      else version end, 0)::bigint as version,
      coalesce(epoch(date_trunc('hour', {moment})), 0)::bigint as hour
      from read_json(?, format='newline_delimited', ignore_errors=true,
      columns={{{literal}}})"""  # noqa: S608  column names are quoted above
    table = db.sql(query, params=[str(path)]).to_arrow_table()
    texts: dict[str, Any] = {}
    numbers: dict[str, Floats] = {}
    for i, name in enumerate([PREDICTION, *names]):
        column = table.column(f"c{i}")
        if kinds[name] == "number":
            numbers[name] = floats(column)
        else:
            texts[name] = column
    return Lines(
        table.column("request"),
        table.column("received").to_numpy(),
        np.arange(first, first + table.num_rows),
        table.column("request_hash").to_numpy(),
        table.column("version").to_numpy(),
        table.column("hour").to_numpy(),
        texts,
        numbers,
    )


def read_labels(db: duckdb.DuckDBPyConnection, path: Path, first: int) -> pa.Table:
    """Lines of a feedback log: request_id, label as text, received, line; null where damaged."""
    import pyarrow as pa

    query = f"""select request_id, label, {RECEIVED_LABEL} as received
      from read_json(?, format='newline_delimited', ignore_errors=true,
      columns={{request_id: 'VARCHAR', label: 'VARCHAR', time: 'TIMESTAMPTZ'}})"""  # noqa: S608
    table: pa.Table = db.sql(query, params=[str(path)]).to_arrow_table()
    return table.append_column("line", pa.array(np.arange(first, first + table.num_rows)))


@contextmanager
def slice_of(file: Path, start: int) -> Iterator[tuple[Path, int]]:
    """The whole lines of a log file from byte `start` on, as a file, and their length in bytes."""
    with tempfile.TemporaryDirectory(prefix="gristmill-") as folder:
        path = Path(folder) / "lines.jsonl"
        with file.open("rb") as source, path.open("w+b") as target:
            source.seek(start)
            shutil.copyfileobj(source, target, 2**20)
            size = _last_line_end(target)
            target.truncate(size)
        yield path, size


def _last_line_end(file: Any) -> int:
    """The position after the last newline; 0 when there is none."""
    position: int = file.seek(0, 2)
    while position:
        step = min(position, 2**16)
        position -= step
        file.seek(position)
        newline = file.read(step).rfind(b"\n")
        if newline >= 0:
            return position + int(newline) + 1
    return 0


def floats(column: Any) -> Floats:
    """An Arrow column of doubles, shape (n,), nulls as NaN."""
    return np.asarray(column.to_numpy(), dtype=np.float64)


def codes(left: Any, right: Any) -> tuple[Floats, Floats]:
    """Two text columns as numbers that are equal where the texts are."""
    names: dict[str | None, int] = {}
    sides = [
        np.array([names.setdefault(t, len(names)) for t in side.to_pylist()], dtype=np.float64)
        for side in (left, right)
    ]
    return sides[0], sides[1]
