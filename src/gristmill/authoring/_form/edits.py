"""One vocabulary of changes to cells, for a file on disk and for a document that is open."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gristmill.authoring._cells import Cell
from gristmill.errors import Conflict

INSERT, SOURCE, TAG = "insert", "source", "tag"


@dataclass(frozen=True)
class Edit:
    """A change to one cell, in the notebook as the edits before this one left it.

    Attributes
    ----------
    kind
        insert puts a code cell at `cell`; source replaces its text; tag adds tags.
    cell
        The cell's index, from 0.
    before
        The text that `source` replaces.
    after
        The new text of `source` and `insert`.
    tags
        Tags to add or to insert with.
    """

    kind: str
    cell: int
    before: str = ""
    after: str = ""
    tags: tuple[str, ...] = ()


def apply_edits(cells: Sequence[Cell], edits: Iterable[Edit]) -> tuple[Cell, ...]:
    """The cells after the edits. Raises Conflict when a cell is not what an edit expects."""
    result = list(cells)
    for edit in edits:
        if edit.kind == INSERT:
            new = Cell(edit.cell, "code", edit.after, frozenset(edit.tags), None, ())
            result.insert(edit.cell, new)
            result = [replace(cell, index=index) for index, cell in enumerate(result)]
            continue
        cell = result[edit.cell] if edit.cell < len(result) else None
        if cell is None or (edit.kind == SOURCE and cell.source != edit.before):
            raise Conflict(
                "step.changed",
                f"cell {edit.cell + 1} was changed in the meantime.",
                hint="Review the cell, then try again.",
            )
        if edit.kind == SOURCE:
            result[edit.cell] = replace(cell, source=edit.after)
        else:
            result[edit.cell] = replace(cell, tags=cell.tags | frozenset(edit.tags))
    return tuple(result)
