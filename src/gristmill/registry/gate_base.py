"""What gates look at and what they answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Protocol

PASS, FAIL, CANNOT = "pass", "fail", "cannot judge"


@dataclass(frozen=True)
class ModelFacts:
    """The saved model: `size` in bytes; whether it has a signature and an input example; `code`
    says what in it runs code when it is loaded; `latency` holds seconds of single-row
    predictions, empty unless a gate asks for them."""

    size: int
    signature: bool
    example: bool
    code: tuple[str, ...] = ()
    latency: tuple[float, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What gates look at.

    `truth`, `challenger` and `champion` have shape (rows,): labels of the hold-out and the two
    models' outputs on it (for a 0/1 label, probabilities); None when there are none, and then
    `trouble` says why. `columns` are the hold-out's others, of the same shape. `champion_version`
    is None when nobody holds the alias. `missing` names absent parts of the lineage; `dirty` is
    None when unknown; `facts` are the challenger's.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    truth: Any = None
    challenger: Any = None
    champion: Any = None
    champion_version: int | None = None
    columns: Mapping[str, Any] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    dirty: bool | None = None
    facts: ModelFacts | None = None
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
