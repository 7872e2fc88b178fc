"""Every rule over one notebook, with severities and suppressions."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gristmill.authoring._cells import Cell, Parsed, parse_cells, read_cells
from gristmill.authoring._rules.finding import RULES, Finding, LintSettings, Remark, Severity
from gristmill.authoring._rules.names import Diagnostic, Program, undefined_names
from gristmill.authoring._rules.paths import path_remarks
from gristmill.authoring._rules.secrets import secret_remarks
from gristmill.errors import Invalid
from gristmill.pipeline import StepSpec, parse_notebook, parse_step

READS_ANY_NAME = {"globals", "locals", "vars", "exec", "eval"}
IGNORE = re.compile(r"#\s*gristmill:\s*ignore\[([^\]]*)\]")


@dataclass(frozen=True)
class Draft:
    """A notebook as the rules read it. `problems` is what kept it from being read as a step,
    `version` the Python that ran it last, None when it does not say."""

    path: str
    step: StepSpec | None = None
    problems: tuple[Finding, ...] = ()
    version: tuple[int, int] | None = None
    cells: tuple[Cell, ...] = ()
    parsed: tuple[Parsed, ...] = ()
    python: bool = False

    @property
    def unread(self) -> tuple[Parsed, ...]:
        """Cells that this Python does not read: syntax errors, or newer than it is."""
        return tuple(cell for cell in self.parsed if cell.unread)


def read_draft(text: str, path: str, name: str = "") -> Draft:
    """Read a notebook for the rules.

    Parameters
    ----------
    text
        The notebook's JSON.
    path
        Its path relative to the project's root.
    name
        The step's name.

    Returns
    -------
    Draft
        Without cells when it cannot be read; the reason is a finding. Of notebooks in other
        languages the cells are read and not parsed.
    """
    step: StepSpec | None = None
    problems: tuple[Finding, ...] = ()
    try:
        notebook = parse_notebook(text, path)
        step = parse_step(notebook, name or path)
    except Invalid as problem:
        problems = (
            Finding(problem.code, Severity.ERROR, path, -1, 0, problem.message, problem.hint),
        )
        if problem.code.startswith(("notebook.", "file.")):
            return Draft(path, problems=problems)
        notebook = parse_notebook(text, path)
    raw = json.loads(text)
    cells = read_cells(raw)
    python = notebook.language in {"python", "python3", "ipython"}
    parsed = tuple(parse_cells(cells)) if python else ()
    return Draft(path, step, problems, _version(raw), cells, parsed, python)


def _version(raw: Mapping[str, Any]) -> tuple[int, int] | None:
    info = (raw.get("metadata") or {}).get("language_info") or {}
    version = re.match(r"(\d+)\.(\d+)", str(info.get("version", "")))
    return (int(version[1]), int(version[2])) if version else None


def lint_notebook(
    draft: Draft,
    settings: LintSettings,
    program: Program,
    undefined: Sequence[Diagnostic],
    broken: Mapping[int, Diagnostic],
) -> tuple[Finding, ...]:
    """Findings on one notebook, in the order of its cells.

    Parameters
    ----------
    draft
        The notebook.
    settings
        Severities of the rules.
    program
        The notebook's Python that was checked for undefined names.
    undefined
        Places of undefined names in it.
    broken
        The first syntax error of cells that the kernel's Python does not read, by their indices.

    Returns
    -------
    tuple of Finding
        Those that keep it from being a step come first.
    """
    cells, parsed = draft.cells, draft.parsed
    remarks = secret_remarks(cells, parsed)
    if draft.python:
        remarks += [
            Remark("syntax-error", cell, error.line, f"not valid Python: {error.message}.")
            for cell, error in broken.items()
        ]
        remarks += undefined_names(program, parsed, undefined)
        remarks += path_remarks(parsed, draft.step)
        remarks += _execution_order(cells)
    if draft.step is not None:
        remarks += _unused(parsed, draft.step)
    remarks += _unknown_codes(cells)
    return (*draft.problems, *_findings(remarks, cells, draft.path, settings))


def _findings(
    remarks: Iterable[Remark], cells: Sequence[Cell], path: str, settings: LintSettings
) -> list[Finding]:
    sources = {c.index: c.source.splitlines() for c in cells}
    findings = []
    for remark in sorted(remarks, key=lambda remark: (remark.cell, remark.line, remark.code)):
        severity = settings.severity(remark.code)
        lines = sources.get(remark.cell, [])
        lines = lines[remark.line - 1 : remark.line] if remark.line else lines
        ignored = {code for line in lines for code in _ignored(line)}
        if severity != Severity.OFF and remark.code not in ignored:
            findings.append(
                Finding(
                    remark.code,
                    severity,
                    path,
                    remark.cell,
                    remark.line,
                    remark.message,
                    remark.hint,
                )
            )
    return findings


def _ignored(line: str) -> list[str]:
    return [c.strip() for m in IGNORE.finditer(line) for c in m[1].split(",")]


def _unknown_codes(cells: Sequence[Cell]) -> list[Remark]:
    return [
        Remark(
            "unknown-rule",
            cell.index,
            number,
            f"`# gristmill: ignore[...]` names an unknown rule `{code}`.",
            f"Rules: {', '.join(RULES)}.",
        )
        for cell in cells
        if cell.kind == "code"
        for number, line in enumerate(cell.source.splitlines(), 1)
        for code in _ignored(line)
        if code not in RULES
    ]


def _unused(parsed: Sequence[Parsed], step: StepSpec) -> list[Remark]:
    """Declared names that no cell reads."""
    used: set[str] = set()
    for cell in parsed:
        for node in ast.walk(cell.tree) if cell.tree else ():
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                used.add(node.id)
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(called, ast.Name) and called.id in READS_ANY_NAME:
                return []
        if cell.unread:
            used.update(re.findall(r"\w+", cell.source))
        for magic in cell.magics:
            if magic.opaque:
                return []
            used.update(re.findall(r"\w+", magic.text))
    lines = _declared_at(parsed, step.cell)
    remarks = []
    for output in step.outputs:
        if output.name not in used:
            text = f"{output.kind} `{output.name}` ({output.path}) is declared but never used."
            hint = "Use the name where the file is written, or remove it."
            line = lines.get(output.name, 0)
            remarks.append(Remark("unused-output", step.cell, line, text, hint))
    for parameter in step.parameters:
        if parameter.name not in used:
            text = f"parameter `{parameter.name}` is never used: setting it has no effect."
            line = lines.get(parameter.name, 0)
            remarks.append(Remark("unused-parameter", step.cell, line, text, "Use or remove it."))
    return remarks


def _declared_at(parsed: Sequence[Parsed], cell: int) -> dict[str, int]:
    tree = next((p.tree for p in parsed if p.index == cell), None)
    return {
        node.id: node.lineno
        for node in (ast.walk(tree) if tree else ())
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _execution_order(cells: Sequence[Cell]) -> list[Remark]:
    """Counts of a saved notebook that was not run once from top to bottom."""
    code = [c for c in cells if c.kind == "code" and c.source.strip()]
    hint = "Restart the kernel and run all cells, or clear the outputs, before saving."
    before = 0
    if all(c.count is None for c in code):
        return []
    for cell in code:
        if cell.count is None:
            text = (
                "this cell was not run but others were: their outputs may depend on hidden state."
            )
        elif cell.count <= before:
            text = f"this cell ran as number {cell.count}, after one below it."
        elif cell.count != before + 1:
            text = f"this cell ran as number {cell.count}: earlier runs are no longer shown."
        else:
            before = cell.count
            continue
        return [Remark("execution-order", cell.index, 0, text, hint)]
    return []
