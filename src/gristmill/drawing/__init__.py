"""Drawing: numbers as SVG and HTML text, for pages, reports and widgets. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gristmill._door import door

if TYPE_CHECKING:
    from gristmill.drawing._charts import (
        LEVELS,
        Cell,
        Mark,
        Point,
        heat_map,
        level,
        over_time,
        side_by_side_bars,
        sparkline,
    )
    from gristmill.drawing._control import Dot, control_chart
    from gristmill.drawing._curves import COLOURS, Bar, Knot, Series, curves, interval
    from gristmill.drawing._document import Badge, document, macro, prepare, render
    from gristmill.drawing._words import format_amount, format_percent, format_signed, status_text
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "COLOURS",
    "LEVELS",
    "Badge",
    "Bar",
    "Cell",
    "Dot",
    "Knot",
    "Mark",
    "Point",
    "Series",
    "control_chart",
    "curves",
    "document",
    "format_amount",
    "format_percent",
    "format_signed",
    "heat_map",
    "interval",
    "level",
    "macro",
    "over_time",
    "prepare",
    "render",
    "side_by_side_bars",
    "sparkline",
    "status_text",
]
