"""A card's sections as Markdown and as HTML. Pure."""

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
    """A title, a paragraph, a list, and a table when there is a head. `figure` is SVG, which
    Markdown leaves out: the table says the same."""

    title: str
    text: str = ""
    head: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    points: tuple[str, ...] = ()
    figure: Markup | None = None


def markdown(title: str, sections: Sequence[Section]) -> str:
    def row(cells: Sequence[Any]) -> str:
        return "| " + " | ".join(_cell(c) for c in cells) + " |"

    parts = [f"# {_cell(title)}"]
    for part in sections:
        parts.append(f"## {_cell(part.title)}")
        if part.text:
            parts.append(_cell(part.text))
        if part.points:
            parts.append("\n".join(f"- {_cell(p)}" for p in part.points))
        if part.head:
            rule = "|" + " --- |" * len(part.head)
            parts.append("\n".join([row(part.head), rule, *map(row, part.rows)]))
    return "\n\n".join(parts) + "\n"


def card_page(title: str, sections: Sequence[Section]) -> str:
    """One self-contained file."""
    return document("registry/card.html", title=title, sections=[card_block(s) for s in sections])


def card_block(section: Section) -> Markup:
    """A section as HTML."""
    compact = all(len(str(c)) <= SHORT for row in section.rows for c in row)
    return render("registry/card_section.html", section=section, compact=compact)


def _cell(value: Any) -> str:
    """A value that neither breaks a table nor smuggles markup in."""
    text = html.escape("–" if value is None else str(value), quote=False)
    for mark in "\\`*_[]|#":
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())
