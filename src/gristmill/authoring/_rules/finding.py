"""What a rule says, which rules there are, and what the `[lint]` table may set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.errors import Invalid

ERROR, WARNING, OFF = "error", "warning", "off"
LEVELS = (ERROR, WARNING, OFF)

# rule -> its severity when the settings are silent
RULES = {
    "syntax-error": ERROR,
    "undefined-name": ERROR,
    "secret-in-source": ERROR,
    "secret-in-output": ERROR,
    "unknown-rule": ERROR,
    "absolute-path": WARNING,
    "undeclared-read": WARNING,
    "undeclared-write": WARNING,
    "unused-output": WARNING,
    "unused-parameter": WARNING,
    "execution-order": WARNING,
}


@dataclass(frozen=True)
class Finding:
    """`cell` is the index in the notebook from 0 (-1: none in particular), `line` from 1 within
    the cell (0: none)."""

    code: str
    severity: str
    notebook: str
    cell: int
    line: int
    message: str
    hint: str = ""

    def location(self) -> str:
        where = f"{self.notebook}, cell {self.cell + 1}" if self.cell >= 0 else self.notebook
        return f"{where}, line {self.line}" if self.line else where


@dataclass(frozen=True)
class LintSettings:
    """The `[lint]` table. `gate` is whether `run` refuses steps with errors, `undeclared` what
    reads and writes seen at run time are (error, warning, off), `rules` a severity by rule."""

    gate: bool = False
    undeclared: str = WARNING
    rules: Mapping[str, str] = field(default_factory=dict)

    def checked(self, where: str) -> LintSettings:
        """Itself; raises Invalid for an unknown rule or severity."""
        for name, level in [*self.rules.items(), ("undeclared", self.undeclared)]:
            if name != "undeclared" and name not in RULES:
                raise Invalid(
                    "lint.unknown-rule",
                    f"{where}: there is no rule `{name}`.",
                    hint=f"Rules: {', '.join(RULES)}.",
                )
            if level not in LEVELS:
                raise Invalid(
                    "lint.severity",
                    f"{where}: {name} = {level!r} is no severity.",
                    hint=f"One of: {', '.join(LEVELS)}.",
                )
        return self

    def severity(self, code: str) -> str:
        return self.rules.get(code, RULES.get(code, ERROR))


@dataclass(frozen=True)
class Cell:
    """A cell as saved. `count` is its execution count, `outputs` the texts of its outputs."""

    index: int
    kind: str
    source: str
    tags: frozenset[str]
    count: int | None
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Remark:
    """What a rule found in a cell, before severity and suppression."""

    code: str
    cell: int
    line: int
    message: str
    hint: str = ""


def read_cells(raw: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Every cell of a notebook's JSON with the text of what it printed and showed."""
    return tuple(
        Cell(
            index,
            str(cell.get("cell_type")),
            joined(cell.get("source", "")),
            frozenset((cell.get("metadata") or {}).get("tags") or ()),
            cell.get("execution_count"),
            tuple(_texts(cell.get("outputs") or ())),
        )
        for index, cell in enumerate(raw["cells"])
        if isinstance(cell, dict)
    )


def _texts(outputs: Any) -> list[str]:
    found = []
    for output in outputs:
        found += [joined(output[k]) for k in ("text", "traceback", "evalue") if k in output]
        for kind, value in (output.get("data") or {}).items():
            if not kind.startswith(("image/", "audio/", "video/")):
                found.append(joined(value))
    return found


def joined(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)
