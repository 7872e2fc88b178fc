"""What a model's sketches tell: windows, merged from their hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gristmill.monitoring._statistics.performance import Scores
from gristmill.monitoring._statistics.periods import Period
from gristmill.monitoring._statistics.significance import effective_days
from gristmill.monitoring._statistics.sketch import Sketch
from gristmill.monitoring._store.breaches import Breach
from gristmill.monitoring._store.counting import DAY, Layout
from gristmill.monitoring._store.profile import Profile

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

SPAN = "where version = ? and hour >= ? and hour < ?"


@dataclass(frozen=True)
class Window:
    """Rows of one version in one window of time: how many came, how many have labels, and how often
    a row that was counted before was replaced, or its label."""

    version: int
    start: datetime
    end: datetime
    rows: int
    labelled: int
    corrected: int = 0


@dataclass(frozen=True)
class WindowCounts:
    """All that the store holds of a window.

    `parts` are sketches by segment ("": all rows) and column, `days` how many days the rows are
    worth (`effective_days`), `sample` bins of some rows, shape (n, features), with `sample_days`,
    shape (n,), `breaches` the rules of the contract that rows break.
    """

    parts: Mapping[str, Mapping[str, Sketch]]
    days: float
    scores: Scores
    sample: NDArray[np.int32]
    sample_days: NDArray[np.int64]
    breaches: tuple[Breach, ...]

    @property
    def columns(self) -> Mapping[str, Sketch]:
        """The sketch of each column over all rows."""
        return self.parts[""]


class Reading:
    """Reads one model's sketches from an open database."""

    _db: duckdb.DuckDBPyConnection

    def windows(self, period: Period) -> list[Window]:
        """All windows with rows, oldest first."""
        tally: dict[tuple[datetime, int], list[int]] = {}
        for figure, query in enumerate(
            (
                "select version, hour, sum(arrived) from hours where part = '' group by all",
                "select version, hour, sum(n) from sums where metric = 0 group by all",
                "select version, hour, sum(n) from corrections group by all",
            )
        ):
            for version, hour, n in self._db.execute(query).fetchall():
                start = period.start(datetime.fromtimestamp(hour, UTC))
                tally.setdefault((start, version), [0, 0, 0])[figure] += int(n)
        return [
            Window(version, start, period.end(start), rows, labelled, corrected)
            for (start, version), (rows, labelled, corrected) in sorted(tally.items())
            if rows
        ]

    def counts(self, window: Window, profile: Profile, sample: int) -> WindowCounts:
        """All of a window, with at most `sample` rows of the sample."""
        bins, days = self.sample(window, sample)
        return WindowCounts(
            self.sketches(window, profile),
            self.days(window),
            self.scores(window, profile),
            bins,
            days,
            self.breaches(window),
        )

    def sketches(self, window: Window, profile: Profile) -> dict[str, dict[str, Sketch]]:
        """The window's sketch of each column of the profile, by part ("": all its rows)."""
        span = [window.version, int(window.start.timestamp()), int(window.end.timestamp())]
        query = f"""select part, cells, n, moments from hours {SPAN}
          and part in (select part from hours {SPAN} group by part having sum(arrived) > 0)
          order by part"""  # noqa: S608
        table = self._db.sql(query, params=[*span, *span]).to_arrow_table().combine_chunks()
        layout = Layout.of(profile)
        sketches = {"": _sketches(layout, table.slice(0, 0))}
        parts = table.column("part").to_pylist()
        for part in dict.fromkeys(parts):
            rows = table.slice(parts.index(part), parts.count(part))
            sketches[part] = _sketches(layout, rows)
        return sketches

    def days(self, window: Window) -> float:
        """How many days the window's rows are worth (`effective_days`)."""
        span = [window.version, int(window.start.timestamp()), int(window.end.timestamp())]
        query = f"""select sum(arrived) from hours {SPAN} and part = ''
          group by hour // 86400 having sum(arrived) > 0"""  # noqa: S608
        return effective_days([int(n) for (n,) in self._db.execute(query, span).fetchall()])

    def sample(self, window: Window, rows: int) -> tuple[Any, Any]:
        """A fair sample of at most `rows` of the window: bins of the features, shape (n, features),
        and the day of each, shape (n,)."""
        first, last = int(window.start.timestamp()) // DAY, -(-int(window.end.timestamp()) // DAY)
        query = """select bins, day from sample where version = ? and day >= ? and day < ?
          order by request_hash limit ?"""
        sampled = self._db.execute(query, [window.version, first, last, rows]).fetchall()
        return np.array([b for b, _ in sampled], np.int32), np.array(
            [d for _, d in sampled], np.int64
        )

    def scores(self, window: Window, profile: Profile) -> Scores:
        """The window's labelled rows."""
        span = [window.version, int(window.start.timestamp()), int(window.end.timestamp())]
        empty = Scores.empty(profile.task)
        query = f"select side, bin, sum(n) from scores {SPAN} group by all"  # noqa: S608
        for side, bin_, n in self._db.execute(query, span).fetchall():
            empty.counts[side, bin_] = n
        rows = 0
        query = f"""select metric, sum(n), sum(total), sum(squares) from sums {SPAN}
          group by metric having sum(n) > 0"""  # noqa: S608
        for metric, n, total, squares in self._db.execute(query, span).fetchall():
            rows = int(n)
            empty.sums[metric], empty.squares[metric] = total, squares
        return Scores(profile.task, rows, empty.counts, empty.sums, empty.squares)

    def breaches(self, window: Window) -> tuple[Breach, ...]:
        """The rules of the contract that rows of the window break, those of most rows first."""
        span = [window.version, int(window.start.timestamp()), int(window.end.timestamp())]
        query = f"""select item, rule, sum(n)::bigint as rows, min(example) from broken {SPAN}
          group by item, rule having rows > 0 order by rows desc, item, rule"""  # noqa: S608
        return tuple(Breach(*row) for row in self._db.execute(query, span).fetchall())

    def damaged(self) -> int:
        """Lines of the log that could not be read, ever."""
        query = "select coalesce(sum(damaged), 0) from progress"
        ((lines,),) = self._db.execute(query).fetchall()
        return int(lines)


def _sketches(layout: Layout, table: pa.Table) -> dict[str, Sketch]:
    """Rows of hours as one sketch of each column."""
    import pyarrow.compute as pc

    cells, n = (pc.list_flatten(table.column(k)).to_numpy() for k in ("cells", "n"))
    counts = np.bincount(cells, n, layout.cells).astype(np.int64)
    moments = pc.list_flatten(table.column("moments")).to_numpy()
    moments = moments.reshape(-1, len(layout.numbers), 4) if layout.numbers else moments
    sketches = {}
    for name, start in layout.starts.items():
        column = counts[start : start + layout.sizes[name]]
        if name not in layout.numbers or not table.num_rows:
            sketches[name] = Sketch(column)
            continue
        total, squares, low, high = moments[:, layout.numbers.index(name)].T
        sketches[name] = Sketch(
            column, float(total.sum()), float(squares.sum()), float(low.min()), float(high.max())
        )
    return sketches
