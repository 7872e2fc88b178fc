"""Code reduced to what it does: comments, formatting and layout change nothing here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

MAGIC = re.compile(r"^(\s*)([%!?].*|[^\s#'\"].*\?{1,2}\s*)$")
CELL_MAGIC = re.compile(r"^\s*%%")
ASSIGNED_MAGIC = re.compile(r"^(\s*[\w.,\s]+=\s*)([%!].*)$")
LINE_END = re.compile(r"\r\n?|\n")  # Python's own: str.splitlines knows more
RUN_MAGIC = re.compile(r"%run\s+(?:-\w+\s+)*(['\"]?)([^\s'\"]+\.py)\1")


def parse_cell(source: str) -> ast.Module | None:
    """The syntax tree of a cell, with IPython's `%`, `!` and `?` lines taken as calls.

    Parameters
    ----------
    source
        The cell's text.

    Returns
    -------
    ast.Module or None
        None for a cell magic and for text that is not Python.
    """
    if CELL_MAGIC.match(source):
        return None
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    try:
        return ast.parse(magics_as_calls(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def magics_as_calls(source: str) -> str:
    """A cell with IPython's `%`, `!` and `?` lines as calls, on the lines where they were.

    Parameters
    ----------
    source
        The cell's text.

    Returns
    -------
    str
        Python with as many lines, if the rest of the cell is Python.
    """
    return "\n".join(_call(line) for line in LINE_END.split(source))


def _call(line: str) -> str:
    """An IPython-only line as Python of the same meaning for comparison."""
    assigned = ASSIGNED_MAGIC.match(line)
    if assigned:
        return f"{assigned[1]}get_ipython().magic({assigned[2].strip()!r})"
    magic = MAGIC.match(line)
    return f"{magic[1]}get_ipython().magic({magic[2].strip()!r})" if magic else line


def normalise_code(source: str) -> str:
    """The cell in one canonical spelling; text that is not Python only loses trailing space.

    Parameters
    ----------
    source
        The text of a cell or a module.

    Returns
    -------
    str
        The same for all texts that do the same.
    """
    tree = parse_cell(source)
    if tree is None:
        return "\n".join(line.rstrip() for line in source.strip().splitlines())
    return ast.unparse(tree)


def imported_modules(source: str) -> Iterator[str]:
    """Names that a cell or module may import.

    Parameters
    ----------
    source
        The text of a cell or a module.

    Yields
    ------
    str
        Dotted names; `from a import b` gives both `a` and `a.b`. Relative imports keep their
        leading dots. Files that `%run` executes come as `./path.py`.
    """
    for match in RUN_MAGIC.finditer(source):
        yield f"./{match[2]}"
    tree = parse_cell(source)
    if tree is None:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            if node.module:
                yield base
            for alias in node.names:
                yield f"{base}.{alias.name}" if node.module else f"{base}{alias.name}"
        elif _is_import_call(node) and isinstance(node, ast.Call):
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def _is_import_call(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    name = node.func.id if isinstance(node.func, ast.Name) else name
    return name in {"import_module", "__import__"}
