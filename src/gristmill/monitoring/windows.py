"""Sketches of the prediction log by hour, built incrementally, merged into windows.

One DuckDB file per model. What was read and what was counted change in one transaction, so a
killed read counts nothing twice and loses nothing; a row that comes late is added to its own hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gristmill.monitoring.feed import NUMBER, Lines, codes, floats, read_predictions, slice_of
from gristmill.monitoring.performance import SCORE_BINS, SUMS, Scores, parts, score_bin
from gristmill.monitoring.periods import Period
from gristmill.monitoring.profile import PREDICTION, Profile
from gristmill.monitoring.schema import SCHEMA
from gristmill.monitoring.sketch import Sketch

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


@dataclass(frozen=True)
class Window:
    """Rows of one version in one window of time: how many came, how many have labels."""

    version: int
    start: datetime
    end: datetime
    rows: int
    labelled: int


class SketchStore:
    """The sketches of one model. One process at a time; close it."""

    def __init__(self, path: Path) -> None:
        import duckdb

        path.parent.mkdir(parents=True, exist_ok=True)
        self._db: duckdb.DuckDBPyConnection = duckdb.connect(str(path))
        self._db.execute("set timezone = 'UTC'; set threads = 2")
        self._db.execute(SCHEMA)

    def __enter__(self) -> SketchStore:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def versions_in(self, directory: Path) -> set[int]:
        """Versions that unread lines of the prediction log name."""
        found: set[int] = set()
        for file, done in self._unread("predictions", directory):
            with slice_of(file, done) as (path, _):
                query = "select distinct version from read_json(?, format='newline_delimited', "
                query += "columns={version: 'INTEGER'}, ignore_errors=true)"
                found |= {int(v) for (v,) in self._db.execute(query, [str(path)]).fetchall() if v}
        return found

    def take_predictions(
        self, directory: Path, profiles: Mapping[int, Profile], by: str
    ) -> tuple[int, int]:
        """Count what was appended to the prediction log. Returns rows and damaged lines."""
        rows = damaged = 0
        names = sorted({c.name for p in profiles.values() for c in p.features})
        for file, done in self._unread("predictions", directory):
            with slice_of(file, done) as (path, size), self._transaction():
                lines = read_predictions(self._db, path, names, by)
                bad = len(lines.version)
                for version in np.unique(lines.version):
                    if int(version) in profiles:
                        mine = lines.of(int(version))
                        self._count(profiles[int(version)], mine)
                        bad -= len(mine.version)
                self._advance("predictions", file, done + size, bad)
            rows += len(lines.version) - bad
            damaged += bad
        self._settle()
        return rows, damaged

    def take_feedback(self, directory: Path, profiles: Mapping[int, Profile]) -> int:
        """Join labels that came to their predictions. Returns how many rows got theirs.

        The first label of a request counts; one that comes before its prediction waits for it.
        """
        for file, done in self._unread("feedback", directory):
            with slice_of(file, done) as (path, size), self._transaction():
                query = """insert into labels select request_id, any_value(label)
                  from read_json(?, format='newline_delimited', ignore_errors=true,
                  columns={request_id: 'VARCHAR', label: 'VARCHAR'}) as new
                  where request_id is not null and label is not null
                  and not exists (select 1 from labels l where l.request_id = new.request_id)
                  group by request_id"""
                self._db.execute(query, [str(path)])
                self._advance("feedback", file, done + size, 0)
        with self._transaction():
            return self._join(profiles)

    def windows(self, period: Period) -> list[Window]:
        """All windows with rows, oldest first."""
        tally: dict[tuple[datetime, int], list[int]] = {}
        for place, table in enumerate(("arrivals", "sums")):
            extra = "" if table == "arrivals" else "where metric = 0"
            query = f"select version, hour, sum(n) from {table} {extra} group by all"  # noqa: S608
            for version, hour, n in self._db.execute(query).fetchall():
                start = period.start(datetime.fromtimestamp(hour, UTC))
                tally.setdefault((start, version), [0, 0])[place] += int(n)
        return [
            Window(version, start, period.end(start), rows, labelled)
            for (start, version), (rows, labelled) in sorted(tally.items())
        ]

    def sketches(self, window: Window, profile: Profile) -> dict[str, Sketch]:
        """The window's sketch of each column of the profile."""
        where = "where version = ? and hour >= ? and hour < ?"
        span = [window.version, int(window.start.timestamp()), int(window.end.timestamp())]
        counts: dict[str, Any] = {
            c.name: np.zeros(c.binning.size, np.int64) for c in profile.columns
        }
        query = f"select name, bin, sum(n) from counts {where} group by all"  # noqa: S608
        for name, bin_, n in self._db.execute(query, span).fetchall():
            counts[name][bin_] = n
        query = f"""select name, sum(total), sum(squares), min(low), max(high)
          from moments {where} group by name order by name"""  # noqa: S608
        moments = {name: rest for name, *rest in self._db.execute(query, span).fetchall()}
        return {name: Sketch(n, *moments.get(name, ())) for name, n in counts.items()}

    def scores(self, window: Window, profile: Profile) -> Scores:
        """The window's labelled rows."""
        where = "where version = ? and hour >= ? and hour < ?"
        span = [window.version, int(window.start.timestamp()), int(window.end.timestamp())]
        empty = Scores.empty(profile.task)
        query = f"select side, bin, sum(n) from scores {where} group by all"  # noqa: S608
        for side, bin_, n in self._db.execute(query, span).fetchall():
            empty.counts[side, bin_] = n
        rows = 0
        query = f"""select metric, sum(n), sum(total), sum(squares) from sums {where}
          group by metric"""  # noqa: S608
        for metric, n, total, squares in self._db.execute(query, span).fetchall():
            rows = int(n)
            empty.sums[metric], empty.squares[metric] = total, squares
        return Scores(profile.task, rows, empty.counts, empty.sums, empty.squares)

    def damaged(self) -> int:
        """Lines of the log that could not be read, ever."""
        found = self._db.execute("select coalesce(sum(damaged), 0) from progress").fetchone()
        return int(found[0]) if found else 0

    def _unread(self, kind: str, directory: Path) -> list[tuple[Path, int]]:
        query = "select file, bytes from progress where kind = ?"
        done: dict[str, int] = dict(self._db.execute(query, [kind]).fetchall())
        files = sorted(directory.glob("*.jsonl")) if directory.is_dir() else []
        return [(f, done.get(f.name, 0)) for f in files if f.stat().st_size > done.get(f.name, 0)]

    def _advance(self, kind: str, file: Path, size: int, damaged: int) -> None:
        self._db.execute(
            """insert into progress values (?, ?, ?, ?) on conflict do update
            set bytes = excluded.bytes, damaged = progress.damaged + excluded.damaged""",
            [kind, file.name, size, damaged],
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def _count(self, profile: Profile, lines: Lines) -> None:
        version = profile.version
        hours, where = np.unique(lines.hour, return_inverse=True)
        self._append(
            "arrivals", version=version, hour=hours, n=np.bincount(where, minlength=hours.size)
        )
        for column in profile.columns:
            category = column.binning.kind == "category"
            values = (
                lines.texts[column.name].to_pylist() if category else lines.numbers[column.name]
            )
            size = column.binning.size
            cells, n = np.unique(where * size + column.binning.place(values), return_counts=True)
            self._append(
                "counts",
                version=version,
                hour=hours[cells // size],
                name=column.name,
                bin=cells % size,
                n=n,
            )
            if category:
                continue
            some = np.isfinite(values)
            value, hour = values[some], where[some]
            there = np.unique(hour)
            if not there.size:
                continue
            low, high = np.full(hours.size, np.inf), np.full(hours.size, -np.inf)
            np.minimum.at(low, hour, value)
            np.maximum.at(high, hour, value)
            self._append(
                "moments",
                version=version,
                hour=hours[there],
                name=column.name,
                total=np.bincount(hour, value, hours.size)[there],
                squares=np.bincount(hour, value**2, hours.size)[there],
                low=low[there],
                high=high[there],
            )
        self._append(
            "waiting",
            request_id=lines.request,
            version=version,
            hour=lines.hour,
            prediction=lines.texts[PREDICTION],
        )

    def _settle(self) -> None:
        """Merge counts of one hour that came apart and sort them, when they have grown by half, so
        that a window reads little more than its own hours."""
        query = "select (select count(*) from counts), (select coalesce(max(n), 0) from settled)"
        now, then = self._db.execute(query).fetchall()[0]
        if now <= 1.5 * then:
            return
        with self._transaction():
            self._db.execute("""create or replace table counts as
              select version, hour, name, bin, sum(n)::bigint as n from counts
              group by all order by hour, name, bin""")
            self._db.execute("delete from settled")
            self._db.execute("insert into settled select count(*) from counts")

    def _join(self, profiles: Mapping[int, Profile]) -> int:
        self._db.execute("""create or replace temp table met as
          select w.request_id, w.version, w.hour, w.prediction, l.label
          from waiting w join labels l using (request_id)""")
        joined = 0
        for version, profile in profiles.items():
            query = f"""select hour, prediction, label, {NUMBER.format("prediction")} as p,
              {NUMBER.format("label")} as l from met where version = ?"""  # noqa: S608
            table = self._db.sql(query, params=[version]).to_arrow_table()
            joined += table.num_rows
            self._score(profile, table)
        self._db.execute("delete from waiting where request_id in (select request_id from met)")
        return joined

    def _score(self, profile: Profile, table: pa.Table) -> None:
        if profile.task == "labels":
            predicted, label = codes(table.column("prediction"), table.column("label"))
        else:
            predicted, label = floats(table.column("p")), floats(table.column("l"))
        good = np.isfinite(predicted) & np.isfinite(label)
        predicted, label = predicted[good], label[good]
        hours, where = np.unique(table.column("hour").to_numpy()[good], return_inverse=True)
        if not hours.size:
            return
        n = np.bincount(where, minlength=hours.size)
        values = parts(profile.task, predicted, label)
        for metric in range(len(SUMS[profile.task])):
            self._append(
                "sums",
                version=profile.version,
                hour=hours,
                metric=metric,
                n=n,
                total=np.bincount(where, values[metric], hours.size),
                squares=np.bincount(where, values[metric] ** 2, hours.size),
            )
        if profile.task == "binary":
            side = (label > 0.5).astype(np.int64)
            cell = (where * 2 + side) * SCORE_BINS + score_bin(predicted)
            cells, m = np.unique(cell, return_counts=True)
            self._append(
                "scores",
                version=profile.version,
                hour=hours[cells // SCORE_BINS // 2],
                side=cells // SCORE_BINS % 2,
                bin=cells % SCORE_BINS,
                n=m,
            )

    def _append(self, table: str, **columns: Any) -> None:
        """Insert columns; a single value stands for the same in every row."""
        import pyarrow as pa

        single = {k for k, v in columns.items() if isinstance(v, str | int)}
        size = max(len(v) for k, v in columns.items() if k not in single)
        filled = {k: pa.repeat(v, size) if k in single else v for k, v in columns.items()}
        self._db.register("appended", pa.table(filled))
        self._db.execute(f"insert into {table} by name select * from appended")  # noqa: S608
        self._db.unregister("appended")
