"""A notebook's cells as saved, and its code cells as syntax trees with what their magics define."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gristmill.pipeline import LINE_END, magics_as_calls, parse_cell

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
TRANSPARENT = RUNS_PYTHON | HARMLESS  # define no names of their own
CALLED = re.compile(r"^[%]\s*([\w]+)\s*(.*)$", re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """A cell as saved. `count` is its execution count, `outputs` the texts of its outputs."""

    index: int
    kind: str
    source: str
    tags: frozenset[str]
    count: int | None
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Magic:
    """A line or cell magic: `opaque` when it may define any name."""

    text: str
    defines: tuple[str, ...] = ()
    opaque: bool = False


@dataclass(frozen=True)
class Parsed:
    """A code cell; `tree` is None when it holds no Python, or none that this Python reads. `text`
    is its Python with magics as calls, on the lines where they were; None when it holds none."""

    index: int
    source: str
    tree: ast.Module | None
    magics: tuple[Magic, ...] = ()
    text: str | None = None

    @property
    def unread(self) -> bool:
        """Whether it should be Python that this Python does not read."""
        return self.tree is None and self.text is not None


def read_cells(raw: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Every cell of a notebook's JSON with the text of what it printed and showed."""
    return tuple(
        Cell(
            index,
            str(cell.get("cell_type")),
            joined(cell.get("source", "")),
            _tags(cell.get("metadata")),
            cell.get("execution_count"),
            tuple(_texts(cell.get("outputs"))),
        )
        for index, cell in enumerate(raw["cells"])
        if isinstance(cell, dict)
    )


def _tags(metadata: Any) -> frozenset[str]:
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return (
        frozenset(t for t in tags if isinstance(t, str)) if isinstance(tags, list) else frozenset()
    )


def _texts(outputs: Any) -> list[str]:
    texts = []
    for output in outputs if isinstance(outputs, list) else ():
        if not isinstance(output, dict):
            continue
        texts += [joined(output[k]) for k in ("text", "traceback", "evalue") if k in output]
        data = output.get("data")
        for kind, value in data.items() if isinstance(data, dict) else ():
            if not kind.startswith(("image/", "audio/", "video/")):
                texts.append(joined(value))
    return texts


def joined(value: Any) -> str:
    return "".join(map(str, value)) if isinstance(value, list) else str(value)


def parse_cells(cells: Sequence[Cell]) -> list[Parsed]:
    """Every code cell."""
    return [_parse(cell.index, cell.source) for cell in cells if cell.kind == "code"]


def _parse(index: int, source: str) -> Parsed:
    stripped = source.lstrip()
    if not stripped.startswith("%%"):
        tree = parse_cell(source)
        if tree is None:
            return Parsed(index, source, None, text=magics_as_calls(source))
        return _unfold(index, source, tree)
    head, _, body = stripped.partition("\n")
    name, _, rest = head[2:].strip().partition(" ")
    skipped = source[: len(source) - len(stripped)].count("\n")
    if name in PYTHON_BODY:
        setup = _python_argument(rest) if name == "timeit" else ""
        inner = _parse(index, "\n" * skipped + f"{setup}\n" + body)
        words = [w for w in rest.split() if w.isidentifier()] if name == "capture" else []
        magics = (Magic(head, tuple(words)), *inner.magics)
        return Parsed(index, source, inner.tree, magics, inner.text)
    outputs = re.findall(r"--(?:out|err|proc)\s+(\w+)", rest)
    return Parsed(index, source, None, (Magic(stripped, tuple(outputs), name not in FOREIGN_BODY),))


def _unfold(index: int, source: str, tree: ast.Module) -> Parsed:
    """A cell with the Python that `%time` and its like run in the place of their lines."""
    magics = []
    lines: list[str] | None = None
    for node in ast.walk(tree):
        magic_text = _magic_text(node)
        if magic_text is None:
            continue
        called = CALLED.match(magic_text)
        name = called[1] if called else ""
        magics.append(Magic(magic_text, opaque=called is not None and name not in TRANSPARENT))
        lines = lines or LINE_END.split(magics_as_calls(source))
        if called and name in RUNS_PYTHON and (python := _python_argument(called[2])):
            number = getattr(node, "lineno", 1) - 1
            before, _, _ = lines[number].partition("get_ipython().magic(")
            lines[number] = before + python
    if lines is None:
        return Parsed(index, source, tree, text=source)
    text = "\n".join(lines)
    return Parsed(index, source, parse_cell(text) or tree, tuple(magics), text)


def _python_argument(rest: str) -> str:
    """What follows a magic's options, "" when it is not Python."""
    python = re.sub(r"^(-\w+\s*\d*\s+)*", "", rest)
    return python if parse_cell(python) is not None else ""


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
