"""Where a syntax tree's nodes stand in their source, as positions of characters."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

NEWLINE = re.compile(r"\r\n|\r|\n")


class Positions:
    """Turns the lines and UTF-8 columns of `ast` into offsets into `source`."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._starts = [0, *(m.end() for m in NEWLINE.finditer(source))]

    def offset(self, line: int, column: int) -> int:
        start = self._starts[line - 1]
        text = self.source[start : start + column]  # no character takes less than one byte
        return start + len(text.encode("utf-8", "surrogatepass")[:column].decode(errors="ignore"))

    def span(self, node: Any) -> tuple[int, int]:
        """First and one past the last character of a node."""
        return (
            self.offset(node.lineno, node.col_offset),
            self.offset(node.end_lineno, node.end_col_offset),
        )

    def text(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.source[start:end]

    def line_start(self, offset: int) -> int:
        return max(s for s in self._starts if s <= offset)

    def line_end(self, offset: int) -> int:
        """Where the line of `offset` ends, before its newline."""
        newline = NEWLINE.search(self.source, offset)
        return newline.start() if newline else len(self.source)

    def line_after(self, offset: int) -> int:
        """Where the next line begins; the end of the text on the last one."""
        newline = NEWLINE.search(self.source, offset)
        return newline.end() if newline else len(self.source)

    def newline(self) -> str:
        """The way this source ends its lines."""
        newline = NEWLINE.search(self.source)
        return newline[0] if newline else "\n"


@dataclass(frozen=True)
class Splice:
    """Replace the characters from `start` up to `end` by `text`."""

    start: int
    end: int
    text: str


def splice(source: str, changes: Iterable[Splice]) -> str:
    """The source with all changes made; they must not overlap."""
    for change in sorted(changes, key=lambda c: (c.start, c.end), reverse=True):
        source = source[: change.start] + change.text + source[change.end :]
    return source


def walk(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node outside f-strings, whose inner positions Python 3.11 does not tell."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if not isinstance(node, ast.JoinedStr):
            yield node
            pending += ast.iter_child_nodes(node)
