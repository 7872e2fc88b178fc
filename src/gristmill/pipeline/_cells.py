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
    """A changed cell: its index in each notebook's code cells from 0 (None: added or removed) and
    the lines of a unified diff, each beginning with "+", "-" or a space; "@@" parts what lies
    further apart."""

    before: int | None
    after: int | None
    lines: tuple[str, ...]

    @property
    def title(self) -> str:
        """Which cell it is, in words that count from 1."""
        if self.before is None:
            return f"code cell {(self.after or 0) + 1} is new"
        if self.after is None:
            return f"code cell {self.before + 1} was removed"
        moved = "" if self.before == self.after else f", now {self.after + 1}"
        return f"code cell {self.before + 1}{moved}"


def code_sources(notebook: Notebook) -> list[str]:
    """The code cells that a person wrote: not the parameters that a run injected."""
    return [c.source for c in notebook.cells if INJECTED not in c.tags]


def cell_changes(before: Sequence[str], after: Sequence[str]) -> tuple[CellChange, ...]:
    """Cells that differ in what they do; comments, layout and empty cells are no change.

    Cells are matched by their normalised code. Cells replaced one for one are shown as a diff of
    their text, others as added and removed.
    """
    old, new = _doing(before), _doing(after)
    found = []
    matcher = difflib.SequenceMatcher(
        None, [code for _, code in old], [code for _, code in new], autojunk=False
    )
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        for one, other in _pairs([c for _, c in old[i1:i2]], [c for _, c in new[j1:j2]]):
            i = None if one is None else old[i1 + one][0]
            j = None if other is None else new[j1 + other][0]
            a = [] if i is None else before[i].splitlines()
            b = [] if j is None else after[j].splitlines()
            lines = list(difflib.unified_diff(a, b, lineterm="", n=2))[3:]
            cut = tuple("@@" if line.startswith("@@") else line for line in lines)
            found.append(CellChange(i, j, cut))
    return tuple(found)


def _doing(cells: Sequence[str]) -> list[tuple[int, str]]:
    """Index and normalised code of the cells that do anything."""
    return [(i, code) for i, cell in enumerate(cells) if (code := normalise_code(cell)).strip()]


def _pairs(old: Sequence[str], new: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Join each new cell with the old one it most resembles, in order; the rest stand alone."""
    pairs: list[tuple[int | None, int | None]] = []
    at = 0
    for j, text in enumerate(new):
        ratios = [
            difflib.SequenceMatcher(None, old[i], text, autojunk=False).ratio()
            for i in range(at, len(old))
        ]
        best = max(range(len(ratios)), key=ratios.__getitem__, default=-1)
        lone = len(old) == len(new) == 1
        if best < 0 or (ratios[best] < 0.4 and not lone):
            pairs.append((None, j))
            continue
        pairs += [(i, None) for i in range(at, at + best)]
        pairs.append((at + best, j))
        at += best + 1
    return pairs + [(i, None) for i in range(at, len(old))]
