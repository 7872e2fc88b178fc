"""The part of the notebook format that planning needs, from plain JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gristmill.documents import parse_json
from gristmill.errors import Invalid

PARAMETERS_TAG = "parameters"


@dataclass(frozen=True)
class CodeCell:
    """A code cell.

    Attributes
    ----------
    index
        Its position among all cells of the notebook, from 0.
    source
        Its text.
    tags
        Its tags.
    """

    index: int
    source: str
    tags: frozenset[str]


@dataclass(frozen=True)
class Notebook:
    """A notebook's code.

    Attributes
    ----------
    path
        Its path relative to the project's root.
    kernel
        The name of its kernel.
    language
        The kernel's language in lower case.
    cells
        Its code cells, in order.
    """

    path: str
    kernel: str
    language: str
    cells: tuple[CodeCell, ...]

    @property
    def parameters_cell(self) -> CodeCell | None:
        """The first code cell tagged `parameters`, None when there is none."""
        return next((c for c in self.cells if PARAMETERS_TAG in c.tags), None)


def parse_notebook(text: str, path: str) -> Notebook:
    """Read a notebook; outputs and markdown are dropped.

    Parameters
    ----------
    text
        The notebook's JSON.
    path
        Where it is, relative to the project's root.

    Returns
    -------
    Notebook
        Its code.

    Raises
    ------
    Invalid
        `notebook.syntax`, `notebook.format` or `notebook.encoding`, when it is not a notebook of
        format 4; or as `documents.parse_json` does.
    """
    hint = "Open it in JupyterLab and save it again, or exclude it in gristmill.toml."
    raw = parse_json(text, path, code="notebook.syntax", hint=hint)
    try:
        return _code(raw, path)
    except (AttributeError, KeyError, TypeError) as error:
        raise Invalid(
            "notebook.format", f"{path}: not a notebook of format 4.", hint=hint
        ) from error
    except UnicodeEncodeError as error:
        raise Invalid("notebook.encoding", f"{path}: {error}.", hint=hint) from error


def _code(raw: Any, path: str) -> Notebook:
    """Raises AttributeError, KeyError or TypeError for JSON of another shape, UnicodeEncodeError
    for halves of characters."""
    metadata = raw.get("metadata") or {}
    kernelspec = metadata.get("kernelspec") or {}
    language_info = metadata.get("language_info") or {}
    language = str(kernelspec.get("language") or language_info.get("name") or "python")
    kernel = str(kernelspec.get("name") or "python3")
    cells = tuple(
        CodeCell(
            index,
            _text(cell.get("source", "")),
            frozenset((cell.get("metadata") or {}).get("tags") or ()),
        )
        for index, cell in enumerate(_list(raw["cells"]))
        if isinstance(cell, dict) and cell.get("cell_type") == "code"
    )
    "".join([kernel, language, *(c.source for c in cells)]).encode()
    return Notebook(path, kernel, language.lower(), cells)


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _text(source: object) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)
