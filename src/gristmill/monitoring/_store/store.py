"""Sketches of the prediction log by hour, built incrementally, merged into windows.

One DuckDB file per model. What was read and what was counted change in one transaction, so a
killed read counts nothing twice and loses nothing; a row that comes late is added to its own hour.

Which line of a request counts, and which label, is the prediction log's rule
(`predictions`). The store keeps both for each request, so what arrives later and counts
instead takes the earlier one's counts out: a label by subtraction, a line after reading it again in
its own file. Only the least and greatest value of an hour are of all lines that were ever counted.

The tables of a model's sketches: what was read, counts by hour, what breaks the contract; and of
each request the line that was counted, the label that was, and the one that counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gristmill.monitoring._statistics.performance import SCORE_BINS, SUMS, parts, score_bin
from gristmill.monitoring._statistics.periods import Period
from gristmill.monitoring._statistics.sketch import Kind
from gristmill.monitoring._store.breaches import broken
from gristmill.monitoring._store.counting import DAY, SAMPLED, count, sample
from gristmill.monitoring._store.feed import (
    NUMBER,
    Lines,
    codes,
    floats,
    kinds_of,
    read_labels,
    read_predictions,
    slice_of,
)
from gristmill.monitoring._store.profile import PREDICTION, Profile
from gristmill.monitoring._store.reading import Reading
from gristmill.predictions import first_answers, last_labels, log_files

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from gristmill.registry import Contract


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
        description = f"{LAYOUT} {layout} {sampled} {contract.digest if contract else ''}"
        with self._transaction():
            self._db.execute("create table if not exists layout (words varchar)")
            if self._db.execute("select words from layout").fetchall() != [(description,)]:
                for table in TABLES:
                    self._db.execute(f"drop table if exists {table}")
                self._db.execute("delete from layout")
                self._db.execute("insert into layout values (?)", [description])
            self._db.execute(SCHEMA)

    def __enter__(self) -> SketchStore:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def count_log(
        self, predictions: Path, feedback: Path, profile: Callable[[int], Profile | None], by: str
    ) -> None:
        """Count what was appended to both logs; `profile` and `by` as in `take_predictions`."""
        self.take_predictions(predictions, profile, by)
        versions = [window.version for window in self.windows(Period(None))]
        self.take_feedback(feedback, {v: p for v in dict.fromkeys(versions) if (p := profile(v))})

    def take_predictions(
        self, directory: Path, profile: Callable[[int], Profile | None], by: str
    ) -> tuple[int, int]:
        """Count what was appended to the prediction log. Returns rows and damaged lines.

        `profile` gives a version's, None for one that nobody registered.
        """
        seen = {w.version for w in self.windows(Period(None))}
        kinds = self._kinds(p for v in sorted(seen) if (p := profile(v)))
        rows = damaged = 0
        for file, done, before in self._unread("predictions", directory):
            with slice_of(file, done) as (path, size), self._transaction():
                lines = read_predictions(self._db, path, kinds, by, before)
                new = {int(v) for v in np.unique(lines.version)} - seen
                if new:
                    seen |= new
                    needed = self._kinds(p for v in sorted(seen) if (p := profile(v)))
                    if needed != kinds:
                        kinds = needed
                        lines = read_predictions(self._db, path, kinds, by, before)
                versions = [int(v) for v in np.unique(lines.version)]
                profiles = {v: p for v in versions if (p := profile(v))}
                counted = self._enter(lines, file, profiles)
                self._take_out(directory, profile, kinds, by)
                for version, version_profile in profiles.items():
                    counted_lines = lines.where(counted & (lines.version == version))
                    self._count(version_profile, counted_lines)
                    rows += len(counted_lines.version)
                unusable = int((~np.isin(lines.version, list(profiles))).sum())
                self._advance("predictions", file, done + size, len(lines.version), unusable)
            damaged += unusable
        self._settle()
        return rows, damaged

    def take_feedback(self, directory: Path, profiles: Mapping[int, Profile]) -> int:
        """Join labels to their predictions. Returns for how many requests the label changed.

        A label that comes before its prediction waits for it.
        """
        for file, done, before in self._unread("feedback", directory):
            with slice_of(file, done) as (path, size), self._transaction():
                table = read_labels(self._db, path, before)
                self._db.register("arrived", table)
                last = last_labels(
                    f"""(select request_id, received, {_text(file.name)} as file, line, label
                    from arrived where label is not null union all by name select * from labels
                    where request_id in (select request_id from arrived))"""  # noqa: S608
                )
                self._db.execute(f"create or replace temp table latest as {last}")
                self._db.unregister("arrived")
                self._db.execute(
                    "delete from labels where request_id in (select request_id from latest)"
                )
                self._db.execute("insert into labels by name select * from latest")
                self._advance("feedback", file, done + size, table.num_rows, 0)
        with self._transaction():
            return self._join(profiles)

    def _kinds(self, profiles: Iterable[Profile]) -> dict[str, Kind]:
        return {**(self._contract.kinds if self._contract else {}), **kinds_of(profiles)}

    def _unread(self, kind: str, directory: Path) -> list[tuple[Path, int, int]]:
        """Files with something new, and the bytes and lines of each that were read."""
        query = "select file, bytes, lines from progress where kind = ?"
        done = {f: (b, n) for f, b, n in self._db.execute(query, [kind]).fetchall()}
        offsets = [(f, *done.get(f.name, (0, 0))) for f in log_files(directory)]
        return [(f, b, n) for f, b, n in offsets if f.stat().st_size > b]

    def _advance(self, kind: str, file: Path, size: int, lines: int, damaged: int) -> None:
        self._db.execute(
            """insert into progress values (?, ?, ?, ?, ?) on conflict do update
            set bytes = excluded.bytes, lines = progress.lines + excluded.lines,
            damaged = progress.damaged + excluded.damaged""",
            [kind, file.name, size, lines, damaged],
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

    def _enter(
        self, lines: Lines, file: Path, profiles: Mapping[int, Profile]
    ) -> NDArray[np.bool_]:
        """Note the lines that are the first of their request; which ones, shape (n,).

        The table `replaced` then holds the lines that were counted before and no longer are. One
        whose file is gone stays counted.
        """
        import pyarrow as pa

        predictions = lines.texts.get(PREDICTION)
        if predictions is None:
            predictions = pa.array(lines.numbers[PREDICTION], from_pandas=True)
        registered = np.isin(lines.version, list(profiles))
        rows = pa.table({
            "request_id": lines.request,
            "received": lines.received,
            "line": lines.line,
            "version": pa.array(lines.version, mask=~registered),
            "hour": lines.hour,
            "prediction": predictions,
            "whole": lines.version != 0,
        })  # fmt: skip
        self._db.register("arrived", rows)
        existing = ", ".join(_text(f.name) for f in log_files(file.parent))
        first = first_answers(
            f"""(select * exclude (whole), null::varchar as label, {_text(file.name)} as file,
            true as fresh from arrived where whole union all by name select *, false as fresh
            from requests where request_id in (select request_id from arrived))"""  # noqa: S608
        )
        self._db.execute(f"create or replace temp table winning as {first}")
        self._db.unregister("arrived")
        self._db.execute("delete from winning where not fresh")
        self._db.execute(
            f"""delete from winning where request_id in (select request_id from requests
            where file not in ({existing}))"""  # noqa: S608
        )
        superseded = "where request_id in (select request_id from winning)"
        self._db.execute(
            f"create or replace temp table replaced as select * from requests {superseded}"  # noqa: S608
        )
        self._db.execute(f"delete from requests {superseded}")  # noqa: S608
        self._db.execute("insert into requests by name select * exclude (fresh) from winning")
        won = self._db.execute("select line from winning").fetchnumpy()["line"]
        return np.isin(lines.line, np.asarray(won, dtype=np.int64))

    def _take_out(
        self,
        directory: Path,
        profile: Callable[[int], Profile | None],
        kinds: Mapping[str, Kind],
        by: str,
    ) -> None:
        """Take the lines in `replaced` out of all counts."""
        query = "select file, list(line) from replaced where version is not null group by file"
        for name, numbers in self._db.execute(query).fetchall():
            lines = read_predictions(self._db, directory / name, kinds, by)
            lines = lines.where(np.isin(lines.line, numbers))
            for version in np.unique(lines.version):
                version_profile, removed = profile(int(version)), lines.of(int(version))
                if version_profile is not None:
                    self._count(version_profile, removed, sign=-1)
        self._db.execute("""insert into corrections select version, hour, count(*) from replaced
          where version is not null group by all""")
        query = "select distinct version from replaced where label is not null"
        for (version,) in self._db.execute(query).fetchall():
            version_profile = profile(version) if version is not None else None
            if version_profile is not None:
                self._score(version_profile, self._pairs("replaced", "label", version), sign=-1)

    def _count(self, profile: Profile, lines: Lines, sign: int = 1) -> None:
        """Add lines of the profile's version to all counts of columns, or take them out."""
        if not len(lines.version):
            return
        self._insert("hours", count(profile, lines, sign))
        if self._sampled and profile.features:
            if sign > 0:
                self._insert("sample", sample(profile, lines))
            else:
                self._forget(profile.version, lines)
        if self._contract:
            self._insert("broken", broken(self._contract, lines, sign))

    def _forget(self, version: int, lines: Lines) -> None:
        import pyarrow as pa

        self._db.register(
            "gone", pa.table({"day": lines.hour // DAY, "request_hash": lines.request_hash})
        )
        self._db.execute(
            """delete from sample using gone where sample.version = ?
            and sample.day = gone.day and sample.request_hash = gone.request_hash""",
            [version],
        )
        self._db.unregister("gone")

    def _settle(self) -> None:
        """Merge counts of one hour that came apart and sort them, when they have grown by half, so
        that a window reads little more than its own hours."""
        query = "select (select count(*) from hours), (select coalesce(max(n), 0) from settled)"
        rows, settled_rows = self._db.execute(query).fetchall()[0]
        if rows <= 4 * settled_rows + 1000:
            return
        with self._transaction():
            self._db.execute("""create or replace table hours as
              select version, hour, part, sum(arrived)::bigint as arrived,
              flatten(list(cells order by rowid)) as cells, flatten(list(n order by rowid)) as n,
              flatten(list(moments order by rowid)) as moments
              from hours group by version, hour, part having sum(arrived) > 0
              order by hour, part""")
            self._db.execute(
                """create or replace table sample as select * from sample qualify
                row_number() over (partition by version, day order by request_hash) <= ?""",
                [SAMPLED],
            )
            self._db.execute("delete from settled")
            self._db.execute("insert into settled select count(*) from hours")

    def _join(self, profiles: Mapping[int, Profile]) -> int:
        """Score the requests whose label is not the one that was scored, and take that out."""
        self._db.execute("""create or replace temp table relabelled as
          select r.request_id, r.version, r.hour, r.prediction, r.label as old, l.label as new
          from requests r join labels l using (request_id)
          where r.version is not null and r.label is distinct from l.label""")
        joined = 0
        for version, profile in profiles.items():
            before = self._pairs("relabelled", "old", version)
            self._score(profile, before, sign=-1)
            after = self._pairs("relabelled", "new", version)
            self._score(profile, after)
            joined += after.num_rows
        self._db.execute("""insert into corrections select version, hour, count(*) from relabelled
          where old is not null group by all""")
        self._db.execute("""update requests set label = n.new from relabelled n
          where requests.request_id = n.request_id""")
        return joined

    def _pairs(self, table: str, label: str, version: int) -> pa.Table:
        """Predictions of a version with the labels in a column of `table`, where there are any."""
        query = f"""select hour, prediction, {label} as label, {NUMBER.format("prediction")} as p,
          {NUMBER.format(label)} as l from {table} where version = ? and {label} is not null"""  # noqa: S608
        return self._db.sql(query, params=[version]).to_arrow_table()

    def _score(self, profile: Profile, table: pa.Table, sign: int = 1) -> None:
        """Add predictions with labels to the scores, or take them out."""
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
                n=sign * n,
                total=sign * np.bincount(where, values[metric], hours.size),
                squares=sign * np.bincount(where, values[metric] ** 2, hours.size),
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
                n=sign * m,
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


def _text(value: str) -> str:
    """A literal of SQL."""
    return "'" + value.replace("'", "''") + "'"


LAYOUT = 6
TABLES = ("progress", "hours", "settled", "requests", "labels", "scores",
          "sums", "sample", "broken", "corrections")  # fmt: skip
SCHEMA = """
create table if not exists progress (kind varchar, file varchar, bytes bigint, lines bigint,
  damaged bigint,   primary key (kind, file));
create table if not exists layout (words varchar);
create table if not exists hours (version int, hour bigint, part varchar, arrived bigint,
  cells uinteger[], n integer[], moments double[]);
create table if not exists settled (n bigint);
create table if not exists requests (request_id varchar, received bigint, file varchar, line bigint,
  version int, hour bigint, prediction varchar, label varchar);
create table if not exists labels (request_id varchar, received bigint, file varchar, line bigint,
  label varchar);
create table if not exists corrections (version int, hour bigint, n bigint);
create table if not exists scores (version int, hour bigint, side int, bin int, n bigint);
create table if not exists sums (version int, hour bigint, metric int, n bigint, total double,
  squares double);
create table if not exists broken (version int, hour bigint, item varchar, rule varchar, n bigint,
  example varchar);
create table if not exists sample (version int, day bigint, request_hash ubigint, bins usmallint[]);
"""
