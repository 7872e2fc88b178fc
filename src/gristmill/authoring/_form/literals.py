"""Literals that could be parameters: paths, constants, numbers in calls."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gristmill.authoring._cells import Parsed
from gristmill.authoring._form.form import target_of
from gristmill.authoring._form.spans import Positions, walk
from gristmill.authoring._rules.paths import PATHLIKE, Access, access_of, is_outside

SHOWS = {"savefig", "write_image", "imsave"}
SEEDS = {"random_state", "seed"}
# keywords whose numbers say how something looks or is laid out
LAYOUT = {
    "axis", "level", "indent", "decimals", "ndigits", "figsize", "dpi", "linewidth", "lw", "width",
    "height", "fontsize", "size", "rotation", "zorder", "markersize", "s", "linewidths", "pad",
    "ncols", "nrows", "header", "index_col", "maxsplit", "stacklevel", "flags", "ddof", "labelpad",
    "precision", "verbose", "verbosity", "skiprows", "end", "hspace", "wspace", "bottom", "left",
    "right", "top", "loc", "start", "step", "maxlen", "base", "default", "labelsize", "capsize",
}  # fmt: skip
DRAWN_BY = {"plt", "ax", "axes", "fig", "sns", "px", "go", "figure", "alt", "axs"}


@dataclass(frozen=True)
class Occurrence:
    """A literal in a cell.

    Attributes
    ----------
    cell
        The cell's index, from 0.
    line
        Its line in the cell, from 1.
    start, end
        Its first character in the cell's source, and the one after its last.
    text
        How it is written.
    value
        What it is.
    name
        The name or keyword that it is given to.
    context
        The call that it is given to.
    movable
        Whether it is the value of an assignment that has its lines to itself.
    """

    cell: int
    line: int
    start: int
    end: int
    text: str
    value: Any
    name: str = ""
    context: str = ""
    movable: bool = False


@dataclass
class PathUse:
    """A literal path: how it is used, by which call, and where; `constant` is the assignment that
    names it when it has a name."""

    writes: bool
    shows: bool
    by: str
    places: list[Occurrence]
    constant: Occurrence | None = None


def constants(cells: Sequence[Parsed], parameters_index: int) -> Iterator[Occurrence]:
    """Plain values that top-level statements outside the cell `own` give to a name once, and that
    a cell reads; each alone on its lines."""
    assigned, read = _uses(cells)
    for cell in cells:
        if cell.index == parameters_index or cell.tree is None:
            continue
        at = Positions(cell.source)
        for statement in cell.tree.body:
            occurrence = _constant(cell, statement, at)
            if occurrence is None or occurrence.name.startswith("_"):
                continue
            if assigned[occurrence.name] == 1 and occurrence.name in read and occurrence.movable:
                yield occurrence


def _constant(cell: Parsed, statement: ast.stmt, at: Positions) -> Occurrence | None:
    target = target_of(statement)
    if target is None or target[2] is None:
        return None
    value = _plain(target[2], at)
    if value is None:
        return None
    start, end = at.span(target[2])
    return Occurrence(
        cell.index, statement.lineno, start, end, at.source[start:end], value, target[0],
        movable=_alone(statement, at),
    )  # fmt: skip


def _plain(node: ast.expr, at: Positions) -> Any:
    """The number, text or truth value a node is; None for anything else, and where the position
    cannot be trusted."""
    try:
        value = ast.literal_eval(node)
        again = ast.literal_eval(at.text(node))
    except (ValueError, SyntaxError, TypeError, IndexError, MemoryError, RecursionError):
        return None
    plain = isinstance(value, bool | int | float | str) and type(again) is type(value)
    return value if plain and again == value and "\n" not in at.text(node) else None


def _uses(cells: Sequence[Parsed]) -> tuple[Counter[str], set[str]]:
    """How often each name is bound anywhere, and which are read."""
    bound: Counter[str] = Counter()
    read: set[str] = set()
    for cell in cells:
        for node in ast.walk(cell.tree) if cell.tree else ():
            if isinstance(node, ast.Name):
                if isinstance(node.ctx, ast.Load):
                    read.add(node.id)
                else:
                    bound[node.id] += 1
            elif isinstance(node, ast.arg):
                bound[node.arg] += 1
            elif isinstance(node, ast.alias):
                bound[node.asname or node.name.partition(".")[0]] += 1
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                bound[node.name] += 1
            elif isinstance(node, ast.Global):
                bound.update(node.names)
    return bound, read


def _alone(statement: ast.stmt, at: Positions) -> bool:
    start, end = at.span(statement)
    behind = at.source[end : at.line_end(end)].strip()
    before = at.source[at.line_start(start) : start]
    return not before.strip() and (not behind or behind.startswith("#"))


def paths(cells: Sequence[Parsed]) -> dict[str, PathUse]:
    """Literal paths inside the project that calls read or write, by path."""
    constants_of = _named_paths(cells)
    uses: dict[str, PathUse] = {}
    for cell in cells:
        at = Positions(cell.source)
        for node in walk(cell.tree) if cell.tree else ():
            if not isinstance(node, ast.Call):
                continue
            access, argument = access_of(node, {n: str(p.value) for n, p in constants_of.items()})
            if access is None or is_outside(access.path) or argument is None:
                continue
            _note(uses, cell, at, node, access, _inner(argument), constants_of)
    return uses


def _note(
    uses: dict[str, PathUse],
    cell: Parsed,
    at: Positions,
    call: ast.Call,
    access: Access,
    literal: ast.expr,
    constants_of: dict[str, Occurrence],
) -> None:
    called = at.text(call.func) if len(at.text(call.func)) < 40 else "a call"
    by = called.rpartition(".")[2]
    constant = constants_of.get(literal.id) if isinstance(literal, ast.Name) else None
    if constant is None and not (
        isinstance(literal, ast.Constant) and _plain(literal, at) is not None
    ):
        return
    use = uses.setdefault(access.path, PathUse(False, False, by, []))
    if access.writes and not use.writes:
        use.by = by
    use.writes |= access.writes
    use.shows |= by in SHOWS
    if constant is not None:
        use.constant = constant
    else:
        start, end = at.span(literal)
        text = at.source[start:end]
        use.places.append(Occurrence(cell.index, literal.lineno, start, end, text, access.path))


def _inner(argument: ast.expr) -> ast.expr:
    """The literal in `Path("x")`; the argument itself otherwise."""
    while isinstance(argument, ast.Call) and len(argument.args) == 1 and not argument.keywords:
        func = argument.func
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        if name not in PATHLIKE:
            break
        argument = argument.args[0]
    return argument


def _named_paths(cells: Sequence[Parsed]) -> dict[str, Occurrence]:
    """Top-level names that are given a text once."""
    assigned, _ = _uses(cells)
    named = {}
    for cell in cells:
        at = Positions(cell.source)
        for statement in cell.tree.body if cell.tree else ():
            occurrence = _constant(cell, statement, at)
            if occurrence and isinstance(occurrence.value, str) and assigned[occurrence.name] == 1:
                named[occurrence.name] = occurrence
    return named


def arguments(cells: Sequence[Parsed]) -> Iterator[list[Occurrence]]:
    """Numbers given to calls by keyword; the same seed everywhere is one."""
    seeds: dict[tuple[str, Any], list[Occurrence]] = {}
    for cell in cells:
        at = Positions(cell.source)
        calls = [n for n in walk(cell.tree) if isinstance(n, ast.Call)] if cell.tree else []
        for call in sorted(calls, key=lambda c: (c.lineno, c.col_offset)):
            if _drawn(call.func):
                continue
            context = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            context = call.func.id if isinstance(call.func, ast.Name) else context
            for keyword in call.keywords:
                value = _plain(keyword.value, at)
                if keyword.arg is None or keyword.arg in LAYOUT or isinstance(value, bool | str):
                    continue
                if value is None:
                    continue
                start, end = at.span(keyword.value)
                occurrence = Occurrence(
                    cell.index, keyword.value.lineno, start, end, at.source[start:end], value,
                    keyword.arg, context,
                )  # fmt: skip
                if keyword.arg in SEEDS:
                    seeds.setdefault((keyword.arg, value), []).append(occurrence)
                else:
                    yield [occurrence]
    yield from seeds.values()


def _drawn(func: ast.expr) -> bool:
    """Whether a call belongs to a plot."""
    while isinstance(func, ast.Attribute):
        func = func.value
    while isinstance(func, ast.Subscript | ast.Call):
        func = func.value if isinstance(func, ast.Subscript) else func.func
    return isinstance(func, ast.Name) and func.id in DRAWN_BY
