"""Code cells as syntax trees, with what their magics define."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.pipeline.lint.finding import Cell, Remark
from gristmill.pipeline.source import parse_cell

PYTHON_BODY = {"time", "timeit", "capture", "prun", "memit"}
FOREIGN_BODY = {
    "bash", "sh", "script", "html", "HTML", "javascript", "js", "latex", "markdown", "svg",
    "writefile", "file", "perl", "ruby", "cmd", "system", "sx",
}  # fmt: skip
RUNS_PYTHON = {"time", "timeit", "prun", "memit"}
HARMLESS = {
    "alias", "autoreload", "cat", "cd", "cls", "clear", "colors", "conda", "config", "cp",
    "debug", "dirs", "doctest_mode", "env", "hist", "history", "load_ext", "ls", "lsmagic",
    "mamba", "man", "matplotlib", "micromamba", "mkdir", "mv", "pdb", "pdef", "pdoc", "pinfo",
    "pip", "popd", "pprint", "precision", "psource", "pushd", "pwd", "rehashx", "reload_ext",
    "reset_selective", "rm", "rmdir", "set_env", "sx", "system", "tb", "unload_ext", "uv",
    "watermark", "who", "who_ls", "whos", "xmode",
}  # fmt: skip
CALLED = re.compile(r"^[%]\s*([\w]+)\s*(.*)$", re.DOTALL)


@dataclass(frozen=True)
class Magic:
    """A line or cell magic: `opaque` when it may define any name."""

    text: str
    defines: tuple[str, ...] = ()
    opaque: bool = False


@dataclass(frozen=True)
class Parsed:
    """A code cell; `tree` is None when it holds no Python."""

    index: int
    source: str
    tree: ast.Module | None
    magics: tuple[Magic, ...] = ()


def parse_cells(cells: Sequence[Cell]) -> tuple[list[Parsed], list[Remark]]:
    """Every code cell, and a remark for each that is no Python."""
    parsed, remarks = [], []
    for cell in cells:
        if cell.kind != "code":
            continue
        found = _parse(cell.index, cell.source)
        parsed.append(found)
        if found.tree is None and not found.magics and cell.source.strip():
            try:
                ast.parse(cell.source)
            except (SyntaxError, ValueError) as error:
                line = getattr(error, "lineno", None) or 1
                text = f"not Python: {getattr(error, 'msg', error)}."
                remarks.append(Remark("syntax-error", cell.index, line, text))
    return parsed, remarks


def _parse(index: int, source: str) -> Parsed:
    stripped = source.lstrip()
    if not stripped.startswith("%%"):
        tree = parse_cell(source)
        if tree is None:
            return Parsed(index, source, None)
        magics = tuple(_unfold(tree))
        return Parsed(index, source, tree, magics)
    head, _, body = stripped.partition("\n")
    name, _, rest = head[2:].strip().partition(" ")
    skipped = source[: len(source) - len(stripped)].count("\n") + 1
    if name in PYTHON_BODY:
        inner = _parse(index, "\n" * skipped + body)
        words = [w for w in rest.split() if w.isidentifier()] if name == "capture" else []
        return Parsed(index, source, inner.tree, (Magic(head, tuple(words)), *inner.magics))
    outputs = re.findall(r"--(?:out|err|proc)\s+(\w+)", rest)
    return Parsed(index, source, None, (Magic(stripped, tuple(outputs), name not in FOREIGN_BODY),))


def _unfold(tree: ast.Module) -> list[Magic]:
    """The magics of a cell; the Python that `%time` runs is put in its place in the tree."""
    magics = []
    for node in ast.walk(tree):
        text = _magic_text(node)
        if text is None:
            continue
        called = CALLED.match(text)
        if called is None:
            magics.append(Magic(text))
            continue
        name, rest = called.groups()
        if name in RUNS_PYTHON:
            magics.append(Magic(text))
            inner = parse_cell(re.sub(r"^(-\w+\s*\d*\s+)*", "", rest))
            if inner is not None:
                tree.body += [_at_line(s, node) for s in inner.body]
        else:
            magics.append(Magic(text, opaque=name not in HARMLESS))
    tree.body.sort(key=lambda s: s.lineno)
    return magics


def _at_line(statement: ast.stmt, where: ast.AST) -> ast.stmt:
    return ast.increment_lineno(statement, getattr(where, "lineno", 1) - 1)


def _magic_text(node: ast.AST) -> str | None:
    """The text of `get_ipython().magic(text)`, as `parse_cell` writes magics."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "magic"
        and isinstance(node.func.value, ast.Call)
        and isinstance(node.func.value.func, ast.Name)
        and node.func.value.func.id == "get_ipython"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ):
        return str(node.args[0].value)
    return None
