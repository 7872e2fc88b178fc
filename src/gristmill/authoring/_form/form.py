"""A step as a form: what its parameters cell declares, field by field, mistakes included."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gristmill.authoring._cells import Cell
from gristmill.authoring._form.spans import Positions
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
    """A name that the parameters cell assigns.

    Attributes
    ----------
    name
        The name.
    kind
        value, input, output, metrics or plots.
    annotation
        Its type as written, "" for none.
    source
        Its default as written, "" for none.
    type
        What values are checked against.
    default
        The default; None when `fixed` is False.
    fixed
        False when the default is an expression.
    doc
        Its comment.
    line
        Its line in the cell, from 1.
    problem
        An error's record, when the declaration is wrong.
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
    """A notebook's parameters cell.

    Attributes
    ----------
    cell
        Its index, -1 when the notebook is not a step.
    fields
        Its fields in the order of the text.
    problem
        An error's record, when the cell cannot be read at all.
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
        field = _field(statement, at, where)
        if field is not None:
            fields.pop(field.name, None)  # the last assignment is the one that counts
            fields[field.name] = field
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
        declared = declaration(statement, where)
    except Invalid as problem:
        return replace(plain, problem=problem.record())
    if isinstance(declared, PathParameter):
        text = ast.literal_eval(value) if value else declared.path
        return replace(plain, kind=declared.kind, type=ValueType("str"), default=text, fixed=True)
    assert declared is not None
    return replace(plain, type=declared.type, default=declared.default, fixed=declared.fixed)


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
