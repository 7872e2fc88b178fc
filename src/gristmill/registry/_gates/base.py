"""What gates look at and what they answer. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Protocol

from gristmill.errors import GristmillError
from gristmill.records import from_record, to_record
from gristmill.registry._supply.sbom import Package


class Verdict(StrEnum):
    """What a gate, or a report, comes to. INCONCLUSIVE: the evidence is not enough to judge."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class ModelFacts:
    """What the files of a saved model declare.

    Attributes
    ----------
    size
        Bytes of all files.
    signature, example
        Whether it has a signature, and an input example.
    code
        What in it may run code when it is loaded, a phrase each.
    """

    size: int
    signature: bool
    example: bool
    code: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """What gates look at.

    Attributes
    ----------
    metrics
        Those recorded with the version.
    truth, challenger, champion
        Labels of the hold-out and the two models' outputs on it, shape (rows,); for a 0/1 label
        the outputs are probabilities. None when there are none, and then `problem` says why.
    champion_version
        None when nobody holds the alias.
    columns
        The hold-out's other columns, of the same shape.
    missing
        Absent parts of the lineage.
    dirty
        Whether the git tree had uncommitted changes; None when unknown.
    facts
        The challenger's files.
    measured
        What gates measured, by their `repr`; an error where they could not.
    problem
        Why there are no outputs, "" when there are.
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
    problem: str = ""

    def of(self, gate: Gate) -> Any:
        """What a gate measured.

        Parameters
        ----------
        gate
            The gate that asks.

        Returns
        -------
        Any
            What its `measure` returned; None when it was not called.

        Raises
        ------
        GristmillError
            The one that kept the gate from measuring.
        """
        measurement = self.measured.get(repr(gate))
        if isinstance(measurement, GristmillError):
            raise measurement
        return measurement


@dataclass(frozen=True)
class Subject:
    """What a gate may measure. What is not available is None, and `problem` says why.

    Attributes
    ----------
    root
        The project's root.
    now
        The time of the measurement, aware.
    model
        The version ready to predict (`gristmill.predictor.LoadedModel`): it knows its name,
        version and digest.
    rows
        The hold-out's features as a data frame; the input example when there is no hold-out.
    packages
        Those of the version's environment.
    problem
        Why there is no model.
    progress
        Told how far a long measurement is.
    """

    root: Path
    now: datetime
    model: Any = None
    rows: Any = None
    packages: tuple[Package, ...] | None = None
    problem: str = ""
    progress: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class GateResult:
    """One gate's verdict.

    Attributes
    ----------
    kind
        The gate's kind, as in the settings.
    name
        What it judged: a metric, a column.
    verdict
        The verdict.
    message
        One sentence that says why, without a full stop.
    numbers
        What the verdict rests on, as plain JSON values.
    """

    kind: str
    name: str
    verdict: Verdict
    message: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GateReport:
    """All verdicts on one version. It passes when every gate passes, also when there is none.

    Attributes
    ----------
    results
        A result for each gate.
    about
        Which version was judged against which, and on how many rows.
    digest
        sha256 of the report as the ledger keeps it; "" when it was not stored.
    """

    results: tuple[GateResult, ...]
    about: Mapping[str, Any] = field(default_factory=dict)
    digest: str = field(default="", compare=False)

    @property
    def passed(self) -> bool:
        """Whether every gate passed."""
        return self.verdict == Verdict.PASS

    @property
    def verdict(self) -> Verdict:
        """FAIL when a gate failed, else INCONCLUSIVE when one was, else PASS."""
        verdicts = {Verdict(r.verdict) for r in self.results}
        for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
            if verdict in verdicts:
                return verdict
        return Verdict.PASS

    def failures(self) -> str:
        """What did not pass and why, in one line."""
        return "; ".join(
            f"{r.kind} {r.name}: {r.message}" for r in self.results if r.verdict != Verdict.PASS
        )

    def record(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        results = [to_record(r) for r in self.results]
        return {"verdict": str(self.verdict), "about": to_record(self.about), "results": results}

    @classmethod
    def from_record(cls, record: Mapping[str, Any], digest: str = "") -> GateReport:
        """The report that `record` returned.

        Parameters
        ----------
        record
            Plain JSON values.
        digest
            The digest that the ledger names it by.

        Raises
        ------
        Invalid
            `record.invalid`: a value has another type.
        """
        results = from_record(tuple[GateResult, ...], record["results"], "gate report")
        return cls(results, record["about"], digest)


class Gate(Protocol):
    """A gate has a `kind` (its word in the settings) and evaluates evidence.

    One that has `measure(subject: Subject) -> Any` too is asked first, with all the I/O it likes;
    `evaluate` reads the answer with `evidence.of(self)`.
    """

    kind: ClassVar[str]

    def evaluate(self, evidence: Evidence) -> GateResult:
        """The verdict on the evidence. Pure.

        Parameters
        ----------
        evidence
            What was recorded, scored and measured.

        Raises
        ------
        GristmillError
            The evidence is not enough; the verdict is INCONCLUSIVE then.
        """
