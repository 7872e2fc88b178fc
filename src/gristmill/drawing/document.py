"""HTML documents that stand alone: no request to anybody, light and dark, legible on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from gristmill.drawing.style import CSS


class Markup(str):
    """HTML that was made here: everything else is escaped."""

    __slots__ = ()


def document(title: str, body: str, *, nav: str = "", script: str = "") -> str:
    """A whole page with the sections `body`; `nav` stands beside the product's name."""
    code = f"<script>{script}</script>" if script else ""
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<meta name='color-scheme' content='light dark'><link rel='icon' href='data:;base64,='>"
        f"<title>{escape(title)}</title><style>{CSS}</style></head><body>"
        f"<nav><b>Gristmill</b>{nav}</nav><main>{body}</main>{code}</body></html>\n"
    )


def section(title: str, body: str, text: str = "") -> str:
    words = f"<p>{escape(text)}</p>" if text else ""
    return f"<section><h2>{escape(title)}</h2>{words}{body}</section>"


def table(
    head: Sequence[str], rows: Sequence[Sequence[object]], *, label: str = "", compact: bool = False
) -> str:
    """A table that a phone shows as a list, or, if `compact`, as a table that scrolls sideways.

    Cells are escaped unless they are Markup; a head of empty words is left out. `label` names it
    to a screen reader.
    """
    named = f" aria-label='{escape(label)}'" if label else ""
    top = "".join(f"<th scope='col'>{escape(h)}</th>" for h in head)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td data-label='{escape(h)}'>{cell(v)}</td>" for h, v in zip(head, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    thead = f"<thead><tr>{top}</tr></thead>" if any(head) else ""
    if compact:
        region = f"{named} tabindex='0' role='region'" if label else ""
        return (
            f"<div class='wide'{region}><table class='compact'{named}>{thead}"
            f"<tbody>{body}</tbody></table></div>"
        )
    return f"<table{named}>{thead}<tbody>{body}</tbody></table>"


def cell(value: object) -> str:
    if isinstance(value, Markup):
        return str(value)
    if isinstance(value, float):
        return escape(f"{value:.6g}")
    return "–" if value is None else escape(str(value))


def empty(what: str, then: str) -> str:
    return f"<section class='empty'><h2>{what}</h2><p>{then}</p></section>"
