"""Drawing: numbers as SVG and HTML text, for pages, reports and widgets. Pure."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.drawing._charts import (
        LEVELS,
        ControlPoint,
        HeatCell,
        Mark,
        Point,
        colour_level,
        control_chart,
        heat_map,
        over_time,
        side_by_side_bars,
        sparkline,
    )
    from gristmill.drawing._curves import (
        SERIES_COLOURS,
        Bar,
        Knot,
        Series,
        curve_chart,
        interval_chart,
    )
    from gristmill.drawing._document import Badge, compile_templates, document, render, render_macro
    from gristmill.drawing._formatting import (
        format_amount,
        format_percent,
        format_signed,
        status_text,
    )
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "LEVELS",
    "SERIES_COLOURS",
    "Badge",
    "Bar",
    "ControlPoint",
    "HeatCell",
    "Knot",
    "Mark",
    "Point",
    "Series",
    "colour_level",
    "compile_templates",
    "control_chart",
    "curve_chart",
    "document",
    "format_amount",
    "format_percent",
    "format_signed",
    "heat_map",
    "interval_chart",
    "over_time",
    "render",
    "render_macro",
    "side_by_side_bars",
    "sparkline",
    "status_text",
]
