"""Charts of models against each other: curves in the unit square, intervals around zero.

Series differ by colour and by the dashes of their line; what a chart shows is also given as text
or as a table beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from gristmill.drawing._formatting import format_signed
from gristmill.drawing._svg import close_svg, line, open_svg, text

SIZE = 250
LEFT, TOP = 50, 8
SERIES_COLOURS = 6


@dataclass(frozen=True)
class Knot:
    """A point of a curve that is drawn as a dot.

    Attributes
    ----------
    x, y
        Where, in the curve's units.
    title
        What the dot says when pointed at.
    """

    x: float
    y: float
    title: str


@dataclass(frozen=True)
class Series:
    """A curve.

    Attributes
    ----------
    name
        What it says when pointed at.
    points
        (x, y) in order.
    knots
        Points drawn as dots.
    colour
        The number of its colour, from 0.
    """

    name: str
    points: Sequence[tuple[float, float]]
    knots: Sequence[Knot] = ()
    colour: int = 0


@dataclass(frozen=True)
class Bar:
    """A value with its interval.

    Attributes
    ----------
    name
        What it is the value of.
    value, low, high
        The value and its bounds.
    kind
        better, worse or even.
    """

    name: str
    value: float
    low: float
    high: float
    kind: str


def curve_chart(
    series: Sequence[Series],
    label: str,
    across: str,
    up: str,
    *,
    chance: tuple[tuple[float, float], tuple[float, float]] | None = None,
    top: float = 1.0,
) -> Markup:
    """Curves in the square from 0 to `top`.

    Parameters
    ----------
    series
        The curves.
    label
        What a screen reader says.
    across, up
        Names of the axes.
    chance
        Ends of a dashed line, None for none.
    top
        The end of both axes.

    Returns
    -------
    Markup
        SVG.
    """

    def position(x: float, y: float) -> tuple[float, float]:
        return LEFT + SIZE * x / top, TOP + SIZE * (1 - y / top)

    width, height = LEFT + SIZE + 14, TOP + SIZE + 42
    parts = [open_svg(width, height, label)]
    gap = 0.2 if top > 0.5 else 0.1 if top > 0.2 else 0.05
    for step in range(round(top / gap) + 1):
        value = min(top, gap * step)
        x, y = position(value, value)
        parts.append(line("axis" if step == 0 else "grid", LEFT, y, LEFT + SIZE, y))
        parts.append(text(LEFT - 7, y + 4, f"{value:.2g}", "end"))
        parts.append(text(x, TOP + SIZE + 17, f"{value:.2g}", "middle"))
    if chance:
        (x1, y1), (x2, y2) = position(*chance[0]), position(*chance[1])
        parts.append(line("chance", x1, y1, x2, y2))
    for curve in series:
        kind = f"s{curve.colour % SERIES_COLOURS}"
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (position(*p) for p in curve.points))
        parts.append(
            f'<polyline class="{kind} curve" points="{points}">'
            f"<title>{escape(curve.name)}</title></polyline>"
        )
        for knot in curve.knots:
            x, y = position(knot.x, knot.y)
            parts.append(
                f'<circle class="{kind} knot" cx="{x:.1f}" cy="{y:.1f}" r="4">'
                f"<title>{escape(knot.title)}</title></circle>"
            )
    parts.append(text(LEFT + SIZE / 2, height - 5, across, "middle"))
    middle = TOP + SIZE / 2
    parts.append(f'<g transform="rotate(-90 11 {middle})">{text(11, middle, up, "middle")}</g>')
    return close_svg(parts)


def interval_chart(bar: Bar) -> Markup:
    """A difference with its interval about zero, small enough for a line of a table.

    The scale is its own: it shows on which side of zero the difference is and how surely.

    Parameters
    ----------
    bar
        The difference.

    Returns
    -------
    Markup
        SVG.
    """
    width, height = 132, 22
    reach = max(abs(bar.low), abs(bar.high), 1e-12) * 1.12
    y, middle = height / 2, width / 2
    low, value, high = (middle + middle * v / reach for v in (bar.low, bar.value, bar.high))
    bounds = f"{format_signed(bar.low)} to {format_signed(bar.high)}"
    title = f"{bar.name}: {format_signed(bar.value)} ({bounds})"
    return close_svg(
        (
            open_svg(width, height, title, fixed=True),
            line("axis", middle, 1, middle, height - 1),
            f'<g class="{bar.kind}"><title>{escape(title)}</title>',
            line("whisker", low, y, high, y),
            f'<circle class="knot" cx="{value:.1f}" cy="{y:.1f}" r="4.5"/></g>',
        )
    )
