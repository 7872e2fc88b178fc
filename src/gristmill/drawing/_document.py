"""HTML from templates: whole pages that load nothing from elsewhere, and parts of them.

`ROOM/NAME` is the file `templates/NAME` of the folder ROOM of this package. Values are escaped
unless they are `markupsafe.Markup`, and a name that a template misses is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from gristmill.drawing._formatting import format_percent

if TYPE_CHECKING:
    from jinja2 import Environment

PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Badge:
    """A short text in a colour.

    Attributes
    ----------
    text
        The text.
    kind
        The class of the style that gives its colour.
    pill
        Whether it has a border.
    """

    text: str
    kind: str
    pill: bool = False


def document(template: str, **values: Any) -> str:
    """A whole page.

    Parameters
    ----------
    template
        ROOM/NAME of a template that extends `drawing/page.html`.
    values
        What the template names.

    Returns
    -------
    str
        HTML that stands alone.
    """
    return _environment().get_template(template).render(**values)


def render(template: str, **values: Any) -> Markup:
    """A part of a page, or of a widget.

    Parameters
    ----------
    template
        ROOM/NAME of the template.
    values
        What the template names.

    Returns
    -------
    Markup
        HTML that other templates take as it is.
    """
    return Markup(document(template, **values))  # noqa: S704  the template escaped its values


def render_macro(template: str, name: str, *values: Any) -> Markup:
    """A part that is a macro of a template.

    Parameters
    ----------
    template
        ROOM/NAME of the template.
    name
        The macro's name.
    values
        Its arguments.

    Returns
    -------
    Markup
        HTML that other templates take as it is.
    """
    part: Markup = getattr(_environment().get_template(template).module, name)(*values)
    return part


def compile_templates(room: str) -> None:
    """Compile a room's pages, so that the first visitor of a server need not wait for that.

    Parameters
    ----------
    room
        A folder of this package that has `templates`.
    """
    environment = _environment()
    for name in environment.list_templates(extensions=["html"]):
        if name.startswith((f"{room}/", "drawing/")):
            environment.get_template(name)


@cache
def _environment() -> Environment:
    """Imported late: a command that draws no page must not wait for Jinja."""
    from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined

    folders = PACKAGE.glob("*/templates")
    environment = Environment(
        loader=PrefixLoader({f.parent.name: FileSystemLoader(f) for f in folders}),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"day": _day, "percent": format_percent}
    environment.tests["badge"] = _is_badge
    return environment


def _is_badge(value: object) -> bool:
    return isinstance(value, Badge)


def _day(moment: datetime) -> str:
    return f"{moment:%-d %b %Y}"
