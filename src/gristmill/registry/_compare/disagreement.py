"""Where two models disagree, and which is right there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gristmill.drawing import format_percent
from gristmill.registry._gates.statistics import THRESHOLD

LEAST_ROWS = 50
VALUES = 24
SHOWN = 10


@dataclass(frozen=True)
class Confusion:
    """Of the rows that the first model calls `first` and the second `second`: how many there are
    and how many are truly positive."""

    first: bool
    second: bool
    rows: int
    positive: int


@dataclass(frozen=True)
class Slice:
    """Rows with one `value` of a `column`.

    For classes `differ` is the share of rows that the two call differently, `first` and `second`
    the shares they get right; for numbers they are the mean absolute difference and the mean
    absolute errors.
    """

    column: str
    value: str
    rows: int
    differ: float
    first: float
    second: float


@dataclass(frozen=True)
class Disagreement:
    """Where two models disagree on the same rows.

    Attributes
    ----------
    confusion
        Four cells for 0/1 labels, else empty.
    agreement
        For classes, how many rows both, one or none of the two get right.
    slices
        Sorted by the lower bound of how much the two differ, largest first.
    """

    confusion: tuple[Confusion, ...]
    agreement: Mapping[str, int]
    slices: tuple[Slice, ...]


@dataclass(frozen=True)
class Weakness:
    """Rows with one value of a column on which a model does worse than on all rows.

    Attributes
    ----------
    column, value, rows
        The rows.
    mark, all
        On these rows and on all: the share that it gets right, or its mean absolute error.
    share
        Whether marks are shares.
    significant
        At 95 % confidence, divided among all slices that were compared (Bonferroni).
    """

    column: str
    value: str
    rows: int
    mark: float
    all: float
    share: bool
    significant: bool

    def figures(self) -> tuple[str, str]:
        if self.share:
            return format_percent(self.mark), format_percent(self.all)
        return f"{self.mark:.4g}", f"{self.all:.4g}"

    def sentence(self) -> str:
        mark, total = self.figures()
        where = f"where {self.column} is {self.value} ({self.rows:,} rows)"
        if self.share:
            return f"It is right on {mark} of rows {where}, on {total} of all."
        return f"Its mean error is {mark} {where}, {total} on all rows."


def weakest(
    truth: Any, output: Any, columns: Mapping[str, Any], shown: int = 6
) -> tuple[Weakness, ...]:
    """Slices, as of `disagreement`, on which one model's `output` is furthest below its mean."""
    truth = np.asarray(truth)
    share = not _numeric(truth)
    good = _right(truth, output) if share else -np.abs(output - truth)
    good = good.astype(np.float64)
    total, sign = float(good.mean()), 1 if share else -1
    candidates = []
    slices = list(_slices(columns, len(truth)))
    far = float(stats.norm.isf(0.05 / max(1, len(slices))))
    for column, value, mask in slices:
        rows, mean = int(mask.sum()), float(good[mask].mean())
        reach = float(good[mask].std()) / rows**0.5
        significant = mean + far * reach < total
        weakness = Weakness(column, value, rows, sign * mean, sign * total, share, significant)
        candidates.append((mean + 1.645 * reach - total, weakness))
    candidates.sort(key=lambda pair: (pair[0], pair[1].column, pair[1].value))
    return tuple(w for gap, w in candidates[:shown] if gap < 0)


def disagreement(
    truth: Any, first: Any, second: Any, columns: Mapping[str, Any], shown: int = SHOWN
) -> Disagreement:
    """Compare outputs `first` and `second` on labels `truth`, each of shape (n,).

    `columns` map names to values of the same rows. Slices have 50 rows or more; numbers are cut
    into quarters of equally many rows.
    """
    truth = np.asarray(truth)
    confusion: tuple[Confusion, ...] = ()
    agreement: dict[str, int] = {}
    if _numeric(truth):
        gap = np.abs(first - second).astype(np.float64)
        marks = [np.abs(o - truth).astype(np.float64) for o in (first, second)]
    else:
        one, two = (_classes(truth, o) for o in (first, second))
        right = [_right(truth, o) for o in (first, second)]
        if _binary(truth):
            confusion = _confusion(truth == 1, one, two)
        gap = (one != two).astype(np.float64)
        agreement = _agreement(*right)
        marks = [r.astype(np.float64) for r in right]
    ranked = []
    for column, value, mask in _slices(columns, len(truth)):
        rows, mean = int(mask.sum()), float(gap[mask].mean())
        least = mean - 1.645 * float(gap[mask].std()) / rows**0.5
        scores = [float(m[mask].mean()) for m in marks]
        ranked.append((least, Slice(column, value, rows, mean, *scores)))
    ranked.sort(key=lambda pair: (-pair[0], pair[1].column, pair[1].value))
    return Disagreement(confusion, agreement, tuple(s for _, s in ranked[:shown]))


def _binary(truth: NDArray[Any]) -> bool:
    return bool(np.isin(truth, [0, 1]).all())


def _numeric(truth: NDArray[Any]) -> bool:
    return np.issubdtype(truth.dtype, np.floating) and not _binary(truth)


def _classes(truth: NDArray[Any], output: Any) -> NDArray[Any]:
    """Classes: a probability of a 0/1 truth is cut at one half."""
    return np.asarray(output) >= THRESHOLD if _binary(truth) else np.asarray(output)


def _right(truth: NDArray[Any], output: Any) -> NDArray[np.bool_]:
    labels = truth == 1 if _binary(truth) else truth
    return np.asarray(_classes(truth, output) == labels)


def _slices(columns: Mapping[str, Any], total: int) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Each value, or quarter, of each column that has rows enough."""
    for column, values in columns.items():
        for value, mask in _groups(values):
            if LEAST_ROWS <= mask.sum() < total:
                yield str(column), value, mask


def _confusion(
    truth: NDArray[np.bool_], one: NDArray[np.bool_], two: NDArray[np.bool_]
) -> tuple[Confusion, ...]:
    cells = []
    for a in (True, False):
        for b in (True, False):
            mask = (one == a) & (two == b)
            cells.append(Confusion(a, b, int(mask.sum()), int((mask & truth).sum())))
    return tuple(cells)


def _agreement(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> dict[str, int]:
    return {
        "both right": int((one & two).sum()),
        "only the first right": int((one & ~two).sum()),
        "only the second right": int((~one & two).sum()),
        "both wrong": int((~one & ~two).sum()),
    }


def _groups(values: Any) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """The most frequent values of a column, or quarters of its numbers; times are left out."""
    import pandas as pd

    series = pd.Series(values)
    if pd.api.types.is_datetime64_any_dtype(series) or series.isna().all():
        return
    codes, distinct = pd.factorize(series)
    if series.isna().any():
        yield "(none)", codes < 0
    if len(distinct) > VALUES and pd.api.types.is_numeric_dtype(series):
        edges = np.unique(np.nanquantile(series.to_numpy(np.float64), [0, 0.25, 0.5, 0.75, 1]))
        numbers = series.to_numpy(np.float64)
        for low, high in pairwise(edges):
            last = high == edges[-1]
            end = numbers <= high if last else numbers < high
            yield f"{low:.4g} to {high:.4g}", (numbers >= low) & end
        return
    count = np.bincount(codes[codes >= 0], minlength=len(distinct))
    for code in np.argsort(-count, kind="stable")[:VALUES]:
        value = distinct[code]
        yield f"{value:.4g}" if isinstance(value, float) else str(value), codes == code
