"""The kinds of gates, read from the settings and evaluated. Pure.

Other packages add kinds by the entry-point group `gristmill.gates`: a frozen dataclass with a
`kind` and `evaluate(Evidence) -> GateResult`, its fields the keys of its table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any

from gristmill.errors import GristmillError, Invalid
from gristmill.records import parse_table
from gristmill.registry._gates.base import Evidence, Gate, GateReport, GateResult, Verdict
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
    classes = {gate.kind: gate for gate in BUILT_IN}
    for point in entry_points(group=GROUP):
        if point.name in classes:
            raise Invalid(
                "gate.kind",
                f"the entry point {point.value} would replace the gate {point.name!r}.",
                hint="Give it another name.",
            )
        classes[point.name] = point.load()
    return classes


def parse_gates(tables: Sequence[Mapping[str, Any]], where: str) -> tuple[Gate, ...]:
    """Gates from the settings' tables, each with a `kind`. Raises Invalid naming the table."""
    classes = kinds()
    gates: list[Gate] = []
    for number, table in enumerate(tables, 1):
        table_name = f"{where} gate {number}"
        kind = table.get("kind")
        if kind not in classes:
            raise Invalid(
                "gate.kind",
                f"{table_name}: {kind!r} is not a kind of gate.",
                hint=f"Known: {', '.join(sorted(classes))}.",
            )
        values = {k: v for k, v in table.items() if k != "kind"}
        try:
            gates.append(parse_table(classes[kind], values, table_name))
        except Invalid as error:
            if error.message.startswith(where):
                raise
            raise Invalid(error.code, f"{table_name}: {error.message}", hint=error.hint) from error
    return tuple(gates)


def evaluate_gates(
    gates: Sequence[Gate], evidence: Evidence, about: Mapping[str, Any] | None = None
) -> GateReport:
    """Every gate's verdict on the evidence; `about` says which version, champion and rows."""
    return GateReport(tuple(_verdict(g, evidence) for g in gates), dict(about or {}))


def _verdict(gate: Gate, evidence: Evidence) -> GateResult:
    """A gate that could not measure what it judges by is inconclusive."""
    try:
        return gate.evaluate(evidence)
    except GristmillError as error:
        return GateResult(gate.kind, gate.kind, Verdict.INCONCLUSIVE, error.message)
