"""Charts of models against each other: curves in the unit square, intervals around nought.

Series differ by colour and by the dashes of their line; what a picture shows stands beside it as
text or table too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from gristmill.drawing._svg import finish, line, start, text
from gristmill.drawing._words import format_signed

SIZE = 250
LEFT, TOP = 50, 8
COLOURS = 6


@dataclass(frozen=True)
class Knot:
    """A point of a curve that is drawn as a dot and says `title`."""

    x: float
    y: float
    title: str


@dataclass(frozen=True)
class Series:
    """A curve through `points` (x, y), with dots at `knots`; `colour` counts from nought."""

    name: str
    points: Sequence[tuple[float, float]]
    knots: Sequence[Knot] = ()
    colour: int = 0


@dataclass(frozen=True)
class Bar:
    """A value with its interval; `kind` is better, worse or even."""

    name: str
    value: float
    low: float
    high: float
    kind: str


def curves(
    series: Sequence[Series],
    label: str,
    across: str,
    up: str,
    *,
    chance: tuple[tuple[float, float], tuple[float, float]] | None = None,
    top: float = 1.0,
) -> Markup:
    """Curves in the square from 0 to `top`; `chance` are the ends of a dashed line."""

    def place(x: float, y: float) -> tuple[float, float]:
        return LEFT + SIZE * x / top, TOP + SIZE * (1 - y / top)

    width, height = LEFT + SIZE + 14, TOP + SIZE + 42
    parts = [start(width, height, label)]
    gap = 0.2 if top > 0.5 else 0.1 if top > 0.2 else 0.05
    for step in range(round(top / gap) + 1):
        value = min(top, gap * step)
        x, y = place(value, value)
        parts.append(line("axis" if step == 0 else "grid", LEFT, y, LEFT + SIZE, y))
        parts.append(text(LEFT - 7, y + 4, f"{value:.2g}", "end"))
        parts.append(text(x, TOP + SIZE + 17, f"{value:.2g}", "middle"))
    if chance:
        (x1, y1), (x2, y2) = place(*chance[0]), place(*chance[1])
        parts.append(line("chance", x1, y1, x2, y2))
    for one in series:
        kind = f"s{one.colour % COLOURS}"
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*p) for p in one.points))
        parts.append(
            f'<polyline class="{kind} curve" points="{points}">'
            f"<title>{escape(one.name)}</title></polyline>"
        )
        for knot in one.knots:
            x, y = place(knot.x, knot.y)
            parts.append(
                f'<circle class="{kind} knot" cx="{x:.1f}" cy="{y:.1f}" r="4">'
                f"<title>{escape(knot.title)}</title></circle>"
            )
    parts.append(text(LEFT + SIZE / 2, height - 5, across, "middle"))
    middle = TOP + SIZE / 2
    parts.append(f'<g transform="rotate(-90 11 {middle})">{text(11, middle, up, "middle")}</g>')
    return finish(parts)


def interval(bar: Bar) -> Markup:
    """A difference with its interval about nought, small enough for a line of a table.

    The scale is its own: what shows is on which side of nought it lies and how surely.
    """
    width, height = 132, 22
    reach = max(abs(bar.low), abs(bar.high), 1e-12) * 1.12
    y, middle = height / 2, width / 2
    low, value, high = (middle + middle * v / reach for v in (bar.low, bar.value, bar.high))
    bounds = f"{format_signed(bar.low)} to {format_signed(bar.high)}"
    title = f"{bar.name}: {format_signed(bar.value)} ({bounds})"
    return finish(
        (
            start(width, height, title, fixed=True),
            line("axis", middle, 1, middle, height - 1),
            f'<g class="{bar.kind}"><title>{escape(title)}</title>',
            line("whisker", low, y, high, y),
            f'<circle class="knot" cx="{value:.1f}" cy="{y:.1f}" r="4.5"/></g>',
        )
    )
