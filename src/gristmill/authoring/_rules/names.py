"""Undefined names: a notebook as one Python module, and what a checker of names said about it.

The checker (ruff's rule F821) knows Python's scopes. What it cannot know of notebooks is written
into the module for it: names that magics define, and a star import wherever a cell may define
anything (`exec`, `%run`, an unknown magic, a cell that is not Python), after which it is silent.
"""

from __future__ import annotations

import ast
import re
import symtable
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from gristmill.authoring._cells import Parsed
from gristmill.authoring._rules.finding import Remark

# What IPython adds to Python's builtins.
PREDEFINED = (
    "In", "Out", "_", "__", "___", "_i", "_ii", "_iii", "_ih", "_oh", "_dh", "get_ipython",
    "display", "exit", "quit", "__IPYTHON__", "__builtin__", "__builtins__", "__annotations__",
    "__session__",
)  # fmt: skip
HISTORY = re.compile(r"_i?\d+")
ANY_NAMES = "from __anything__ import *"
FUTURE = "from __future__ import annotations"
OPAQUE_CALLS = {"exec", "globals", "locals", "vars"}
OPAQUE_TEXT = re.compile(r"\b(?:exec|globals|locals|vars)\s*\(|\bget_ipython\b")
CATCHES_NAME_ERRORS = {"NameError", "Exception", "BaseException"}
SIMPLE = (ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return)
LAZY = (ast.Lambda, ast.GeneratorExp)
Span = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True)
class PythonSource:
    """Text to check, and the version of Python that will run it, None for the one that checks."""

    text: str
    version: tuple[int, int] | None = None


@dataclass(frozen=True)
class Diagnostic:
    """What a checker said; `line` and `column` from 1, `end_column` exclusive."""

    line: int
    column: int
    end_column: int
    message: str


@dataclass(frozen=True)
class Program:
    """The Python of all cells in order. `origins` has the cell and the line in it of each line."""

    lines: tuple[str, ...] = ()
    origins: tuple[tuple[int, int], ...] = ()

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


def build_program(cells: Sequence[Parsed], unreadable: AbstractSet[int] = frozenset()) -> Program:
    """One module of a notebook's cells.

    Parameters
    ----------
    cells
        The code cells in order.
    unreadable
        Indices of cells with syntax errors: they may define anything.

    Returns
    -------
    Program
        Lines of all cells, with definitions and star imports that stand for what Python's own
        rules do not see.
    """
    lines: list[str] = []
    origins: list[tuple[int, int]] = []

    def add(text: str, cell: int, line: int) -> None:
        lines.append(text)
        origins.append((cell, line))

    if any(FUTURE in cell.source for cell in cells):  # holds for all cells that run after it
        add(FUTURE, -1, 0)
    functions: dict[str, tuple[str, ...]] = {}
    for cell in cells:
        if cell.index in unreadable or (cell.text is None and any(m.opaque for m in cell.magics)):
            add(ANY_NAMES, cell.index, 1)
        elif cell.text is not None:
            before = _inserted(cell, functions)
            for number, line in enumerate(_split(cell.text), 1):
                for text, origin in before.get(number, ()):
                    add(text, cell.index, origin)
                add(line, cell.index, number)
        for name in (name for magic in cell.magics for name in magic.defines):
            add(f"{name} = None", cell.index, 1)
    return Program(tuple(lines), tuple(origins))


def undefined_names(
    program: Program, cells: Sequence[Parsed], diagnostics: Iterable[Diagnostic]
) -> list[Remark]:
    """A remark for each cell and name that a checker found undefined in `program`.

    Parameters
    ----------
    program
        What was checked.
    cells
        The cells it was built from.
    diagnostics
        Places of undefined names in the program's text.

    Returns
    -------
    list of Remark
        In the order of cells, with a hint that names the cell that defines the name later.
    """
    missing: dict[tuple[int, str], int] = {}
    excused = {cell.index: _excused(cell) for cell in cells}
    for diagnostic in diagnostics:
        text = program.lines[diagnostic.line - 1]
        name = text[diagnostic.column - 1 : diagnostic.end_column - 1]
        cell, line = program.origins[diagnostic.line - 1]
        where = (line, diagnostic.column)
        if HISTORY.fullmatch(name) or any(a <= where < b for a, b in excused.get(cell, ())):
            continue
        missing[cell, name] = min(line, missing.get((cell, name), line))
    defined = _defined_in(cells)
    remarks = []
    for (cell, name), line in sorted(missing.items(), key=lambda m: (m[0][0], m[1])):
        first = defined.get(name)
        if first is None:
            text, hint = f"`{name}` is not defined.", "Define or import it in a cell above."
        elif first > cell:
            text = f"`{name}` is used before cell {first + 1} defines it."
            hint = "Move that cell up: notebooks run from top to bottom."
        else:
            text = f"`{name}` is used where it is not defined yet or was deleted."
            hint = "Define it before this line."
        remarks.append(Remark("undefined-name", cell, line, text, hint))
    return remarks


def _split(text: str) -> list[str]:
    return re.split(r"\r\n?|\n", text)


def _inserted(
    cell: Parsed, functions: dict[str, tuple[str, ...]]
) -> Mapping[int, list[tuple[str, int]]]:
    """By line of a cell: text to put before it, with the line it stands for.

    `functions` has the names that functions of the cells so far read when they are called, and is
    brought up to date.
    """
    inserted: dict[int, list[tuple[str, int]]] = {}
    if cell.tree is None:
        if OPAQUE_TEXT.search(cell.text or ""):
            inserted[1] = [(ANY_NAMES, 1)]
        return inserted
    opaque_magics = {magic.text for magic in cell.magics if magic.opaque}
    reads = _global_reads(cell)
    for line, own, statement in _statements(cell.tree):
        asked = _asked_for(statement)
        inserted.setdefault(line, []).extend((f"{name} = None", line) for name in asked)
        if _defines_anything(statement, opaque_magics):
            inserted[line].append((ANY_NAMES, line))
        if own and isinstance(statement, SIMPLE):
            inserted[line] += [
                (name, call.lineno)
                for call in _eager(statement)
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
                for name in functions.get(call.func.id, ())
            ]
        for name in _stored(statement):
            functions.pop(name, None)
        if isinstance(statement, ast.FunctionDef):
            functions[statement.name] = reads.get(statement.name, ())
    return inserted


def _statements(tree: ast.Module) -> Iterator[tuple[int, bool, ast.stmt]]:
    """Top-level statements with a line before which text may be put, and whether it is where the
    statement itself begins."""
    start = end = 0
    for statement in tree.body:
        decorators = getattr(statement, "decorator_list", [])
        first = min([statement.lineno, *(d.lineno for d in decorators)])
        own = first > end
        start = first if own else start
        end = statement.end_lineno or first
        yield start, own, statement


def _eager(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that are evaluated with `node`, not those of functions and generators in it."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, LAZY):
            yield from _eager(child)


def _stored(statement: ast.stmt) -> Iterator[str]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]


def _global_reads(cell: Parsed) -> dict[str, tuple[str, ...]]:
    """Names from outside that a call of each function of a cell reads for certain."""
    table = _symbols(cell)
    if table is None or cell.tree is None:
        return {}
    scopes = {
        (scope.get_name(), scope.get_lineno()): scope
        for scope in table.get_children()
        if scope.get_type() == "function"
    }
    reads = {}
    for node in cell.tree.body:
        scope = scopes.get((getattr(node, "name", ""), node.lineno))
        if scope is None or not isinstance(node, ast.FunctionDef) or node.decorator_list:
            continue
        if not any(isinstance(inside, ast.Yield | ast.YieldFrom) for inside in ast.walk(node)):
            outside = {s.get_name() for s in scope.get_symbols() if s.is_global()}
            reads[node.name] = tuple(n for n in _certain_reads(node) if n in outside)
    return reads


def _certain_reads(function: ast.FunctionDef) -> dict[str, None]:
    names: dict[str, None] = {}
    for statement in function.body:
        if isinstance(statement, SIMPLE):
            names |= {
                node.id: None
                for node in _unconditional(statement)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
            }
        if any(isinstance(n, ast.Return | ast.Raise) for n in ast.walk(statement)):
            break
    return names


def _unconditional(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of an expression that are evaluated whatever values it meets."""
    yield node
    if isinstance(node, ast.IfExp):
        children: list[ast.AST] = [node.test]
    elif isinstance(node, ast.BoolOp):
        children = [node.values[0]]
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp):
        children = [node.generators[0].iter]
    elif isinstance(node, ast.AnnAssign):  # a function does not evaluate annotations
        children = [node.value] if node.value else []
    else:
        children = [c for c in ast.iter_child_nodes(node) if not isinstance(c, LAZY)]
    for child in children:
        yield from _unconditional(child)


def _defines_anything(statement: ast.stmt, opaque_magics: AbstractSet[str]) -> bool:
    asks = {id(node) for test in _name_tests(statement) for node in ast.walk(test)}
    for node in ast.walk(statement):
        if not isinstance(node, ast.Call) or id(node) in asks:
            continue
        func = node.func
        if isinstance(func, ast.Name) and func.id in OPAQUE_CALLS and not _asks_an_object(node):
            return True
        if (
            isinstance(func, ast.Attribute)
            and isinstance(func.value, ast.Call)
            and isinstance(func.value.func, ast.Name)
            and func.value.func.id == "get_ipython"
        ):
            text = node.args[0] if func.attr == "magic" and node.args else None
            if not isinstance(text, ast.Constant) or text.value in opaque_magics:
                return True
    return False


def _asks_an_object(call: ast.Call) -> bool:
    """Whether it is `vars(something)`, which has nothing to do with the notebook's names."""
    return isinstance(call.func, ast.Name) and call.func.id == "vars" and bool(call.args)


def _name_tests(statement: ast.stmt) -> list[ast.Compare]:
    """Comparisons like `"x" in globals()`: who asks knows that the name may be absent."""
    return [
        node
        for node in ast.walk(statement)
        if isinstance(node, ast.Compare)
        and isinstance(node.left, ast.Constant)
        and isinstance(node.left.value, str)
        and isinstance(node.comparators[0], ast.Call)
        and isinstance(node.comparators[0].func, ast.Name)
        and node.comparators[0].func.id in {*OPAQUE_CALLS, "dir"}
    ]


def _asked_for(statement: ast.stmt) -> list[str]:
    names = [ast.literal_eval(test.left) for test in _name_tests(statement)]
    return [name for name in names if name.isidentifier()]


def _excused(cell: Parsed) -> list[Span]:
    """Where a cell may name what is undefined: in a text, which only a checker takes for
    an annotation, and where a handler catches it."""
    if cell.tree is None:
        return []
    spans = []
    parts = {
        id(part) for n in ast.walk(cell.tree) if isinstance(n, ast.JoinedStr) for part in n.values
    }
    for node in ast.walk(cell.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            spans.append(_span(node, node))
        elif isinstance(node, ast.Try | ast.TryStar) and any(_catches(h) for h in node.handlers):
            spans.append(_span(node.body[0], node.body[-1]))
    lines = [line.encode() for line in _split(cell.text or "")]
    return [(_in_characters(start, lines), _in_characters(end, lines)) for start, end in spans]


def _span(first: ast.expr | ast.stmt, last: ast.expr | ast.stmt) -> Span:
    end = (last.end_lineno or last.lineno, last.end_col_offset or last.col_offset)
    return (first.lineno, first.col_offset), end


def _in_characters(position: tuple[int, int], lines: Sequence[bytes]) -> tuple[int, int]:
    """A line and column from 1, where `ast` counts bytes from 0."""
    line, column = position
    return line, len(lines[line - 1][:column].decode(errors="ignore")) + 1


def _catches(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or any(
        isinstance(node, ast.Name) and node.id in CATCHES_NAME_ERRORS
        for node in ast.walk(handler.type)
    )


def _symbols(cell: Parsed) -> symtable.SymbolTable | None:
    try:
        return symtable.symtable(cell.text or "", "cell", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _defined_in(cells: Sequence[Parsed]) -> dict[str, int]:
    """The first cell that defines each top-level name."""
    first_cell: dict[str, int] = {}
    for cell in cells:
        for name in (name for magic in cell.magics for name in magic.defines):
            first_cell.setdefault(name, cell.index)
        table = _symbols(cell)
        for symbol in table.get_symbols() if table else ():
            if symbol.is_assigned() or symbol.is_imported():
                first_cell.setdefault(symbol.get_name(), cell.index)
    return first_cell
