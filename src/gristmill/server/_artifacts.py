"""`gristmill/kept`: what runs left, read only: executed notebooks and logs.

They lie in the project's hidden state, which Jupyter's own contents do not show. A log is what the
cells of the executed notebook printed as text, and what else their process printed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gristmill.errors import Forbidden, NotFound
from gristmill.runner import strip_ansi
from gristmill.server._handlers import ApiRequest, Route

LARGEST = 256 << 20


def read(request: ApiRequest) -> dict[str, Any]:
    """A file of a run as Jupyter's contents describe one."""
    runs = (request.project.state / "runs").resolve()
    run, name = request.names["run"], request.names["file"]
    path = (runs / run / name).resolve()
    if path.parent.parent != runs or path.suffix not in {".ipynb", ".log"}:
        raise Forbidden("kept.outside", f"{run}/{name} is neither a notebook nor a log of a run.")
    files = [f for f in (path.with_suffix(".ipynb"), path) if f.resolve() == f and f.is_file()]
    if not files or (path not in files and path.suffix != ".log"):
        raise NotFound(
            "kept.not-found",
            f"run {run} left no {name}.",
            hint="The run may have stopped before that step.",
        )
    if max(f.stat().st_size for f in files) > LARGEST:
        raise Forbidden("kept.too-large", f"{name} has more than {LARGEST >> 20} MB.")
    content = _log(path) if path.suffix == ".log" else _notebook(path)
    return {**_model(files[0], f"{run}/{name}"), **content}


def _model(path: Path, name: str) -> dict[str, Any]:
    stat = path.stat()
    changed = datetime.fromtimestamp(stat.st_mtime, UTC)
    return {
        "name": name.rpartition("/")[2],
        "path": name,
        "created": changed,
        "last_modified": changed,
        "size": stat.st_size,
        "writable": False,
    }


def _log(path: Path) -> dict[str, Any]:
    parts = list(_printed(path.with_suffix(".ipynb")))
    if path.is_file():
        parts.append(path.read_text(encoding="utf-8", errors="replace"))
    text = "\n".join(filter(None, parts)) or "Nothing was printed.\n"
    return {"type": "file", "format": "text", "mimetype": "text/plain", "content": text}


def _printed(path: Path) -> Iterator[str]:
    if not path.is_file():
        return
    import nbformat

    for number, cell in enumerate(nbformat.read(path, as_version=4).cells, 1):
        text = "".join(map(_text, cell.get("outputs", ())))
        if text:
            yield f"--- cell {number} ---\n{strip_ansi(text).rstrip()}\n"


def _text(output: Any) -> str:
    if output.output_type == "error":
        return "\n".join(output.traceback) + "\n"
    text = output.get("text") or output.get("data", {}).get("text/plain", "")
    return text if output.output_type == "stream" else f"{text}\n"


def _notebook(path: Path) -> dict[str, Any]:
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata["trusted"] = False  # so that no output runs as a script
    return {"type": "notebook", "format": "json", "mimetype": None, "content": notebook}


ROUTES = [Route("GET", "kept/{run}/{file}", read)]
