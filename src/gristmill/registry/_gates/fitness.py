"""Gates on the saved model itself: what it declares, how large it is, what it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gristmill.registry._gates.base import Evidence, GateResult, Verdict

MEGABYTE = 1_000_000
NOT_READ = "the model's files were not read"


@dataclass(frozen=True)
class Signature:
    """Gate `signature`: the model has a signature and an input example.

    Attributes
    ----------
    example
        Whether an input example is required too.
    """

    kind: ClassVar[str] = "signature"
    example: bool = True

    def evaluate(self, evidence: Evidence) -> GateResult:
        """FAIL when one is missing."""
        if evidence.facts is None:
            return GateResult(self.kind, "declared", Verdict.INCONCLUSIVE, NOT_READ)
        missing = [] if evidence.facts.signature else ["a signature"]
        if self.example and not evidence.facts.example:
            missing.append("an input example")
        if missing:
            message = f"the model has no {' and no '.join(m.split(' ', 1)[1] for m in missing)}"
            return GateResult(self.kind, "declared", Verdict.FAIL, message)
        message = "the model declares its inputs and outputs"
        return GateResult(self.kind, "declared", Verdict.PASS, message)


@dataclass(frozen=True)
class Format:
    """Gate `format`: the model's files are of a known format that needs no code of its own."""

    kind: ClassVar[str] = "format"

    def evaluate(self, evidence: Evidence) -> GateResult:
        """FAIL when something may run code."""
        if evidence.facts is None:
            return GateResult(self.kind, "safe", Verdict.INCONCLUSIVE, NOT_READ)
        code = evidence.facts.code
        if code:
            message = f"loading the model may run code: {'; '.join(code)}"
            return GateResult(self.kind, "safe", Verdict.FAIL, message)
        message = "its files are of a known format and name only known types; no pickle, no code"
        return GateResult(self.kind, "safe", Verdict.PASS, message)


@dataclass(frozen=True)
class Size:
    """Gate `size`: the model's files are not too large.

    Attributes
    ----------
    megabytes
        The largest sum of their sizes that passes, in 10^6 bytes.
    """

    kind: ClassVar[str] = "size"
    megabytes: float

    def evaluate(self, evidence: Evidence) -> GateResult:
        """FAIL when they are larger."""
        if evidence.facts is None:
            return GateResult(self.kind, "files", Verdict.INCONCLUSIVE, NOT_READ)
        size = evidence.facts.size / MEGABYTE
        verdict = Verdict.PASS if size <= self.megabytes else Verdict.FAIL
        sign = "<=" if verdict == Verdict.PASS else ">"
        message = f"{size:.2f} MB {sign} {self.megabytes:g} MB"
        return GateResult(self.kind, "files", verdict, message, {"megabytes": size})
