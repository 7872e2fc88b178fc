"""The third-party modules that a project's notebooks import."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from gristmill.documents import NOTEBOOK_BYTES, parse_json, read_text
from gristmill.errors import Invalid

SKIPPED_FOLDERS = {".git", ".gristmill", ".ipynb_checkpoints", ".venv", "venv", "node_modules"}
MAX_NOTEBOOKS = 500


def third_party_imports(sources: Iterable[str], project_root: Path) -> tuple[str, ...]:
    """The third-party modules that code imports, sorted and without repeats.

    `from a import b` yields `a.b`, as does the use of `a.b` after `import a`: whether `b` is a
    module is known only to the interpreter that imports it.

    Parameters
    ----------
    sources
        Cells or modules. One that does not parse after its magics are removed adds nothing.
    project_root
        Modules in it, or in its `src`, are the project's own and left out.

    Returns
    -------
    tuple
        Dotted names.
    """
    names: set[str] = set()
    for source in sources:
        try:
            tree = ast.parse(_without_magics(source))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        names.update(_imports(tree))
    local = _local_modules(project_root)
    return tuple(sorted(name for name in names if _is_third_party(name.partition(".")[0], local)))


def notebook_sources(path: Path) -> tuple[str, ...]:
    """Source of every code cell; nothing for a file that is not a notebook in Python."""
    try:
        notebook = parse_json(
            read_text(path, path.name, largest=NOTEBOOK_BYTES), path.name, code="", hint=""
        )
        language = notebook["metadata"].get("kernelspec", {}).get("language", "python")
        if language != "python":
            return ()
        return tuple(
            "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"
        )
    except (Invalid, OSError, KeyError, TypeError, AttributeError):
        return ()


def project_root(directory: Path) -> Path:
    """The nearest folder upwards with a `gristmill.toml`, else `directory` itself."""
    directory = directory.resolve()
    for folder in (directory, *directory.parents):
        if (folder / "gristmill.toml").is_file():
            return folder
    return directory


def project_preload(root: Path) -> tuple[str, ...]:
    """Third-party modules of all notebooks under `root` (only directly in it without settings)."""
    recursive = (root / "gristmill.toml").is_file()
    sources = (
        source
        for path in _notebooks(root, recursive=recursive)
        for source in notebook_sources(path)
    )
    return third_party_imports(sources, root)


def _notebooks(root: Path, *, recursive: bool) -> Iterator[Path]:
    count = 0
    folders = [root]
    while folders:
        for path in sorted(folders.pop().iterdir()):
            if path.is_dir():
                if recursive and path.name not in SKIPPED_FOLDERS and not path.is_symlink():
                    folders.append(path)
            elif path.suffix == ".ipynb":
                count += 1
                if count > MAX_NOTEBOOKS:
                    return
                yield path


def _without_magics(source: str) -> str:
    if source.lstrip().startswith("%%"):
        return ""
    lines = source.splitlines()
    return "\n".join(
        line[: len(line) - len(line.lstrip())] + "pass" if line.lstrip()[:1] in ("%", "!") else line
        for line in lines
    )


def _imports(tree: ast.AST) -> Iterator[str]:
    bound: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name
                name = alias.asname or alias.name.partition(".")[0]
                bound[name] = alias.name if alias.asname else name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            for alias in node.names:
                if alias.name != "*":
                    yield f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in bound
        ):
            yield f"{bound[node.value.id]}.{node.attr}"


def _local_modules(root: Path) -> set[str]:
    names = set()
    for folder in (root, root / "src"):
        if folder.is_dir():
            for path in folder.iterdir():
                if path.suffix == ".py":
                    names.add(path.stem)
                elif path.is_dir() and path.name.isidentifier():
                    names.add(path.name)
    return names


def _is_third_party(top: str, local: set[str]) -> bool:
    return top not in local and top not in sys.stdlib_module_names and top != "__future__"
