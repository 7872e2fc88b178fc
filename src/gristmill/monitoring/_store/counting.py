"""Lines of the log into counts by hour, column and bin: whole, and by segment. Pure.

`part` is "" for all rows, else `column=value`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gristmill.monitoring._statistics.performance import SCORE_BINS, score_bin
from gristmill.monitoring._statistics.sketch import Binning
from gristmill.monitoring._store.feed import Lines
from gristmill.monitoring._store.profile import PREDICTION, SCORE, Profile

if TYPE_CHECKING:
    import pyarrow as pa

Ints = NDArray[np.int64]
SAMPLED = 300  # rows a day, those with the least hashes: days merge into a fair sample of them all
DAY = 86400


@dataclass(frozen=True)
class Layout:
    """Where the bins of each column begin in an hour's row of cells, and the numbers' moments."""

    starts: Mapping[str, int]
    sizes: Mapping[str, int]
    numbers: tuple[str, ...]
    cells: int

    @classmethod
    def of(cls, profile: Profile) -> Layout:
        sizes = {c.name: c.binning.size for c in profile.columns}
        if profile.task == "binary":
            sizes[SCORE] = SCORE_BINS
        starts = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
        numbers = tuple(c.name for c in profile.columns if c.binning.kind == "number")
        return cls(starts, sizes, numbers, sum(sizes.values()))


def count(profile: Profile, lines: Lines, sign: int = 1) -> pa.Table:
    """What the lines of one version add to the table of hours: a row for each hour and part.
    With `sign` -1 it takes them out again; least and greatest stay.

    `cells` and `n` are the bins that are not empty, over all columns (`Layout`), and their counts;
    `moments` four for each numeric column: total, sum of squares, least and greatest.
    """
    import pyarrow as pa

    layout = Layout.of(profile)
    hours, where = np.unique(lines.hour, return_inverse=True)
    places = {c.name: _places(c.binning, lines) for c in profile.columns}
    if profile.task == "binary":
        score = lines.number(PREDICTION)
        places[SCORE] = score_bin(np.where(np.isfinite(score), score, 0.0))
    tables = []
    for names, codes in [((("",), None)), *(_part(profile, n, places) for n in profile.segments)]:
        inside = slice(None) if codes is None else codes >= 0
        rows = where[inside] if codes is None else codes[inside] * hours.size + where[inside]
        size = hours.size * len(names)
        arrived = np.bincount(rows, minlength=size)
        filled = np.flatnonzero(arrived)
        cells, n = _cells(layout, places, rows, inside, size)
        ends = pa.array(np.searchsorted(cells, np.append(filled, size) * layout.cells), pa.int32())
        moments = _moments(layout, lines, rows, inside, size, sign)[filled]
        steps = pa.array(np.arange(filled.size + 1) * moments.shape[1], pa.int32())
        tables.append(
            pa.table({
                "version": pa.repeat(profile.version, filled.size),
                "hour": hours[filled % hours.size],
                "part": np.array(names, dtype=object)[filled // hours.size],
                "arrived": sign * arrived[filled],
                "cells": pa.ListArray.from_arrays(ends, pa.array(cells % max(1, layout.cells))),
                "n": pa.ListArray.from_arrays(ends, pa.array(sign * n)),
                "moments": pa.ListArray.from_arrays(steps, pa.array(moments.ravel())),
            })
        )  # fmt: skip
    return pa.concat_tables(tables)


def _cells(
    layout: Layout, places: Mapping[str, Ints], rows: Ints, inside: Any, size: int
) -> tuple[Ints, Ints]:
    """Cells that are not empty, numbered by row and then by bin, and their counts."""
    filled, counts = [], []
    for name, start in layout.starts.items():
        width = layout.sizes[name]
        tally = np.bincount(rows * width + places[name][inside], minlength=size * width)
        cell = np.flatnonzero(tally)
        filled.append(cell // width * layout.cells + start + cell % width)
        counts.append(tally[cell])
    if not filled:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    cells, n = np.concatenate(filled), np.concatenate(counts)
    order = np.argsort(cells, kind="stable")
    return cells[order], n[order]


def _moments(
    layout: Layout, lines: Lines, rows: Ints, inside: Any, size: int, sign: int
) -> NDArray[np.float64]:
    """Shape (size, 4 for each numeric column)."""
    moments = np.zeros((size, len(layout.numbers), 4))
    moments[:, :, 2], moments[:, :, 3] = np.inf, -np.inf
    for i, name in enumerate(layout.numbers):
        value = lines.number(name)[inside]
        some = np.isfinite(value)
        value, row = value[some], rows[some]
        moments[:, i, 0] = sign * np.bincount(row, value, size)
        moments[:, i, 1] = sign * np.bincount(row, value**2, size)
        if sign < 0:
            continue
        low, high = moments[:, i, 2].copy(), moments[:, i, 3].copy()
        np.minimum.at(low, row, value)
        np.maximum.at(high, row, value)
        moments[:, i, 2], moments[:, i, 3] = low, high
    return moments.reshape(size, -1)


def _places(binning: Binning, lines: Lines) -> Ints:
    if binning.kind == "number":
        return np.asarray(binning.place(lines.number(binning.name)), np.int64)
    column = lines.texts[binning.name].combine_chunks().dictionary_encode()
    names = binning.place(column.dictionary.to_pylist())
    codes = column.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
    return np.asarray(np.append(names, 0)[codes], np.int64)


def _part(
    profile: Profile, column: str, places: Mapping[str, Ints]
) -> tuple[tuple[str, ...], Ints | None]:
    """The names of a column's segments, and each row's place among them, -1 when in none."""
    values = profile.segments[column]
    binning = next(c.binning for c in profile.features if c.name == column)
    codes = np.full(binning.size, -1, dtype=np.int64)
    for i, value in enumerate(values):
        codes[binning.places[value]] = i
    return tuple(f"{column}={v}" for v in values), codes[places[column]]


def sample(profile: Profile, lines: Lines) -> pa.Table:
    """Bins of the features of some rows of each day, for the table `sample`."""
    import pyarrow as pa

    day = lines.hour // DAY
    order = np.lexsort((lines.request_hash, day))
    _, first = np.unique(day[order], return_index=True)
    rank = np.arange(order.size) - np.repeat(first, np.diff([*first, order.size]))
    least = order[rank < SAMPLED]
    chosen = np.zeros(order.size, dtype=bool)
    chosen[least] = True
    sampled = lines.where(chosen)
    bins = np.column_stack([_places(c.binning, sampled) for c in profile.features]).astype(
        np.uint16
    )
    ends = pa.array(np.arange(least.size + 1) * bins.shape[1], pa.int32())
    return pa.table({
        "version": pa.repeat(profile.version, least.size),
        "day": sampled.hour // DAY,
        "request_hash": sampled.request_hash,
        "bins": pa.ListArray.from_arrays(ends, pa.array(bins.ravel())),
    })  # fmt: skip
