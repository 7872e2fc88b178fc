"""Changes to a form, as the edits that write them into the parameters cell. Pure."""

from __future__ import annotations

import ast
import builtins
import keyword
from collections.abc import Sequence
from typing import Any

from gristmill.authoring._cells import Cell
from gristmill.authoring._form.edits import INSERT, SOURCE, TAG, Edit, apply_edits
from gristmill.authoring._form.form import VALUE, Field, parameters_cell, read_form, target_of
from gristmill.authoring._form.imports import with_imports
from gristmill.authoring._form.rename import names_in, rename_edits
from gristmill.authoring._form.spans import Positions, Splice, splice
from gristmill.authoring._form.values import literal, quoted, typed
from gristmill.errors import Conflict, Invalid, NotFound
from gristmill.pipeline import (
    ANY_TYPE,
    PARAMETERS_TAG,
    PATH_KINDS,
    ValueType,
    annotation_name,
    declaration,
    parse_cell,
    type_of_annotation,
    type_of_value,
)

STARTER = "from gristmill import Input, Output"
KINDS = {kind: annotation for annotation, kind in PATH_KINDS.items()}


def init_edits(cells: Sequence[Cell]) -> list[Edit]:
    """Make a notebook a step: tag its first code cell when that only assigns plain values,
    else put a parameters cell before the first code cell. Raises Conflict when it is one already.
    """
    existing = parameters_cell(cells)
    if existing is not None:
        raise Conflict(
            "step.exists",
            f"this notebook is already a step: cell {existing.index + 1} is its parameters cell.",
        )
    first = next((c for c in cells if c.kind == "code" and c.source.strip()), None)
    if first is not None and _only_values(first):
        return [Edit(TAG, first.index, tags=(PARAMETERS_TAG,))]
    position = next((c.index for c in cells if c.kind == "code"), len(cells))
    return [Edit(INSERT, position, after=STARTER, tags=(PARAMETERS_TAG,))]


def set_edits(
    cells: Sequence[Cell],
    name: str,
    *,
    value: Any = None,
    text: str | None = None,
    annotation: str | None = None,
) -> list[Edit]:
    """Write a default and, when given, a type into the parameters cell.

    The default is `text` as typed into a form, read by the type, else the JSON `value` (with
    `annotation` given and both None, the default stays). `annotation` "" takes the type away.
    Nothing changes when nothing is new. Raises Invalid when the value is not of the type.
    """
    cell, field = _declared(cells, name)
    at = Positions(cell.source)
    statement = _statement(cell, name)
    _, old_annotation, old_value = target_of(statement) or ("", None, None)
    kind = field.type
    changes = []
    if annotation is not None and annotation.strip() != field.annotation:
        changes.append(_annotation_splice(statement, at, old_annotation, annotation.strip()))
        kind = _type_of(annotation.strip(), field)
    new = None
    if text is not None or annotation is None or value is not None:
        new = _written(field, kind, value, text)
    if new is not None and new != field.source:
        if old_value is None:
            end = at.span(statement)[1]
            changes.append(Splice(end, end, f" = {new}"))
        else:
            changes.append(Splice(*at.span(old_value), new))
    return _source_edit(cells, cell, splice(cell.source, changes), (annotation or "",))


def add_edits(
    cells: Sequence[Cell], name: str, annotation: str, *, text: str = "", doc: str = ""
) -> list[Edit]:
    """Declare one more parameter at the end of the parameters cell, which is made when absent.

    `text` is its default as typed into a form, read by the type.
    """
    edits: list[Edit] = []
    cell = parameters_cell(cells)
    if cell is None:
        edits = init_edits(cells)
        cells = apply_edits(cells, edits)
        cell = parameters_cell(cells)
        assert cell is not None
    check_name(name, cells)
    kind = type_of_annotation(_parse(annotation)) if annotation else None
    path = PATH_KINDS.get(annotation_name(_parse(annotation))) if annotation else None
    written = quoted(text) if path else _typed(name, text, kind or ANY_TYPE)[1]
    doc = " ".join(doc.split())
    line = f"{name}{f': {annotation}' if annotation else ''} = {written}"
    return edits + append_edits(cells, [f"{line}  # {doc}" if doc else line], (annotation,))


def append_edits(
    cells: Sequence[Cell], lines: Sequence[str], annotations: Sequence[str]
) -> list[Edit]:
    """Add lines at the end of the parameters cell, with what their annotations import."""
    cell = parameters_cell(cells)
    assert cell is not None
    newline = Positions(cell.source).newline()
    body = cell.source
    tree = parse_cell(body)
    glue = "" if not body or body.endswith(("\n", "\r")) else newline
    ending = newline if body and not glue else ""
    if tree and tree.body and isinstance(tree.body[-1], ast.Import | ast.ImportFrom):
        glue += newline
    return _source_edit(cells, cell, body + glue + newline.join(lines) + ending, annotations)


def remove_edits(cells: Sequence[Cell], name: str) -> list[Edit]:
    """Take a declaration out. Raises Conflict when a cell reads the name."""
    cell, _ = _declared(cells, name)
    statement = _statement(cell, name)
    for other in cells:
        tree = parse_cell(other.source) if other.kind == "code" else None
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
                raise Conflict(
                    "parameter.used",
                    f"`{name}` is used in cell {other.index + 1}, line {node.lineno}.",
                    hint="Remove its uses first.",
                )
    at = Positions(cell.source)
    return _source_edit(cells, cell, without(statement, at), ())


def without(statement: ast.stmt, at: Positions) -> str:
    """The source without a statement and, when nothing else stands there, its lines.

    Raises Conflict when it shares its line with another statement.
    """
    start, end = at.span(statement)
    first, last = at.line_start(start), at.line_end(end)
    before, behind = at.source[first:start], at.source[end:last].strip()
    if before.strip() or (behind and not behind.startswith("#")):
        raise Conflict(
            "parameter.shared-line",
            f"line {statement.lineno} has more than one statement.",
            hint="Put each statement on a line of its own first.",
        )
    after = at.line_after(end)
    if after == len(at.source) and first > 0 and not at.source.endswith(("\n", "\r")):
        newline = at.newline()
        first -= len(newline) if at.source[:first].endswith(newline) else 1
    return at.source[:first] + at.source[after:]


def renamed_edits(cells: Sequence[Cell], name: str, new: str) -> list[Edit]:
    """Give a parameter another name, in every cell that uses it."""
    _declared(cells, name)
    if new == name:
        return []
    check_name(new, cells)
    return rename_edits(cells, name, new)


def check_name(name: str, cells: Sequence[Cell]) -> None:
    """Raises Invalid unless `name` may be given to a new parameter of this notebook."""
    if not name.isidentifier() or keyword.iskeyword(name) or name in dir(builtins):
        raise Invalid(
            "parameter.name",
            f"`{name}` cannot be a parameter's name.",
            hint="Use letters, digits and `_`, but not a keyword or a builtin of Python.",
        )
    for cell in cells:
        if name in names_in(cell):
            raise Conflict(
                "parameter.taken",
                f"`{name}` is already used in cell {cell.index + 1}.",
                hint="Choose another name.",
            )


def _declared(cells: Sequence[Cell], name: str) -> tuple[Cell, Field]:
    cell, form = parameters_cell(cells), read_form(cells)
    field = form.field(name)
    if cell is None or field is None:
        declared = ", ".join(f.name for f in form.fields) or "none"
        raise NotFound(
            "parameter.not-found", f"there is no parameter `{name}`.", hint=f"Declared: {declared}."
        )
    return cell, field


def _statement(cell: Cell, name: str) -> ast.stmt:
    tree = parse_cell(cell.source)
    assert tree is not None
    return next(s for s in reversed(tree.body) if (target_of(s) or ("",))[0] == name)


def _written(field: Field, kind: ValueType, value: Any, text: str | None) -> str | None:
    """The new default in Python, None when it is the old one."""
    if field.kind != VALUE:
        path = text if text is not None else value
        if not isinstance(path, str):
            raise Invalid(
                "parameter.type",
                f"`{field.name}` is a path, so its value must be text, not {value!r}.",
            )
        return None if path == field.default else literal(path, kind, field.source)
    if text is not None:
        read, written = _typed(field.name, text, kind)
        value = read
        if isinstance(read, str):
            written = literal(read, kind, field.source)
    else:
        if not kind.accepts(value):
            raise Invalid("parameter.type", f"`{field.name}` = {value!r} is not of type {kind}.")
        written = literal(value, kind, field.source)
    same = field.fixed and value == field.default and type(value) is type(field.default)
    return None if same else written


def _typed(name: str, text: str, kind: ValueType) -> tuple[Any, str]:
    try:
        return typed(text, kind)
    except ValueError as error:
        raise Invalid(
            "parameter.type",
            f"`{name}` = {text!r} is not of type {kind}.",
            hint="Enter a value of that type.",
        ) from error


def _type_of(annotation: str, field: Field) -> ValueType:
    if annotation:
        return type_of_annotation(_parse(annotation))
    return type_of_value(field.default) if field.fixed else ANY_TYPE


def _parse(annotation: str) -> ast.expr:
    try:
        return ast.parse(annotation, mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise Invalid(
            "parameter.annotation",
            f"{annotation!r} is not a type.",
            hint="For example int, float | None, list[str] or Input.",
        ) from error


def _annotation_splice(
    statement: ast.stmt, at: Positions, old: ast.expr | None, new: str
) -> Splice:
    if old is not None and new:
        return Splice(*at.span(old), new)
    target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target  # type: ignore[attr-defined]
    end = at.span(target)[1]
    return Splice(end, at.span(old)[1] if old is not None else end, f": {new}" if new else "")


def _source_edit(
    cells: Sequence[Cell], cell: Cell, after: str, annotations: Sequence[str]
) -> list[Edit]:
    """The edit, checked: what it declares must be understood by the planner."""
    after = with_imports(after, [c for c in cells if c.index < cell.index], annotations)
    if after == cell.source:
        return []
    tree = parse_cell(after)
    if tree is None:
        raise Invalid(
            "parameter.syntax", "with this change, the parameters cell would not be valid Python."
        )
    tree_before = parse_cell(cell.source)
    unchanged = {ast.dump(s) for s in tree_before.body} if tree_before else set()
    for statement in tree.body:
        if ast.dump(statement) not in unchanged:
            declaration(statement, f"cell {cell.index + 1}")
    return [Edit(SOURCE, cell.index, cell.source, after)]


def _only_values(cell: Cell) -> bool:
    """Whether a cell does nothing but import gristmill's types and name plain values."""
    tree = parse_cell(cell.source)
    values = 0
    for statement in tree.body if tree else ():
        if isinstance(statement, ast.ImportFrom) and statement.module in {"gristmill", "typing"}:
            continue
        target = target_of(statement)
        try:
            ast.literal_eval(target[2] if target and target[2] else "")
        except (ValueError, SyntaxError, TypeError):
            return False
        values += 1
    return values > 0
