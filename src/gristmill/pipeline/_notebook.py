"""The part of the notebook format that planning needs, from plain JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass

from gristmill.errors import Invalid

PARAMETERS_TAG = "parameters"


@dataclass(frozen=True)
class CodeCell:
    """A code cell: its position in the notebook (from 0), its source and its tags."""

    index: int
    source: str
    tags: frozenset[str]


@dataclass(frozen=True)
class Notebook:
    """A notebook's code. `path` is relative to the project's root."""

    path: str
    kernel: str
    language: str
    cells: tuple[CodeCell, ...]

    @property
    def parameters_cell(self) -> CodeCell | None:
        return next((c for c in self.cells if PARAMETERS_TAG in c.tags), None)


def parse_notebook(text: str, path: str) -> Notebook:
    """Read the JSON `text` of a notebook; outputs and markdown are dropped.

    Raises Invalid when it is no notebook of format 4.
    """
    hint = "Open it in JupyterLab and save it again, or exclude it in gristmill.toml."
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise Invalid("notebook.syntax", f"{path}: not JSON: {error}", hint=hint) from error
    if not isinstance(raw, dict) or not isinstance(raw.get("cells"), list):
        raise Invalid("notebook.format", f"{path}: not a notebook of format 4.", hint=hint)
    metadata = raw.get("metadata") or {}
    kernelspec = metadata.get("kernelspec") or {}
    language_info = metadata.get("language_info") or {}
    language = kernelspec.get("language") or language_info.get("name") or "python"
    cells = tuple(
        CodeCell(
            index,
            _text(cell.get("source", "")),
            frozenset((cell.get("metadata") or {}).get("tags") or ()),
        )
        for index, cell in enumerate(raw["cells"])
        if isinstance(cell, dict) and cell.get("cell_type") == "code"
    )
    return Notebook(path, str(kernelspec.get("name") or "python3"), str(language).lower(), cells)


def _text(source: object) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)
