"""A step as a form: what its parameters cell declares, field by field, mistakes included."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gristmill.authoring._form.spans import Positions
from gristmill.authoring._rules.finding import Cell
from gristmill.errors import Invalid
from gristmill.pipeline import (
    ANY_TYPE,
    PARAMETERS_TAG,
    PathParameter,
    ValueType,
    declaration,
    parse_cell,
)

VALUE = "value"


@dataclass(frozen=True)
class Field:
    """A name of the parameters cell.

    `kind` is value, input, output, metrics or plots; `annotation` and `source` its type and default
    as written ("" for none); `type` what values are checked against; `default` the value, None with
    `fixed` False when it is an expression; `doc` its comment; `line` from 1 in the cell; `problem`
    an error's record when the declaration is wrong.
    """

    name: str
    kind: str
    annotation: str
    source: str
    type: ValueType
    default: Any
    fixed: bool
    doc: str
    line: int
    problem: dict[str, str] | None = None


@dataclass(frozen=True)
class Form:
    """A notebook's parameters cell: its index, and its fields in the order of the text.

    `cell` is -1 when the notebook is no step; `problem` an error's record when the cell cannot be
    read at all.
    """

    cell: int = -1
    fields: tuple[Field, ...] = ()
    problem: dict[str, str] | None = None

    def field(self, name: str) -> Field | None:
        return next((f for f in self.fields if f.name == name), None)


def parameters_cell(cells: Sequence[Cell]) -> Cell | None:
    """The cell that makes a notebook a step."""
    return next((c for c in cells if c.kind == "code" and PARAMETERS_TAG in c.tags), None)


def read_form(cells: Sequence[Cell], path: str = "this notebook") -> Form:
    """The form of a notebook; a wrong declaration is a field with a problem."""
    cell = parameters_cell(cells)
    if cell is None:
        return Form()
    tree = parse_cell(cell.source)
    where = f"{path}, cell {cell.index + 1}"
    if tree is None:
        error = Invalid(
            "step.parameters-syntax",
            f"{where}: the parameters cell is not Python.",
            hint="Keep it to assignments like `max_depth: int = 6`.",
        )
        return Form(cell.index, (), error.record())
    at = Positions(cell.source)
    fields: dict[str, Field] = {}
    for statement in tree.body:
        found = _field(statement, at, where)
        if found is not None:
            fields.pop(found.name, None)  # the last assignment is the one that counts
            fields[found.name] = found
    return Form(cell.index, tuple(fields.values()))


def target_of(statement: ast.stmt) -> tuple[str, ast.expr | None, ast.expr | None] | None:
    """Name, annotation and value of an assignment to one name."""
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id, statement.annotation, statement.value
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name):
            return target.id, None, statement.value
    return None


def _field(statement: ast.stmt, at: Positions, where: str) -> Field | None:
    target = target_of(statement)
    if target is None:
        return None
    name, annotation, value = target
    plain = Field(
        name=name,
        kind=VALUE,
        annotation=at.text(annotation) if annotation else "",
        source=at.text(value) if value else "",
        type=ANY_TYPE,
        default=None,
        fixed=False,
        doc=_doc(statement, at),
        line=statement.lineno,
    )
    try:
        found = declaration(statement, where)
    except Invalid as problem:
        return replace(plain, problem=problem.record())
    if isinstance(found, PathParameter):
        text = ast.literal_eval(value) if value else found.path
        return replace(plain, kind=found.kind, type=ValueType("str"), default=text, fixed=True)
    assert found is not None
    return replace(plain, type=found.type, default=found.default, fixed=found.fixed)


def _doc(statement: ast.stmt, at: Positions) -> str:
    """The comment behind a statement, else the lines of comment right above it."""
    start, end = at.span(statement)
    rest = at.source[end : at.line_end(end)].strip()
    if rest.startswith("#"):
        return rest.lstrip("# ").strip()
    above: list[str] = []
    first = at.line_start(start)
    while first > 0:
        before = at.line_start(first - 1)
        line = at.source[before:first].strip()
        if not line.startswith("#"):
            break
        above.insert(0, line.lstrip("# ").strip())
        first = before
    return " ".join(above)
