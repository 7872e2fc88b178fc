"""One vocabulary of changes to cells, for a file on disk and for a document that is open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gristmill.authoring._rules.finding import Cell
from gristmill.errors import Conflict

INSERT, SOURCE, TAG = "insert", "source", "tag"


@dataclass(frozen=True)
class Edit:
    """A change to the cell at index `cell`, in the notebook as the edits before this one left it.

    `insert` puts a code cell with the text `after` and `tags` there; `source` replaces the text
    `before` by `after`; `tag` adds `tags`.
    """

    kind: str
    cell: int
    before: str = ""
    after: str = ""
    tags: tuple[str, ...] = ()


def apply_edits(cells: Sequence[Cell], edits: Iterable[Edit]) -> tuple[Cell, ...]:
    """The cells after the edits. Raises Conflict when a cell is not what an edit expects."""
    found = list(cells)
    for edit in edits:
        if edit.kind == INSERT:
            new = Cell(edit.cell, "code", edit.after, frozenset(edit.tags), None, ())
            found.insert(edit.cell, new)
            found = [replace(cell, index=index) for index, cell in enumerate(found)]
            continue
        cell = found[edit.cell] if edit.cell < len(found) else None
        if cell is None or (edit.kind == SOURCE and cell.source != edit.before):
            raise Conflict(
                "step.changed",
                f"cell {edit.cell + 1} was changed meanwhile.",
                hint="Look at it, then try again.",
            )
        if edit.kind == SOURCE:
            found[edit.cell] = replace(cell, source=edit.after)
        else:
            found[edit.cell] = replace(cell, tags=cell.tags | frozenset(edit.tags))
    return tuple(found)
