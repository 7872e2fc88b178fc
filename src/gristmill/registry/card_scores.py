"""What a card says of a version's scores on its own hold-out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gristmill.drawing.curves import Knot, Series, curves
from gristmill.drawing.words import format_percent
from gristmill.errors import Invalid
from gristmill.registry.card_text import Section
from gristmill.registry.comparison import Scored, score_rows, scored_of
from gristmill.registry.curves import Bin
from gristmill.registry.disagreement import Weakness, weakest
from gristmill.registry.settings import ModelSettings
from gristmill.registry.store import Registry
from gristmill.registry.version import Version

SURE_ROWS = 1000
SAID_SLICES = 3


@dataclass(frozen=True)
class Judged:
    """A version on its own hold-out; `trouble` says why there are no scores."""

    scored: Scored | None = None
    rows: int = 0
    weak: tuple[Weakness, ...] = ()
    trouble: str = ""

    @property
    def bins(self) -> tuple[Bin, ...]:
        found = self.scored.curves if self.scored else None
        return found.calibration if found else ()

    def limits(self) -> list[str]:
        """What the scores show that it is not good for, in sentences."""
        if self.scored is None:
            return [f"It could not be scored: {self.trouble}."]
        points = []
        if self.rows < SURE_ROWS:
            points.append(f"Its hold-out has only {self.rows} rows, so all figures are rough.")
        off = [b for b in self.bins if not b.lower <= b.predicted <= b.upper]
        if off:
            worst = max(off, key=lambda b: abs(b.predicted - b.observed))
            points.append(
                f"Its probabilities are off where it predicts about {format_percent(worst.predicted)}: "
                f"{format_percent(worst.observed)} were observed."
            )
        points += [w.sentence() for w in self.weak if w.surely][:SAID_SLICES]
        return points


def judge_alone(registry: Registry, version: Version, settings: ModelSettings) -> Judged:
    """Score the version on its own hold-out. Raises Forbidden for altered bytes."""
    try:
        rows = score_rows(registry, settings, version, [version])
    except Invalid as error:
        return Judged(trouble=error.message)
    (output,) = rows.outputs
    weak = weakest(rows.truth, output, rows.columns)
    return Judged(scored_of(version, rows, output), len(rows.truth), weak)


def score_sections(version: Version, judged: Judged) -> list[Section]:
    recorded = dict(version.metrics)
    if judged.scored is None:
        text = f"As recorded by the run. No intervals: {judged.trouble}."
        return [Section("Metrics", text, ("metric", "value"), _pairs(recorded))]
    rows: list[tuple[Any, ...]] = []
    for name, found in judged.scored.metrics.items():
        said = f"{recorded.pop(name):.4f}" if name in recorded else "–"
        rows.append((name, f"{found.value:.4f}", f"{found.lower:.4f}", f"{found.upper:.4f}", said))
    rows += [(k, "–", "–", "–", v) for k, v in _pairs(recorded)]
    text = (
        f"On the {judged.rows:,} rows of its own hold-out, with 90 % intervals, beside what the "
        "run recorded."
    )
    head = ("metric", "value", "from", "to", "recorded")
    return [Section("Metrics", text, head, tuple(rows)), *_calibration(judged), *_slices(judged)]


def _calibration(judged: Judged) -> list[Section]:
    bins = judged.bins
    if not bins:
        return []
    most = min(1.0, round(max(max(b.predicted, b.upper) for b in bins) * 10 + 0.5) / 10)
    knots = [
        Knot(
            b.predicted,
            b.observed,
            f"{format_percent(b.predicted)} predicted, {format_percent(b.observed)} observed",
        )
        for b in bins
    ]
    line = Series("calibration", [(b.predicted, b.observed) for b in bins], knots)
    figure = curves(
        [line], "Calibration: observed by predicted share", "predicted share", "observed share",
        chance=((0, 0), (most, most)), top=most,
    )  # fmt: skip
    rows = tuple(
        (f"{b.predicted:.3f}", f"{b.observed:.3f}", f"{b.lower:.3f}", f"{b.upper:.3f}", b.rows)
        for b in bins
    )
    head = ("predicted", "observed", "from", "to", "rows")
    text = "Of rows with similar predictions, the share that is positive."
    return [Section("Calibration", text, head, rows, figure=figure)]


def _slices(judged: Judged) -> list[Section]:
    if not judged.weak:
        return []
    rows = tuple((w.column, w.value, f"{w.rows:,}", *w.figures()) for w in judged.weak)
    share = judged.weak[0].share
    head = ("column", "value", "rows", *(("right", "all rows") if share else ("error", "all rows")))
    return [Section("Slices", "Where it does worst on its hold-out.", head, rows)]


def _pairs(values: Mapping[str, float]) -> tuple[tuple[str, str], ...]:
    return tuple((k, f"{v:.6g}") for k, v in sorted(values.items()))
