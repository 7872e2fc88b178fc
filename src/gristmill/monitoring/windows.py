"""Sketches of the prediction log by hour, built incrementally, merged into windows.

One DuckDB file per model. What was read and what was counted change in one transaction, so a
killed read counts nothing twice and loses nothing; a row that comes late is added to its own hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gristmill.monitoring.breaches import broken
from gristmill.monitoring.counting import SAMPLED, count, sample
from gristmill.monitoring.feed import (
    NUMBER,
    Lines,
    codes,
    floats,
    kinds_of,
    read_predictions,
    slice_of,
)
from gristmill.monitoring.performance import SCORE_BINS, SUMS, parts, score_bin
from gristmill.monitoring.periods import Period
from gristmill.monitoring.profile import PREDICTION, Profile
from gristmill.monitoring.reading import Reading
from gristmill.monitoring.schema import LAYOUT, SCHEMA, TABLES
from gristmill.monitoring.sketch import Kind

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from gristmill.registry.contract import Contract


class SketchStore(Reading):
    """The sketches of one model. One process at a time; close it."""

    def __init__(
        self,
        path: Path,
        layout: str = "",
        *,
        sampled: bool = False,
        contract: Contract | None = None,
    ) -> None:
        """`layout` says what is counted beside columns: when it changed, all is counted anew.
        `sampled`: keep a sample of whole rows. `contract`: count the rows that break it."""
        import duckdb

        self._sampled, self._contract = sampled, contract
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db: duckdb.DuckDBPyConnection = duckdb.connect(str(path))
        self._db.execute("set timezone = 'UTC'; set threads = 2")
        words = f"{LAYOUT} {layout} {sampled} {contract.digest if contract else ''}"
        with self._transaction():
            self._db.execute("create table if not exists layout (words varchar)")
            if self._db.execute("select words from layout").fetchall() != [(words,)]:
                for table in TABLES:
                    self._db.execute(f"drop table if exists {table}")
                self._db.execute("delete from layout")
                self._db.execute("insert into layout values (?)", [words])
            self._db.execute(SCHEMA)

    def __enter__(self) -> SketchStore:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def take_predictions(
        self, directory: Path, profile: Callable[[int], Profile | None], by: str
    ) -> tuple[int, int]:
        """Count what was appended to the prediction log. Returns rows and damaged lines.

        `profile` gives a version's, None for one that nobody registered.
        """
        known = {w.version for w in self.windows(Period(None))}
        kinds = self._kinds(p for v in sorted(known) if (p := profile(v)))
        rows = damaged = 0
        for file, done in self._unread("predictions", directory):
            with slice_of(file, done) as (path, size), self._transaction():
                lines = read_predictions(self._db, path, kinds, by)
                fresh = {int(v) for v in np.unique(lines.version)} - known
                if fresh:
                    known |= fresh
                    wanted = self._kinds(p for v in sorted(known) if (p := profile(v)))
                    if wanted != kinds:
                        kinds = wanted
                        lines = read_predictions(self._db, path, kinds, by)
                bad = len(lines.version)
                for version in np.unique(lines.version):
                    found = profile(int(version))
                    if found is not None:
                        mine = lines.of(int(version))
                        self._insert("hours", count(found, mine))
                        if self._sampled and found.features:
                            self._insert("sample", sample(found, mine))
                        if self._contract:
                            self._insert("broken", broken(self._contract, mine))
                        self._wait(mine, found)
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

    def _kinds(self, profiles: Iterable[Profile]) -> dict[str, Kind]:
        return {**(self._contract.kinds if self._contract else {}), **kinds_of(profiles)}

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

    def _wait(self, lines: Lines, profile: Profile) -> None:
        """Keep predictions for the labels to come."""
        import pyarrow as pa

        said = lines.texts.get(PREDICTION)
        if said is None:
            said = pa.array(lines.numbers[PREDICTION], from_pandas=True)
        rows = {
            "request_id": lines.request,
            "version": pa.repeat(profile.version, len(lines.hour)),
            "hour": lines.hour,
            "prediction": said,
        }
        self._insert("waiting", pa.table(rows))

    def _settle(self) -> None:
        """Merge counts of one hour that came apart and sort them, when they have grown by half, so
        that a window reads little more than its own hours."""
        query = "select (select count(*) from hours), (select coalesce(max(n), 0) from settled)"
        now, then = self._db.execute(query).fetchall()[0]
        if now <= 4 * then + 1000:
            return
        with self._transaction():
            self._db.execute("""create or replace table hours as
              select version, hour, part, sum(arrived)::bigint as arrived,
              flatten(list(cells order by rowid)) as cells, flatten(list(n order by rowid)) as n,
              flatten(list(moments order by rowid)) as moments
              from hours group by all order by hour, part""")
            self._db.execute(
                """create or replace table sample as select * from sample qualify
                row_number() over (partition by version, day order by mixed) <= ?""",
                [SAMPLED],
            )
            self._db.execute("delete from settled")
            self._db.execute("insert into settled select count(*) from hours")

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

        size = max(len(v) for v in columns.values() if not isinstance(v, int))
        filled = {k: pa.repeat(v, size) if isinstance(v, int) else v for k, v in columns.items()}
        self._insert(table, pa.table(filled))

    def _insert(self, table: str, rows: pa.Table) -> None:
        self._db.register("appended", rows)
        self._db.execute(f"insert into {table} by name select * from appended")  # noqa: S608
        self._db.unregister("appended")
