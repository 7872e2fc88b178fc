"""Mergeable histograms of columns, with bins that the reference fixes once.

A `Binning` says where a value is counted; a `Sketch` holds exact counts and moments. The sketch of
two windows together is the sum of theirs, so a window of any length is a merge and costs the same
whatever the number of rows behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Kind = Literal["number", "category"]

BINS = 256
OTHER = "(other)"
MANY = 1000


@dataclass(frozen=True)
class Binning:
    """Where the values of one column are counted.

    A number falls in bin 0 when missing, 1 when below the reference, `len(cuts) + 1` when above it,
    and else in the bin i + 2 of `cuts[i] <= x < cuts[i + 1]`. A category falls in bin 0 when
    missing, i + 1 when it is `categories[i]`, and in the last bin otherwise.
    """

    name: str
    kind: Kind
    cuts: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    places: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.kind == "category":
            places = {c: i + 1 for i, c in enumerate(self.categories)}
            object.__setattr__(self, "places", places)

    @property
    def size(self) -> int:
        return len(self.cuts if self.kind == "number" else self.categories) + 2

    def place(self, values: Any) -> NDArray[np.intp]:
        """The bin of each value, shape (n,).

        `values` are numbers (NaN or infinite: missing), or for a category anything (None or NaN:
        missing).
        """
        if self.kind == "category":
            other = len(self.categories) + 1
            codes, names = factorize(values)
            bins_of_names = [0 if n is None else self.places.get(n, other) for n in names]
            return np.array(bins_of_names, dtype=np.intp)[codes]
        numbers = np.asarray(values, dtype=np.float64)
        bins = np.searchsorted(np.asarray(self.cuts), numbers, side="right") + 1
        return np.where(np.isfinite(numbers), bins, 0).astype(np.intp)

    def sketch(self, values: Any, places: NDArray[np.intp] | None = None) -> Sketch:
        """Count `values`, shape (n,); `places` are their bins when these are known."""
        places = self.place(values) if places is None else places
        counts = np.bincount(places, minlength=self.size).astype(np.int64)
        if self.kind == "category":
            return Sketch(counts)
        numbers = np.asarray(values, dtype=np.float64)
        numbers = numbers[np.isfinite(numbers)]
        if not numbers.size:
            return Sketch(counts)
        return Sketch(
            counts,
            float(numbers.sum()),
            float(np.square(numbers).sum()),
            float(numbers.min()),
            float(numbers.max()),
        )

    def record(self) -> dict[str, Any]:
        common = {"name": self.name, "kind": self.kind}
        if self.kind == "category":
            return {**common, "categories": list(self.categories)}
        return {**common, "cuts": list(self.cuts)}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Binning:
        return cls(
            str(record["name"]),
            record["kind"],
            tuple(record.get("cuts", ())),
            tuple(record.get("categories", ())),
        )


@dataclass(frozen=True)
class Sketch:
    """Counts by bin, shape (binning.size,); for numbers also sum, sum of squares and range."""

    counts: Counts
    total: float = 0.0
    squares: float = 0.0
    low: float = np.inf
    high: float = -np.inf

    @classmethod
    def empty(cls, binning: Binning) -> Sketch:
        return cls(np.zeros(binning.size, dtype=np.int64))

    @property
    def rows(self) -> int:
        return int(self.counts.sum())

    @property
    def missing(self) -> int:
        return int(self.counts[0])

    @property
    def present(self) -> int:
        return self.rows - self.missing

    @property
    def mean(self) -> float:
        return self.total / self.present if self.present else float("nan")

    @property
    def spread(self) -> float:
        """Standard deviation."""
        if not self.present:
            return float("nan")
        return float(np.sqrt(max(self.squares / self.present - self.mean**2, 0.0)))

    def __add__(self, other: Sketch) -> Sketch:
        return Sketch(
            self.counts + other.counts,
            self.total + other.total,
            self.squares + other.squares,
            min(self.low, other.low),
            max(self.high, other.high),
        )


def merge(binning: Binning, sketches: Iterable[Sketch]) -> Sketch:
    whole = Sketch.empty(binning)
    for part in sketches:
        whole = whole + part
    return whole


@dataclass(frozen=True)
class CategoryCodes:
    """A category's values: the place of each in `names`, shape (n,); None is a missing one."""

    codes: NDArray[np.intp]
    names: Sequence[str | None]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> CategoryCodes:
        return CategoryCodes(self.codes[rows], self.names)

    def are(self, name: str) -> NDArray[np.bool_]:
        """Which rows hold the name, shape (n,)."""
        return np.array([n == name for n in self.names], dtype=bool)[self.codes]


def category_label(value: Any) -> str | None:
    """A category's name, the same for a value from Parquet and its text in JSON; None: missing."""
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        if not np.isfinite(value):
            return None
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    text = str(value)
    return None if text in {"<NA>", "NaT"} else text


def factorize(values: Any) -> tuple[NDArray[np.intp], list[str | None]]:
    """The different names (`word`) of `values`, shape (n,), and the place of each among them."""
    if isinstance(values, CategoryCodes):
        return values.codes, [*values.names]
    if len(values) > MANY:
        import pandas as pd

        column = np.asarray(values, dtype=object)
        if pd.api.types.infer_dtype(column, skipna=True) in ("string", "boolean"):
            codes, different = pd.factorize(column)
            return codes, [
                *(category_label(v) for v in different),
                None,
            ]  # -1, a missing one, is the last
    index: dict[str | None, int] = {}
    codes_of = [index.setdefault(category_label(v), len(index)) for v in values]
    return np.array(codes_of, dtype=np.intp), list(index)


def fix_bins(name: str, values: Any, kind: Kind, bins: int = BINS) -> Binning:
    """The binning that the reference `values`, shape (n,), give a column.

    Numbers with at most `bins` distinct values get a bin for each, others a bin for each of `bins`
    quantiles; of categories the `bins` most frequent keep their name.
    """
    if kind == "category":
        codes, names = factorize(values)
        rows = np.bincount(codes[codes >= 0], minlength=len(names)).tolist()
        tally = {n: k for n, k in zip(names, rows, strict=True) if n is not None and k}
        ranked = sorted(tally, key=lambda c: (-tally[c], c))
        return Binning(name, kind, categories=tuple(ranked[:bins]))
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    if not numbers.size:
        return Binning(name, kind)
    distinct = np.unique(numbers)
    if distinct.size > bins:
        levels = np.linspace(0, 1, bins + 1)[:-1]
        distinct = np.unique(np.quantile(numbers, levels, method="lower"))
    beyond = np.nextafter(numbers.max(), np.inf)
    return Binning(name, kind, cuts=(*distinct.tolist(), float(beyond)))
