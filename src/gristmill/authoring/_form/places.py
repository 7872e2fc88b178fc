"""Where literals stand that could be parameters: paths, constants, numbers in calls."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gristmill.authoring._form.form import target_of
from gristmill.authoring._form.spans import Positions, walk
from gristmill.authoring._rules.cells import Parsed
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
class Place:
    """A literal: characters `start` to `end` of the cell's source; `name` is what it is called
    there, `context` by whom; `movable` whether it is the value of an assignment
    that stands alone on its lines."""

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
    places: list[Place]
    constant: Place | None = None


def constants(cells: Sequence[Parsed], own: int) -> Iterator[Place]:
    """Plain values that top-level statements outside the cell `own` give to a name once, and that
    a cell reads; each alone on its lines."""
    assigned, read = _uses(cells)
    for cell in cells:
        if cell.index == own or cell.tree is None:
            continue
        at = Positions(cell.source)
        for statement in cell.tree.body:
            found = _constant(cell, statement, at)
            if found is None or found.name.startswith("_"):
                continue
            if assigned[found.name] == 1 and found.name in read and found.movable:
                yield found


def _constant(cell: Parsed, statement: ast.stmt, at: Positions) -> Place | None:
    target = target_of(statement)
    if target is None or target[2] is None:
        return None
    value = _plain(target[2], at)
    if value is None:
        return None
    start, end = at.span(target[2])
    return Place(
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
    named = _named_paths(cells)
    found: dict[str, PathUse] = {}
    for cell in cells:
        at = Positions(cell.source)
        for node in walk(cell.tree) if cell.tree else ():
            if not isinstance(node, ast.Call):
                continue
            access, argument = access_of(node, {n: str(p.value) for n, p in named.items()})
            if access is None or is_outside(access.path) or argument is None:
                continue
            _note(found, cell, at, node, access, _inner(argument), named)
    return found


def _note(
    found: dict[str, PathUse],
    cell: Parsed,
    at: Positions,
    call: ast.Call,
    access: Access,
    literal: ast.expr,
    named: dict[str, Place],
) -> None:
    called = at.text(call.func) if len(at.text(call.func)) < 40 else "a call"
    by = called.rpartition(".")[2]
    constant = named.get(literal.id) if isinstance(literal, ast.Name) else None
    if constant is None and not (
        isinstance(literal, ast.Constant) and _plain(literal, at) is not None
    ):
        return
    use = found.setdefault(access.path, PathUse(False, False, by, []))
    if access.writes and not use.writes:
        use.by = by
    use.writes |= access.writes
    use.shows |= by in SHOWS
    if constant is not None:
        use.constant = constant
    else:
        start, end = at.span(literal)
        text = at.source[start:end]
        use.places.append(Place(cell.index, literal.lineno, start, end, text, access.path))


def _inner(argument: ast.expr) -> ast.expr:
    """The literal in `Path("x")`; the argument itself otherwise."""
    while isinstance(argument, ast.Call) and len(argument.args) == 1 and not argument.keywords:
        func = argument.func
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        if name not in PATHLIKE:
            break
        argument = argument.args[0]
    return argument


def _named_paths(cells: Sequence[Parsed]) -> dict[str, Place]:
    """Top-level names that are given a text once."""
    assigned, _ = _uses(cells)
    found = {}
    for cell in cells:
        at = Positions(cell.source)
        for statement in cell.tree.body if cell.tree else ():
            place = _constant(cell, statement, at)
            if place and isinstance(place.value, str) and assigned[place.name] == 1:
                found[place.name] = place
    return found


def arguments(cells: Sequence[Parsed]) -> Iterator[list[Place]]:
    """Numbers given to calls by keyword; the same seed everywhere is one."""
    seeds: dict[tuple[str, Any], list[Place]] = {}
    for cell in cells:
        at = Positions(cell.source)
        calls = [n for n in walk(cell.tree) if isinstance(n, ast.Call)] if cell.tree else []
        for call in sorted(calls, key=lambda c: (c.lineno, c.col_offset)):
            if _drawn(call.func):
                continue
            context = call.func.attr if isinstance(call.func, ast.Attribute) else ""
            context = call.func.id if isinstance(call.func, ast.Name) else context
            for given in call.keywords:
                value = _plain(given.value, at)
                if given.arg is None or given.arg in LAYOUT or isinstance(value, bool | str):
                    continue
                if value is None:
                    continue
                start, end = at.span(given.value)
                place = Place(
                    cell.index, given.value.lineno, start, end, at.source[start:end], value,
                    given.arg, context,
                )  # fmt: skip
                if given.arg in SEEDS:
                    seeds.setdefault((given.arg, value), []).append(place)
                else:
                    yield [place]
    yield from seeds.values()


def _drawn(func: ast.expr) -> bool:
    """Whether a call belongs to a plot."""
    while isinstance(func, ast.Attribute):
        func = func.value
    while isinstance(func, ast.Subscript | ast.Call):
        func = func.value if isinstance(func, ast.Subscript) else func.func
    return isinstance(func, ast.Name) and func.id in DRAWN_BY
