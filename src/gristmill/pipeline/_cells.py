"""Which code cells of two notebooks do different things. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.pipeline._notebook import Notebook
from gristmill.pipeline._source import normalise_code

INJECTED = "injected-parameters"


@dataclass(frozen=True)
class CellChange:
    """A code cell that differs between two notebooks.

    Attributes
    ----------
    before
        Its index among the first notebook's code cells, from 0; None for a cell that was added.
    after
        Its index among the second notebook's code cells; None for a cell that was removed.
    lines
        A unified diff; each line begins with "+", "-" or a space, and "@@" separates hunks.
    """

    before: int | None
    after: int | None
    lines: tuple[str, ...]

    @property
    def title(self) -> str:
        """Which cell it is, counted from 1."""
        if self.before is None:
            return f"code cell {(self.after or 0) + 1} is new"
        if self.after is None:
            return f"code cell {self.before + 1} was removed"
        moved = "" if self.before == self.after else f", now {self.after + 1}"
        return f"code cell {self.before + 1}{moved}"


def code_sources(notebook: Notebook) -> list[str]:
    """The code cells that a person wrote, without the parameters that a run injected.

    Parameters
    ----------
    notebook
        The notebook.

    Returns
    -------
    list of str
        The cells' sources, in order.
    """
    return [c.source for c in notebook.cells if INJECTED not in c.tags]


def cell_changes(before: Sequence[str], after: Sequence[str]) -> tuple[CellChange, ...]:
    """Cells that differ in what they do; comments, layout and empty cells do not count.

    Cells are matched by their normalised code. Cells replaced one for one are shown as a diff of
    their text, others as added and removed.

    Parameters
    ----------
    before, after
        The code cells of the two notebooks, as `code_sources` returns them.

    Returns
    -------
    tuple of CellChange
        In the order of the cells.
    """
    old, new = _effective_cells(before), _effective_cells(after)
    changes = []
    matcher = difflib.SequenceMatcher(
        None, [code for _, code in old], [code for _, code in new], autojunk=False
    )
    for operation, i1, i2, j1, j2 in matcher.get_opcodes():
        if operation == "equal":
            continue
        for old_index, new_index in _pairs([c for _, c in old[i1:i2]], [c for _, c in new[j1:j2]]):
            i = None if old_index is None else old[i1 + old_index][0]
            j = None if new_index is None else new[j1 + new_index][0]
            a = [] if i is None else before[i].splitlines()
            b = [] if j is None else after[j].splitlines()
            lines = list(difflib.unified_diff(a, b, lineterm="", n=2))[3:]
            cut = tuple("@@" if line.startswith("@@") else line for line in lines)
            changes.append(CellChange(i, j, cut))
    return tuple(changes)


def _effective_cells(cells: Sequence[str]) -> list[tuple[int, str]]:
    """Index and normalised code of the cells that do anything."""
    return [(i, code) for i, cell in enumerate(cells) if (code := normalise_code(cell)).strip()]


def _pairs(old: Sequence[str], new: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Pair each new cell with the old one it most resembles, in order; the rest stand alone."""
    pairs: list[tuple[int | None, int | None]] = []
    next_old = 0
    for j, text in enumerate(new):
        ratios = [
            difflib.SequenceMatcher(None, old[i], text, autojunk=False).ratio()
            for i in range(next_old, len(old))
        ]
        best = max(range(len(ratios)), key=ratios.__getitem__, default=-1)
        only_pair = len(old) == len(new) == 1
        if best < 0 or (ratios[best] < 0.4 and not only_pair):
            pairs.append((None, j))
            continue
        pairs += [(i, None) for i in range(next_old, next_old + best)]
        pairs.append((next_old + best, j))
        next_old += best + 1
    return pairs + [(i, None) for i in range(next_old, len(old))]
