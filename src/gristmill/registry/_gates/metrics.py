"""Gates on metrics, on being better than the champion, and on lineage. Pure."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from gristmill.errors import GristmillError, Invalid
from gristmill.registry._gates.base import Evidence, GateResult, Verdict
from gristmill.registry._gates.statistics import METRIC_NAMES, paired_difference


@dataclass(frozen=True)
class Minimum:
    """Gate `minimum`: a recorded metric is large enough.

    Attributes
    ----------
    metric
        Its name among the version's metrics.
    value
        The smallest value that passes.
    """

    kind: ClassVar[str] = "minimum"
    metric: str
    value: float

    def evaluate(self, evidence: Evidence) -> GateResult:
        """INCONCLUSIVE when the metric is not recorded."""
        return _bound(self.kind, self.metric, self.value, evidence, at_least=True)


@dataclass(frozen=True)
class Maximum:
    """Gate `maximum`: a recorded metric is small enough.

    Attributes
    ----------
    metric
        Its name among the version's metrics.
    value
        The largest value that passes.
    """

    kind: ClassVar[str] = "maximum"
    metric: str
    value: float

    def evaluate(self, evidence: Evidence) -> GateResult:
        """INCONCLUSIVE when the metric is not recorded."""
        return _bound(self.kind, self.metric, self.value, evidence, at_least=False)


@dataclass(frozen=True)
class Better:
    """Gate `better`: better than the champion on the same rows.

    Decided on the lower one-sided confidence bound of the paired difference, so an equally good
    challenger passes with probability 1 - `confidence` at most. Without a champion it passes.

    Attributes
    ----------
    metric
        One of METRIC_NAMES.
    margin
        By how much better, in units of the metric.
    confidence
        Of the bound, from 0.5 to below 1.
    rows
        Fewer rows than this are not judged.
    resamples
        Of the bootstrap, 200 or more.
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
                "gate.confidence", f"confidence is {self.confidence}.", hint="From 0.5 to below 1."
            )
        if self.metric not in METRIC_NAMES:
            raise Invalid(
                "gate.metric",
                f"{self.metric!r} is not a metric that models can be compared by.",
                hint=f"Known: {', '.join(METRIC_NAMES)}.",
            )
        if self.resamples < 200 or self.rows < 2:
            raise Invalid("gate.settings", "`resamples` must be 200 or more, and `rows` 2 or more.")

    def evaluate(self, evidence: Evidence) -> GateResult:
        """INCONCLUSIVE when the two cannot be compared on enough rows."""

        def result(verdict: Verdict, message: str, **numbers: Any) -> GateResult:
            return GateResult(self.kind, self.metric, verdict, message, numbers)

        if evidence.champion_version is None:
            return result(Verdict.PASS, "there is no champion yet")
        if evidence.truth is None or evidence.challenger is None or evidence.champion is None:
            return result(Verdict.INCONCLUSIVE, evidence.problem or "there is no hold-out")
        rows = len(evidence.truth)
        if rows < self.rows:
            return result(
                Verdict.INCONCLUSIVE, f"{rows} rows are too few; {self.rows} are needed", rows=rows
            )
        try:
            comparison = paired_difference(
                self.metric,
                evidence.truth,
                evidence.challenger,
                evidence.champion,
                confidence=self.confidence,
                margin=self.margin,
                resamples=self.resamples,
            )
        except GristmillError as error:
            return result(Verdict.INCONCLUSIVE, error.message, rows=rows)
        passed = math.isfinite(comparison.lower) and comparison.lower > self.margin
        sentence = (
            f"{self.metric} {comparison.challenger:.4f} against {comparison.champion:.4f} of "
            f"version {evidence.champion_version}: better by {comparison.difference:+.4f}, at "
            f"least {comparison.lower:+.4f} with {self.confidence:.0%} confidence, "
            f"{'more' if passed else 'not more'} than {self.margin:g}"
        )
        numbers = {**asdict(comparison), "margin": self.margin, "confidence": self.confidence}
        return result(Verdict.PASS if passed else Verdict.FAIL, sentence, **numbers)


@dataclass(frozen=True)
class LineageGate:
    """Gate `lineage`: everything that the version was made from is recorded.

    Attributes
    ----------
    clean
        Whether the git tree must have had no uncommitted changes, too.
    """

    kind: ClassVar[str] = "lineage"
    clean: bool = False

    def evaluate(self, evidence: Evidence) -> GateResult:
        """FAIL when a part is not recorded."""
        if evidence.missing:
            missing = ", ".join(evidence.missing)
            return GateResult(self.kind, "complete", Verdict.FAIL, f"not recorded: {missing}")
        if self.clean and evidence.dirty is not False:
            message = (
                "the git tree had uncommitted changes"
                if evidence.dirty
                else "the state of the git tree is unknown"
            )
            return GateResult(self.kind, "clean", Verdict.FAIL, message)
        return GateResult(
            self.kind, "clean" if self.clean else "complete", Verdict.PASS, "every part is recorded"
        )


def _bound(
    kind: str, metric: str, limit: float, evidence: Evidence, *, at_least: bool
) -> GateResult:
    value = evidence.metrics.get(metric)
    if value is None or not math.isfinite(value):
        known = ", ".join(sorted(evidence.metrics)) or "none"
        return GateResult(
            kind,
            metric,
            Verdict.INCONCLUSIVE,
            f"the version records no {metric} (recorded: {known})",
        )
    passed = value >= limit if at_least else value <= limit
    sign = {(True, True): ">=", (True, False): "<", (False, True): "<=", (False, False): ">"}
    message = f"{metric} {value:.4f} {sign[at_least, passed]} {limit:g}"
    return GateResult(
        kind,
        metric,
        Verdict.PASS if passed else Verdict.FAIL,
        message,
        {"value": value, "limit": limit},
    )
