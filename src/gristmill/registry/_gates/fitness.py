"""Gates on the saved model itself: what it declares, weighs and runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gristmill.registry._gates.base import FAIL, INCONCLUSIVE, PASS, Evidence, GateResult

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Signature:
    """The model has a signature and, unless `example` is false, an input example."""

    kind: ClassVar[str] = "signature"
    example: bool = True

    def evaluate(self, evidence: Evidence) -> GateResult:
        if evidence.facts is None:
            return GateResult(self.kind, "declared", INCONCLUSIVE, "the model was not looked at")
        lacking = [] if evidence.facts.signature else ["a signature"]
        if self.example and not evidence.facts.example:
            lacking.append("an input example")
        if lacking:
            return GateResult(self.kind, "declared", FAIL, f"it lacks {' and '.join(lacking)}")
        return GateResult(self.kind, "declared", PASS, "inputs and outputs are declared")


@dataclass(frozen=True)
class Format:
    """Nothing in the model runs code when it is loaded (pickle and its relatives)."""

    kind: ClassVar[str] = "format"

    def evaluate(self, evidence: Evidence) -> GateResult:
        if evidence.facts is None:
            return GateResult(self.kind, "safe", INCONCLUSIVE, "the model was not looked at")
        found = evidence.facts.code
        if found:
            return GateResult(self.kind, "safe", FAIL, f"it runs code: {'; '.join(found)}")
        return GateResult(self.kind, "safe", PASS, "it runs no code when it is loaded")


@dataclass(frozen=True)
class Size:
    """The model's files weigh at most `megabytes` (10^6 bytes)."""

    kind: ClassVar[str] = "size"
    megabytes: float

    def evaluate(self, evidence: Evidence) -> GateResult:
        if evidence.facts is None:
            return GateResult(self.kind, "files", INCONCLUSIVE, "the model was not looked at")
        size = evidence.facts.size / MEGABYTE
        verdict = PASS if size <= self.megabytes else FAIL
        message = f"{size:.2f} MB {'<=' if verdict == PASS else '>'} {self.megabytes:g} MB"
        return GateResult(self.kind, "files", verdict, message, {"megabytes": size})
