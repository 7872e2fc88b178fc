"""The profile of a version: bins and sketches of its reference, its metrics on the hold-out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gristmill.monitoring._statistics.drift import Column
from gristmill.monitoring._statistics.estimate import Expected
from gristmill.monitoring._statistics.performance import Metric, Task
from gristmill.monitoring._statistics.significance import IntraclassCorrelation
from gristmill.monitoring._statistics.sketch import Binning, Sketch

PREDICTION = "prediction"
SCORE = "(score)"
FORMAT = 4


def _none() -> NDArray[np.int32]:
    return np.zeros((0, 0), np.int32)


@dataclass(frozen=True)
class Profile:
    """The reference of a version; `rows` is 0 when it kept none.

    `baseline` are its metrics on the hold-out, `expected` what its predictions are worth there.
    `segments` are values by column; `parts` the reference's sketches by segment (`column=value`),
    weekday (`weekday=0`, a Monday) or month (`month=7`), then by column, `part_days` how many days
    each is worth. `sample` are bins of some rows of the reference, shape (n, features), and
    `sample_days` their days, shape (n, 1).
    """

    version: int
    task: Task
    rows: int
    features: tuple[Column, ...]
    prediction: Column | None
    baseline: Mapping[str, Metric]
    expected: Expected | None = None
    segments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, Sketch]] = field(default_factory=dict, repr=False)
    part_days: Mapping[str, float] = field(default_factory=dict)
    sample: NDArray[np.int32] = field(default_factory=_none, repr=False)
    sample_days: NDArray[np.int32] = field(default_factory=_none, repr=False)

    @property
    def columns(self) -> tuple[Column, ...]:
        return (*self.features, *([self.prediction] if self.prediction else []))

    def record(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "version": self.version,
            "task": self.task,
            "rows": self.rows,
            "features": [_column_record(c) for c in self.features],
            "prediction": _column_record(self.prediction) if self.prediction else None,
            "baseline": {k: vars(m) for k, m in self.baseline.items()},
            "expected": self.expected.record() if self.expected else None,
            "segments": self.segments,
            "parts": {
                p: {n: sketch_record(s) for n, s in c.items()} for p, c in self.parts.items()
            },
            "part_days": self.part_days,
            "sample": self.sample.tolist(),
            "sample_days": self.sample_days.tolist(),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Profile:
        output, expected = record["prediction"], record["expected"]
        return cls(
            record["version"],
            record["task"],
            record["rows"],
            tuple(_column_from(c) for c in record["features"]),
            _column_from(output) if output else None,
            {k: Metric(**m) for k, m in record["baseline"].items()},
            Expected.from_record(expected) if expected else None,
            {k: tuple(v) for k, v in record["segments"].items()},
            {p: {n: sketch_from(s) for n, s in c.items()} for p, c in record["parts"].items()},
            record["part_days"],
            np.array(record["sample"], np.int32).reshape(-1, len(record["features"])),
            np.array(record["sample_days"], np.int32).reshape(-1, 1),
        )


def sketch_record(sketch: Sketch) -> dict[str, Any]:
    return {
        "counts": sketch.counts.tolist(),
        "total": sketch.total,
        "squares": sketch.squares,
        "range": [sketch.low, sketch.high] if sketch.high >= sketch.low else None,
    }


def sketch_from(record: Mapping[str, Any]) -> Sketch:
    low, high = record["range"] or (np.inf, -np.inf)
    counts = np.array(record["counts"], dtype=np.int64)
    return Sketch(counts, record["total"], record["squares"], low, high)


def _column_record(column: Column) -> dict[str, Any]:
    return {
        "binning": column.binning.record(),
        "sketch": sketch_record(column.reference),
        "importance": column.importance,
        "correlation": vars(column.correlation),
        "days": column.days,
    }


def _column_from(record: Mapping[str, Any]) -> Column:
    binning = Binning.from_record(record["binning"])
    correlation = IntraclassCorrelation(**record["correlation"])
    sketch = sketch_from(record["sketch"])
    return Column(binning, sketch, record["importance"], correlation, record["days"])
