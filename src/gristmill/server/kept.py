"""`gristmill/kept`: what runs left, read only: executed notebooks and logs.

They lie in the project's hidden state, which Jupyter's own contents do not show.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gristmill.errors import Forbidden, NotFound
from gristmill.server.routes import Asked, Route

LARGEST = 256 << 20


def read(asked: Asked) -> dict[str, Any]:
    """A file of a run as Jupyter's contents describe one."""
    runs = (asked.project.state / "runs").resolve()
    run, name = asked.names["run"], asked.names["file"]
    path = (runs / run / name).resolve()
    if path.parent.parent != runs or path.suffix not in {".ipynb", ".log"}:
        raise Forbidden("kept.outside", f"{run}/{name} is neither a notebook nor a log of a run.")
    if not path.is_file():
        raise NotFound(
            "kept.not-found", f"run {run} left no {name}.", hint="It may not have come so far."
        )
    if path.stat().st_size > LARGEST:
        raise Forbidden("kept.too-large", f"{name} has more than {LARGEST >> 20} MB.")
    return {**_model(path, f"{run}/{name}"), **(_content(path))}


def _model(path: Path, name: str) -> dict[str, Any]:
    stat = path.stat()
    changed = datetime.fromtimestamp(stat.st_mtime, UTC)
    return {
        "name": path.name,
        "path": name,
        "created": changed,
        "last_modified": changed,
        "size": stat.st_size,
        "writable": False,
    }


def _content(path: Path) -> dict[str, Any]:
    if path.suffix == ".log":
        text = path.read_text(encoding="utf-8", errors="replace")
        return {"type": "file", "format": "text", "mimetype": "text/plain", "content": text}
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata["trusted"] = False  # so that no output runs as a script
    return {"type": "notebook", "format": "json", "mimetype": None, "content": notebook}


ROUTES = [Route("GET", "kept/{run}/{file}", read)]
