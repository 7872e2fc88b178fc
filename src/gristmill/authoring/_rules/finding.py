"""Findings, the rules that there are, and the `[lint]` table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gristmill.errors import Invalid


class Severity(StrEnum):
    """How grave a finding is; `off` leaves it out."""

    ERROR = "error"
    WARNING = "warning"
    OFF = "off"


# by rule: its severity when the settings are silent
RULES = {
    "syntax-error": Severity.ERROR,
    "undefined-name": Severity.ERROR,
    "secret-in-source": Severity.ERROR,
    "secret-in-output": Severity.ERROR,
    "unknown-rule": Severity.ERROR,
    "absolute-path": Severity.WARNING,
    "undeclared-read": Severity.WARNING,
    "undeclared-write": Severity.WARNING,
    "unused-output": Severity.WARNING,
    "unused-parameter": Severity.WARNING,
    "execution-order": Severity.WARNING,
}


@dataclass(frozen=True)
class Finding:
    """What a rule says about one notebook.

    Attributes
    ----------
    code
        The rule, or the code of the error that kept the notebook from being read.
    severity
        error or warning.
    notebook
        The notebook's path relative to the root.
    cell
        The cell's index from 0; -1 for the notebook as a whole.
    line
        The line in the cell from 1; 0 for the cell as a whole.
    message
        What is wrong.
    hint
        What to do, or "".
    """

    code: str
    severity: str
    notebook: str
    cell: int
    line: int
    message: str
    hint: str = ""

    def location(self) -> str:
        """Notebook, cell and line, counted from 1."""
        where = f"{self.notebook}, cell {self.cell + 1}" if self.cell >= 0 else self.notebook
        return f"{where}, line {self.line}" if self.line else where


@dataclass(frozen=True)
class LintSettings:
    """The `[lint]` table.

    Attributes
    ----------
    gate
        Whether `run` refuses steps that have errors.
    undeclared
        The severity of reads and writes that a run saw and the step does not declare.
    rules
        Severities by rule, where they differ from `RULES`.
    """

    gate: bool = False
    undeclared: str = Severity.WARNING
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
            if level not in set(Severity):
                raise Invalid(
                    "lint.severity",
                    f"{where}: {name} = {level!r} is not a severity.",
                    hint=f"Use one of: {', '.join(Severity)}.",
                )
        return self

    def severity(self, code: str) -> str:
        return self.rules.get(code, RULES.get(code, Severity.ERROR))


@dataclass(frozen=True)
class Remark:
    """What a rule says about a cell, before severity and suppression."""

    code: str
    cell: int
    line: int
    message: str
    hint: str = ""
