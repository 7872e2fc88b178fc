"""What gates look at and what they answer. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

from gristmill.errors import GristmillError
from gristmill.registry._supply.sbom import Package

PASS, FAIL, INCONCLUSIVE = "pass", "fail", "inconclusive"


@dataclass(frozen=True)
class ModelFacts:
    """The saved model: `size` in bytes; whether it has a signature and an input example; `code`
    says what in it runs code when it is loaded."""

    size: int
    signature: bool
    example: bool
    code: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What gates look at.

    `truth`, `challenger` and `champion` have shape (rows,): labels of the hold-out and the two
    models' outputs on it (for a 0/1 label, probabilities); None when there are none, and then
    `trouble` says why. `columns` are the hold-out's others, of the same shape. `champion_version`
    is None when nobody holds the alias. `missing` names absent parts of the lineage; `dirty` is
    None when unknown; `facts` are the challenger's; `measured` holds what gates measured.
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
    measured: Mapping[str, Any] = field(default_factory=dict)
    trouble: str = ""

    def of(self, gate: Gate) -> Any:
        """What the gate measured. Raises the error that kept it from measuring."""
        found = self.measured.get(repr(gate))
        if isinstance(found, GristmillError):
            raise found
        return found


@dataclass(frozen=True)
class Subject:
    """What a gate may measure: the project's `root`, the version's `model` ready to predict (it
    knows name, version and digest), `rows` of the hold-out, or of the input example without one, as
    a data frame, and the packages of its environment. What is not to be had is None, and `trouble`
    says why. `progress` hears how far a long measurement is."""

    root: Path
    now: datetime
    model: Any = None
    rows: Any = None
    packages: tuple[Package, ...] | None = None
    trouble: str = ""
    progress: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class GateResult:
    """One gate's verdict: `pass`, `fail` or `inconclusive`, a sentence, and its numbers."""

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
        return FAIL if FAIL in verdicts else INCONCLUSIVE if INCONCLUSIVE in verdicts else PASS

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
    """A gate has a `kind` (its word in the settings) and judges.

    One that has `measure(subject: Subject) -> Any` too is asked first, with all I/O it likes; its
    `judge` finds the answer as `evidence.of(self)`.
    """

    kind: ClassVar[str]

    def evaluate(self, evidence: Evidence) -> GateResult: ...
