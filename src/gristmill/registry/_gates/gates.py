"""Gates: pure judgements on evidence. A gate passes, fails, or cannot judge, and says why.

Numbers are evidence too: a report holds what every verdict rests on, and its digest is what a
promotion refers to. Other packages add kinds by the entry-point group `gristmill.gates`: a frozen
dataclass with a `kind` and `judge(Evidence) -> GateResult`, its fields the keys of its table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any

from gristmill.errors import GristmillError, Invalid
from gristmill.records import parse_table
from gristmill.registry._gates.base import (
    INCONCLUSIVE,
    Evidence,
    Gate,
    GateReport,
    GateResult,
)
from gristmill.registry._gates.environment import Licences, Vulnerabilities
from gristmill.registry._gates.fitness import Format, Signature, Size
from gristmill.registry._gates.groups import Calibration, Fairness, Slices
from gristmill.registry._gates.metrics import Better, LineageGate, Maximum, Minimum

GROUP = "gristmill.gates"
BUILT_IN: tuple[type[Any], ...] = (
    Better,
    Calibration,
    Fairness,
    Format,
    Licences,
    LineageGate,
    Maximum,
    Minimum,
    Signature,
    Size,
    Slices,
    Vulnerabilities,
)


def kinds() -> dict[str, type[Any]]:
    """Every kind of gate by its word: the built-in ones and those of installed packages."""
    found = {gate.kind: gate for gate in BUILT_IN}
    for point in entry_points(group=GROUP):
        if point.name in found:
            raise Invalid(
                "gate.kind", f"{point.value} would replace the gate {point.name!r}.", hint="Rename."
            )
        found[point.name] = point.load()
    return found


def parse_gates(tables: Sequence[Mapping[str, Any]], where: str) -> tuple[Gate, ...]:
    """Gates from the settings' tables, each with a `kind`. Raises Invalid naming the table."""
    known = kinds()
    gates: list[Gate] = []
    for number, table in enumerate(tables, 1):
        here = f"{where} gate {number}"
        kind = table.get("kind")
        if kind not in known:
            raise Invalid(
                "gate.kind",
                f"{here}: kind = {kind!r} is unknown.",
                hint=f"Known: {', '.join(sorted(known))}.",
            )
        values = {k: v for k, v in table.items() if k != "kind"}
        try:
            gates.append(parse_table(known[kind], values, here))
        except Invalid as error:
            if error.message.startswith(where):
                raise
            raise Invalid(error.code, f"{here}: {error.message}", hint=error.hint) from error
    return tuple(gates)


def evaluate_gates(
    gates: Sequence[Gate], evidence: Evidence, about: Mapping[str, Any] | None = None
) -> GateReport:
    """Every gate's verdict on the evidence; `about` says which version, champion and rows."""
    return GateReport(tuple(_verdict(g, evidence) for g in gates), dict(about or {}))


def _verdict(gate: Gate, evidence: Evidence) -> GateResult:
    """A gate that could not measure what it judges by cannot judge."""
    try:
        return gate.evaluate(evidence)
    except GristmillError as error:
        return GateResult(gate.kind, gate.kind, INCONCLUSIVE, error.message)
