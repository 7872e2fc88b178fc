"""Which code cells of two notebooks do different things. Pure."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from gristmill.pipeline.notebook import CodeCell, Notebook
from gristmill.pipeline.source import normalise

INJECTED = "injected-parameters"


@dataclass(frozen=True)
class CellChange:
    """A run of cells that differs: positions among the code cells (from 1) on either side, and
    the lines of a diff, each beginning with "+", "-" or a space."""

    notebook: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    lines: tuple[str, ...]


def changed_cells(before: Notebook | None, after: Notebook | None) -> tuple[CellChange, ...]:
    """What must change in `before` to get `after`; None stands for no notebook.

    Comments, formatting, outputs and the parameters that a run injected change nothing.
    """
    old, new = _cells(before), _cells(after)
    name = (after or before or Notebook("", "", "", ())).path
    matcher = difflib.SequenceMatcher(
        None, [normalise(c.source) for c in old], [normalise(c.source) for c in new], autojunk=False
    )
    found = []
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal":
            continue
        lines = list(difflib.ndiff(_lines(old[a:b]), _lines(new[c:d]), charjunk=lambda _: False))
        found.append(
            CellChange(
                name,
                tuple(range(a + 1, b + 1)),
                tuple(range(c + 1, d + 1)),
                tuple(f"{line[0]}{line[2:]}" for line in lines if line[0] in "+- "),
            )
        )
    return tuple(found)


def _cells(notebook: Notebook | None) -> list[CodeCell]:
    cells = notebook.cells if notebook else ()
    return [c for c in cells if INJECTED not in c.tags and c.source.strip()]


def _lines(cells: list[CodeCell]) -> list[str]:
    return [line for cell in cells for line in cell.source.splitlines()]
