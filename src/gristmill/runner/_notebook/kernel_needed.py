"""Does a notebook need the kernel protocol, or can the light path run it?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

PROTOCOL_MODULES = frozenset({
    "anyio", "anywidget", "asyncio", "bqplot", "comm", "ipykernel", "ipyleaflet", "ipympl",
    "ipyparallel", "ipywidgets", "jupyter_client", "nest_asyncio", "panel", "pythreejs",
    "qgrid", "tqdm.auto", "tqdm.autonotebook", "tqdm.notebook", "trio", "twisted",
    "tornado", "voila", "zmq",
})  # fmt: skip
MAGICS = frozenset({
    "alias_magic", "autoreload", "capture", "cd", "config", "dhist", "env", "load_ext",
    "matplotlib", "precision", "pwd", "reset", "set_env", "time", "timeit", "unalias",
    "unload_ext", "who", "who_ls", "whos", "xdel", "html", "javascript", "js", "latex",
    "markdown", "svg", "HTML", "SVG",
})  # fmt: skip
_MAGIC = re.compile(r"\s*(?:[\w., ]+=\s*)?%{1,2}(\w+)(.*)")


def why_kernel_needed(sources: Iterable[str]) -> str:
    """Why these cells need a real kernel; empty when they do not.

    Found without running them: widgets and comms, event loops, top-level await, the kernel object,
    exit, help with "?", and magics that are not known to be harmless.
    """
    for number, source in enumerate(sources, 1):
        if reason := _reason(source):
            return f"code cell {number} {reason}"
    return ""


def _reason(source: str) -> str:
    lines = []
    for at, line in enumerate(source.splitlines()):
        text = line.strip()
        magic = _MAGIC.match(line)
        if magic and "%" in line.partition("#")[0]:
            name, rest = magic.groups()
            if name not in MAGICS and not _is_modulo(line):
                return f"uses the magic %{name}"
            if name == "matplotlib" and rest.split() not in ([], ["inline"]):
                return f"chooses a matplotlib backend:{rest}"
            if text.startswith("%%"):
                if name in {"time", "timeit", "capture"}:
                    continue
                return ""
            lines.append(line if _is_modulo(line) else _blank(line))
        elif text.endswith("?") or text.startswith("?"):
            return "asks for help with '?'"
        elif text.startswith("!"):
            lines.append(_blank(line))
        else:
            lines.append(re.sub(r"=\s*!.*", "= None", line) if at >= 0 else line)
    try:
        tree = ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return _refused_by(tree) or _awaits(tree)


def _is_modulo(line: str) -> bool:
    try:
        ast.parse(line.strip())
    except SyntaxError:
        return False
    return True


def _blank(line: str) -> str:
    return line[: len(line) - len(line.lstrip())] + "pass"


def _refused_by(tree: ast.AST) -> str:
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Attribute) and node.attr in {"kernel", "comm_manager"}:
            if isinstance(node.value, ast.Call):
                return f"uses the {node.attr} object"
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"exit", "quit"}
        ):
            return f"calls {node.func.id}()"
        for name in names:
            if name in PROTOCOL_MODULES or name.partition(".")[0] in PROTOCOL_MODULES:
                return f"imports {name}"
    return ""


def _awaits(tree: ast.AST) -> str:
    """Awaits outside a function run in the kernel's event loop."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith):
            return "awaits in the kernel's event loop"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        pending.extend(ast.iter_child_nodes(node))
    return ""
