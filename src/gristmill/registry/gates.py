"""Gates: pure judgements on evidence. A gate passes, fails, or cannot judge, and says why.

Numbers are evidence too: a report holds what every verdict rests on, and its digest is what a
promotion refers to.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Protocol

from gristmill.errors import GristmillError, Invalid
from gristmill.project import parse_table

PASS, FAIL, CANNOT = "pass", "fail", "cannot judge"


@dataclass(frozen=True)
class Evidence:
    """What gates look at.

    `truth`, `challenger` and `champion` have shape (rows,): labels of the hold-out and the two
    models' outputs on it (for a 0/1 label, probabilities); None when there are none, and then
    `trouble` says why. `champion_version` is None when nobody holds the alias. `missing` names
    absent parts of the lineage; `dirty` is None when unknown.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    truth: Any = None
    challenger: Any = None
    champion: Any = None
    champion_version: int | None = None
    missing: tuple[str, ...] = ()
    dirty: bool | None = None
    trouble: str = ""


@dataclass(frozen=True)
class GateResult:
    """One gate's verdict: `pass`, `fail` or `cannot judge`, a sentence, and its numbers."""

    kind: str
    name: str
    verdict: str
    message: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GateReport:
    """All verdicts on one version. Only `pass` everywhere passes; no gates at all pass too."""

    results: tuple[GateResult, ...]
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        return all(r.verdict == PASS for r in self.results)

    @property
    def verdict(self) -> str:
        verdicts = {r.verdict for r in self.results}
        return FAIL if FAIL in verdicts else CANNOT if CANNOT in verdicts else PASS

    def record(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "about": dict(self.about),
            "results": [asdict(r) for r in self.results],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> GateReport:
        return cls(tuple(GateResult(**r) for r in record["results"]), record["about"])


class Gate(Protocol):
    """A gate has a `kind` (its word in the settings) and judges."""

    kind: ClassVar[str]

    def judge(self, evidence: Evidence) -> GateResult: ...


@dataclass(frozen=True)
class Minimum:
    """A recorded metric is at least `value`."""

    kind: ClassVar[str] = "minimum"
    metric: str
    value: float

    def judge(self, evidence: Evidence) -> GateResult:
        return _bound(self.kind, self.metric, self.value, evidence, at_least=True)


@dataclass(frozen=True)
class Maximum:
    """A recorded metric is at most `value`."""

    kind: ClassVar[str] = "maximum"
    metric: str
    value: float

    def judge(self, evidence: Evidence) -> GateResult:
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
        if self.resamples < 200 or self.rows < 2:
            raise Invalid("gate.settings", "`resamples` must be 200 or more and `rows` 2 or more.")

    def judge(self, evidence: Evidence) -> GateResult:
        from gristmill.registry.statistics import compare

        def result(verdict: str, message: str, **numbers: Any) -> GateResult:
            return GateResult(self.kind, self.metric, verdict, message, numbers)

        if evidence.champion_version is None:
            return result(PASS, "there is no champion yet to be better than")
        if evidence.truth is None or evidence.challenger is None or evidence.champion is None:
            return result(CANNOT, evidence.trouble or "there is no hold-out to compare on")
        rows = len(evidence.truth)
        if rows < self.rows:
            return result(CANNOT, f"{rows} rows are too few; {self.rows} are needed", rows=rows)
        try:
            found = compare(
                self.metric,
                evidence.truth,
                evidence.challenger,
                evidence.champion,
                confidence=self.confidence,
                margin=self.margin,
                resamples=self.resamples,
            )
        except GristmillError as error:
            return result(CANNOT, error.message, rows=rows)
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

    def judge(self, evidence: Evidence) -> GateResult:
        if evidence.missing:
            lacking = ", ".join(evidence.missing)
            return GateResult(self.kind, "complete", FAIL, f"unknown: {lacking}")
        if self.clean and evidence.dirty is not False:
            message = "the git tree had uncommitted changes" if evidence.dirty else "git is unknown"
            return GateResult(self.kind, "clean", FAIL, message)
        return GateResult(
            self.kind, "clean" if self.clean else "complete", PASS, "every part is recorded"
        )


KINDS: dict[str, type[Any]] = {g.kind: g for g in (Minimum, Maximum, Better, LineageGate)}


def parse_gates(tables: Sequence[Mapping[str, Any]], where: str) -> tuple[Gate, ...]:
    """Gates from the settings' tables, each with a `kind`. Raises Invalid naming the table."""
    from gristmill.registry.statistics import KNOWN

    gates: list[Gate] = []
    for number, table in enumerate(tables, 1):
        here = f"{where} gate {number}"
        kind = table.get("kind")
        if kind not in KINDS:
            raise Invalid(
                "gate.kind",
                f"{here}: kind = {kind!r} is unknown.",
                hint=f"Known: {', '.join(sorted(KINDS))}.",
            )
        gate = parse_table(KINDS[kind], {k: v for k, v in table.items() if k != "kind"}, here)
        if isinstance(gate, Better) and gate.metric not in KNOWN:
            raise Invalid(
                "gate.metric",
                f"{here}: two models cannot be compared by {gate.metric!r}.",
                hint=f"Known: {', '.join(KNOWN)}.",
            )
        gates.append(gate)
    return tuple(gates)


def judge(
    gates: Sequence[Gate], evidence: Evidence, about: Mapping[str, Any] | None = None
) -> GateReport:
    """Every gate's verdict on the evidence; `about` says which version, champion and rows."""
    return GateReport(tuple(g.judge(evidence) for g in gates), dict(about or {}))


def _bound(
    kind: str, metric: str, limit: float, evidence: Evidence, *, at_least: bool
) -> GateResult:
    value = evidence.metrics.get(metric)
    if value is None or not math.isfinite(value):
        known = ", ".join(sorted(evidence.metrics)) or "none"
        return GateResult(
            kind, metric, CANNOT, f"the version records no {metric} (recorded: {known})"
        )
    passed = value >= limit if at_least else value <= limit
    sign = {(True, True): ">=", (True, False): "<", (False, True): "<=", (False, False): ">"}
    message = f"{metric} {value:.4f} {sign[at_least, passed]} {limit:g}"
    return GateResult(
        kind, metric, PASS if passed else FAIL, message, {"value": value, "limit": limit}
    )
