"""A name of a notebook given another one, in every cell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from gristmill.authoring._cells import Cell, parse_cells
from gristmill.authoring._form.edits import SOURCE, Edit
from gristmill.authoring._form.spans import Positions, Splice, splice
from gristmill.errors import Conflict

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def names_in(cell: Cell) -> set[str]:
    """Every name a code cell uses or binds, attributes and keywords left out."""
    if cell.kind != "code":
        return set()
    parsed = parse_cells([cell])
    tree = parsed[0].tree
    if tree is None:
        return set(re.findall(r"\w+", cell.source))
    return {n for node in ast.walk(tree) for n in _names(node)} | {
        word for magic in parsed[0].magics for word in re.findall(r"\w+", magic.text)
    }


def bound_in(source: str) -> set[str]:
    """The names that a cell's own statements import or assign."""
    parsed = parse_cells([Cell(0, "code", source, frozenset(), None, ())])
    tree = parsed[0].tree
    names = set()
    for statement in tree.body if tree else ():
        for node in ast.walk(statement):
            if isinstance(node, ast.alias):
                names.add(node.asname or node.name.partition(".")[0])
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
    return names


def rename_edits(cells: Sequence[Cell], old: str, new: str) -> list[Edit]:
    """Edits that rename the global `old`. Raises Conflict where text cannot tell what is meant:
    another scope binds the name, or a magic or a query's text mentions it."""
    edits = []
    for cell in cells:
        if cell.kind != "code" or old not in cell.source:
            continue
        parsed = parse_cells([cell])
        tree = parsed[0].tree
        if tree is None:
            if re.search(rf"\b{re.escape(old)}\b", cell.source):
                raise _unsure(old, cell, 1, "is mentioned in a cell that is not plain Python")
            continue
        for magic in parsed[0].magics:
            if re.search(rf"\b{re.escape(old)}\b", magic.text):
                raise _unsure(old, cell, 1, "is mentioned in a magic")
        _refuse_doubt(tree, old, cell)
        after = _renamed(cell, tree, old, new)
        if after != cell.source:
            edits.append(Edit(SOURCE, cell.index, cell.source, after))
    return edits


def _renamed(cell: Cell, tree: ast.Module, old: str, new: str) -> str:
    at = Positions(cell.source)
    word = re.compile(rf"(?<![\w.]){re.escape(old)}(?!\w)")
    changes: dict[int, Splice] = {}
    expected = sum(isinstance(n, ast.Name) and n.id == old for n in ast.walk(tree))
    for node, within in _outside(tree):
        if within is None:
            if isinstance(node, ast.Name) and node.id == old:
                start, end = at.span(node)
                changes[start] = Splice(start, end, new)
        else:
            start, end = at.span(within)
            for match in word.finditer(cell.source, start, end):
                changes[match.start()] = Splice(match.start(), match.end(), new)
    after = splice(cell.source, changes.values())
    again = parse_cells([Cell(cell.index, "code", after, cell.tags, None, ())])[0].tree
    for n in ast.walk(tree):
        if isinstance(n, ast.Name) and n.id == old:
            n.id = new
    if expected and (again is None or ast.dump(again) != ast.dump(tree)):
        raise _unsure(old, cell, 1, "is also part of a text that a rename would change")
    return after


def _outside(tree: ast.AST) -> Iterator[tuple[ast.AST, ast.JoinedStr | None]]:
    """Every node; those inside an f-string with the f-string, whose insides have no positions."""
    pending: list[tuple[ast.AST, ast.JoinedStr | None]] = [(tree, None)]
    while pending:
        node, within = pending.pop()
        if within is None and isinstance(node, ast.JoinedStr):
            within = node
        yield node, within
        pending += [(child, within) for child in ast.iter_child_nodes(node)]


def _refuse_doubt(tree: ast.Module, old: str, cell: Cell) -> None:
    queried = re.compile(rf"@{re.escape(old)}\b")
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 1)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if queried.search(node.value):
                raise _unsure(old, cell, line, "is mentioned in a query's text")
        elif isinstance(node, (*SCOPES, *COMPREHENSIONS)) and _binds(node, old):
            raise _unsure(old, cell, line, "is also a local name in a function or comprehension")
        elif not isinstance(node, ast.Name) and old in _names(node):
            raise _unsure(old, cell, line, "is also defined by an import, a function or a class")


def _binds(scope: ast.AST, name: str) -> bool:
    return any(
        (isinstance(n, ast.arg) and n.arg == name)
        or (isinstance(n, ast.Name) and n.id == name and not isinstance(n.ctx, ast.Load))
        for n in ast.walk(scope)
    )


def _names(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.arg):
        return {node.arg}
    if isinstance(node, ast.alias):
        return {node.asname or node.name.partition(".")[0]}
    if isinstance(node, ast.Global | ast.Nonlocal):
        return set(node.names)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return {node.name} if node.name else set()
    return set()


def _unsure(name: str, cell: Cell, line: int, why: str) -> Conflict:
    return Conflict(
        "parameter.rename",
        f"`{name}` {why}: cell {cell.index + 1}, line {line}.",
        hint="Rename it by hand at that line first.",
    )
