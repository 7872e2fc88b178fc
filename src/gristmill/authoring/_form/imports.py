"""The imports that annotations of a parameters cell need."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from gristmill.authoring._cells import Cell
from gristmill.authoring._form.rename import bound_in
from gristmill.authoring._form.spans import Positions, Splice, splice
from gristmill.pipeline import PATH_KINDS, parse_cell

HOMES = {
    **dict.fromkeys(PATH_KINDS, "gristmill"),
    **dict.fromkeys(("Annotated", "Any", "Final", "Literal", "Optional", "Union"), "typing"),
}


def with_imports(source: str, above: Sequence[Cell], annotations: Sequence[str]) -> str:
    """The cell's source with imports of the names in `annotations` that nothing above binds."""
    missing: dict[str, set[str]] = {}
    for name in sorted({n for a in annotations for n in _names(a)} & set(HOMES)):
        if not any(name in bound_in(c.source) for c in above) and name not in bound_in(source):
            missing.setdefault(HOMES[name], set()).add(name)
    for module, names in sorted(missing.items(), reverse=True):
        source = _imported(source, module, names)
    return source


def _names(annotation: str) -> set[str]:
    if not annotation:
        return set()
    tree = ast.parse(annotation, mode="eval")
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}


def _imported(source: str, module: str, names: set[str]) -> str:
    at = Positions(source)
    tree = parse_cell(source)
    for statement in tree.body if tree else ():
        if not isinstance(statement, ast.ImportFrom) or statement.module != module:
            continue
        text = at.text(statement)
        if statement.level or "(" in text or "\\" in text or "*" in text:
            continue
        old = [f"{a.name} as {a.asname}" if a.asname else a.name for a in statement.names]
        every = [*old, *sorted(names)]
        listed = sorted(every, key=str.lower) if old == sorted(old, key=str.lower) else every
        new = f"from {module} import {', '.join(listed)}"
        return splice(source, [Splice(*at.span(statement), new)])
    newline = at.newline()
    gap = "" if not source.strip() or source.lstrip().startswith(("from ", "import ")) else newline
    head = _first_code(at)
    line = f"from {module} import {', '.join(sorted(names))}{newline}{gap}"
    return source[:head] + line + source[head:]


def _first_code(at: Positions) -> int:
    """The start of the first line that is neither blank nor a comment above a blank line."""
    tree = parse_cell(at.source)
    if tree is None or not tree.body:
        return 0
    first = at.line_start(at.span(tree.body[0])[0])
    while first > 0:  # a comment right above the first statement belongs to it
        before = at.line_start(first - 1)
        if not at.source[before:first].strip().startswith("#"):
            break
        first = before
    return first
