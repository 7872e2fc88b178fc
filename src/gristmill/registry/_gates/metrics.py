"""Gates on metrics, on being better than the champion, and on lineage. Pure."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from gristmill.errors import GristmillError, Invalid
from gristmill.registry._gates.base import FAIL, INCONCLUSIVE, PASS, Evidence, GateResult
from gristmill.registry._gates.statistics import METRIC_NAMES, paired_difference


@dataclass(frozen=True)
class Minimum:
    """A recorded metric is at least `value`."""

    kind: ClassVar[str] = "minimum"
    metric: str
    value: float

    def evaluate(self, evidence: Evidence) -> GateResult:
        return _bound(self.kind, self.metric, self.value, evidence, at_least=True)


@dataclass(frozen=True)
class Maximum:
    """A recorded metric is at most `value`."""

    kind: ClassVar[str] = "maximum"
    metric: str
    value: float

    def evaluate(self, evidence: Evidence) -> GateResult:
        return _bound(self.kind, self.metric, self.value, evidence, at_least=False)


@dataclass(frozen=True)
class Better:
    """Better than the champion on the same rows by more than `margin` (in units of the metric).

    Decided on the lower one-sided confidence bound of the paired difference, so an equally good
    challenger passes with probability 1 - `confidence` at most. Fewer than `rows` rows are not
    judged. Without a champion it passes.
    """

    kind: ClassVar[str] = "better"
    metric: str
    margin: float = 0.0
    confidence: float = 0.95
    rows: int = 50
    resamples: int = 2000

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence < 1:
            raise Invalid(
                "gate.confidence", f"confidence = {self.confidence}: must be in [0.5, 1)."
            )
        if self.metric not in METRIC_NAMES:
            raise Invalid(
                "gate.metric",
                f"two models cannot be compared by {self.metric!r}.",
                hint=f"Known: {', '.join(METRIC_NAMES)}.",
            )
        if self.resamples < 200 or self.rows < 2:
            raise Invalid("gate.settings", "`resamples` must be 200 or more and `rows` 2 or more.")

    def evaluate(self, evidence: Evidence) -> GateResult:
        def result(verdict: str, message: str, **numbers: Any) -> GateResult:
            return GateResult(self.kind, self.metric, verdict, message, numbers)

        if evidence.champion_version is None:
            return result(PASS, "there is no champion yet to be better than")
        if evidence.truth is None or evidence.challenger is None or evidence.champion is None:
            return result(INCONCLUSIVE, evidence.trouble or "there is no hold-out to compare on")
        rows = len(evidence.truth)
        if rows < self.rows:
            return result(
                INCONCLUSIVE, f"{rows} rows are too few; {self.rows} are needed", rows=rows
            )
        try:
            found = paired_difference(
                self.metric,
                evidence.truth,
                evidence.challenger,
                evidence.champion,
                confidence=self.confidence,
                margin=self.margin,
                resamples=self.resamples,
            )
        except GristmillError as error:
            return result(INCONCLUSIVE, error.message, rows=rows)
        passed = math.isfinite(found.lower) and found.lower > self.margin
        sentence = (
            f"{self.metric} {found.challenger:.4f} against {found.champion:.4f} of version "
            f"{evidence.champion_version}: better by {found.difference:+.4f}, at least "
            f"{found.lower:+.4f} with {self.confidence:.0%} confidence, "
            f"{'more' if passed else 'not more'} than {self.margin:g}"
        )
        numbers = {**asdict(found), "margin": self.margin, "confidence": self.confidence}
        return result(PASS if passed else FAIL, sentence, **numbers)


@dataclass(frozen=True)
class LineageGate:
    """Everything the version was made from is known; with `clean`, the git tree was clean too."""

    kind: ClassVar[str] = "lineage"
    clean: bool = False

    def evaluate(self, evidence: Evidence) -> GateResult:
        if evidence.missing:
            lacking = ", ".join(evidence.missing)
            return GateResult(self.kind, "complete", FAIL, f"unknown: {lacking}")
        if self.clean and evidence.dirty is not False:
            message = "the git tree had uncommitted changes" if evidence.dirty else "git is unknown"
            return GateResult(self.kind, "clean", FAIL, message)
        return GateResult(
            self.kind, "clean" if self.clean else "complete", PASS, "every part is recorded"
        )


def _bound(
    kind: str, metric: str, limit: float, evidence: Evidence, *, at_least: bool
) -> GateResult:
    value = evidence.metrics.get(metric)
    if value is None or not math.isfinite(value):
        known = ", ".join(sorted(evidence.metrics)) or "none"
        return GateResult(
            kind, metric, INCONCLUSIVE, f"the version records no {metric} (recorded: {known})"
        )
    passed = value >= limit if at_least else value <= limit
    sign = {(True, True): ">=", (True, False): "<", (False, True): "<=", (False, False): ">"}
    message = f"{metric} {value:.4f} {sign[at_least, passed]} {limit:g}"
    return GateResult(
        kind, metric, PASS if passed else FAIL, message, {"value": value, "limit": limit}
    )
