"""Gates on the saved model itself: what it declares, weighs, costs and runs."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gristmill.errors import Invalid
from gristmill.registry.gate_base import CANNOT, FAIL, PASS, Evidence, GateResult, Subject

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Signature:
    """The model has a signature and, unless `example` is false, an input example."""

    kind: ClassVar[str] = "signature"
    example: bool = True

    def judge(self, evidence: Evidence) -> GateResult:
        if evidence.facts is None:
            return GateResult(self.kind, "declared", CANNOT, "the model was not looked at")
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

    def judge(self, evidence: Evidence) -> GateResult:
        if evidence.facts is None:
            return GateResult(self.kind, "safe", CANNOT, "the model was not looked at")
        found = evidence.facts.code
        if found:
            return GateResult(self.kind, "safe", FAIL, f"it runs code: {'; '.join(found)}")
        return GateResult(self.kind, "safe", PASS, "it runs no code when it is loaded")


@dataclass(frozen=True)
class Size:
    """The model's files weigh at most `megabytes` (10^6 bytes)."""

    kind: ClassVar[str] = "size"
    megabytes: float

    def judge(self, evidence: Evidence) -> GateResult:
        if evidence.facts is None:
            return GateResult(self.kind, "files", CANNOT, "the model was not looked at")
        size = evidence.facts.size / MEGABYTE
        verdict = PASS if size <= self.megabytes else FAIL
        message = f"{size:.2f} MB {'<=' if verdict == PASS else '>'} {self.megabytes:g} MB"
        return GateResult(self.kind, "files", verdict, message, {"megabytes": size})


@dataclass(frozen=True)
class Latency:
    """95 % of single-row requests, warmed up, take at most `milliseconds`.

    Measured on `requests` bodies from the hold-out by the code that serves: the body is read and
    checked against the signature, predicted, and the reply written. Each judgement measures anew,
    so each makes another report.
    """

    kind: ClassVar[str] = "latency"
    milliseconds: float
    requests: int = 200

    def measure(self, subject: Subject) -> list[float]:
        """Seconds of each request, after ten that are not counted. Raises Invalid."""
        if subject.model is None or subject.rows is None or not len(subject.rows):
            raise Invalid("gate.latency", subject.trouble or "there is no hold-out to ask for")
        frame, columns = subject.rows, subject.model.schema.names
        sample = frame[list(columns)].iloc[[i % len(frame) for i in range(self.requests + 10)]]
        records = json.loads(sample.to_json(orient="records", date_format="iso"))
        taken = []
        for record in records:
            body = json.dumps({"row": record}).encode()
            begun = time.perf_counter()
            rows = subject.model.schema.rows(body, 1)
            json.dumps({"predictions": subject.model.predict(subject.model.frame(rows))})
            taken.append(time.perf_counter() - begun)
        return taken[10:]

    def judge(self, evidence: Evidence) -> GateResult:
        taken = evidence.of(self) or ()
        if not taken:
            return GateResult(self.kind, "p95", CANNOT, evidence.trouble or "nothing was measured")
        p95 = float(np.quantile(taken, 0.95)) * 1000
        verdict = PASS if p95 <= self.milliseconds else FAIL
        message = f"p95 {p95:.2f} ms {'<=' if verdict == PASS else '>'} {self.milliseconds:g} ms"
        numbers = {"p95": p95, "predictions": len(taken)}
        return GateResult(self.kind, "p95", verdict, message, numbers)
