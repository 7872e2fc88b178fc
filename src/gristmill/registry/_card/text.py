"""A card and its sections, as Markdown and as HTML. Pure."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from gristmill.drawing import document, render

SHORT = 30


@dataclass(frozen=True)
class Section:
    """A part of a card.

    Attributes
    ----------
    title, text
        Its heading and a paragraph.
    head, rows
        A table, when there is a head.
    points
        A list.
    figure
        SVG, which Markdown leaves out: the table says the same.
    """

    title: str
    text: str = ""
    head: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    points: tuple[str, ...] = ()
    figure: Markup | None = None

    def html(self) -> Markup:
        """The section as HTML."""
        compact = all(len(str(c)) <= SHORT for row in self.rows for c in row)
        return render("registry/card_section.html", section=self, compact=compact)

    def markdown(self) -> str:
        """The section as Markdown."""
        parts = [f"## {_cell(self.title)}"]
        if self.text:
            parts.append(_cell(self.text))
        if self.points:
            parts.append("\n".join(f"- {_cell(p)}" for p in self.points))
        if self.head:
            rule = "|" + " --- |" * len(self.head)
            parts.append("\n".join([_row(self.head), rule, *map(_row, self.rows)]))
        return "\n\n".join(parts)


@dataclass(frozen=True)
class Card:
    """The model card of a version.

    Attributes
    ----------
    title
        The version.
    sections
        What it says.
    """

    title: str
    sections: tuple[Section, ...]

    def markdown(self) -> str:
        """The card as Markdown."""
        return (
            "\n\n".join([f"# {_cell(self.title)}", *(s.markdown() for s in self.sections)]) + "\n"
        )

    def page(self) -> str:
        """The card as one self-contained HTML file."""
        return document("registry/card.html", title=self.title, sections=self.blocks())

    def blocks(self) -> list[Markup]:
        """Each section as HTML."""
        return [section.html() for section in self.sections]


def _row(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(_cell(c) for c in cells) + " |"


def _cell(value: Any) -> str:
    """A value that neither breaks a table nor smuggles markup in."""
    text = html.escape("–" if value is None else str(value), quote=False)
    for mark in "\\`*_[]|#":
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())
