"""Charts of the monitoring pages: heat map, metric over time, control chart, distributions. Pure.

Colours are CSS classes, so one drawing serves light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from gristmill.drawing._formatting import format_amount, format_percent
from gristmill.drawing._svg import close_svg, line, open_svg, text, ticks

WIDTH = 760
SPACED = 76
SPARK = 12  # windows
LEVELS = (0.02, 0.05, 0.1, 0.2, 0.35)


@dataclass(frozen=True)
class HeatCell:
    """A square of the heat map.

    Attributes
    ----------
    value
        The share of moved rows, from 0 to 1; None where nothing is known.
    drifted
        Whether the feature drifted.
    title
        What the square says when pointed at.
    """

    value: float | None
    drifted: bool
    title: str


@dataclass(frozen=True)
class Point:
    """A value with its interval.

    Attributes
    ----------
    x
        The window's place on the axis, from 0.
    value, low, high
        The value and its bounds.
    title
        What the point says when pointed at.
    """

    x: int
    value: float
    low: float
    high: float
    title: str


@dataclass(frozen=True)
class Mark:
    """A line with a text before a window.

    Attributes
    ----------
    x
        The window's place on the axis, from 0.
    text
        What happened.
    """

    x: int
    text: str


def colour_level(value: float) -> int:
    """Which of the six steps of colour a share of moved rows gets.

    Parameters
    ----------
    value
        The share, from 0 to 1.

    Returns
    -------
    int
        0 to 5.
    """
    return sum(value >= edge for edge in LEVELS)


def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    cells: Sequence[Sequence[HeatCell]],
    marks: list[Mark],
) -> Markup:
    """Features down, windows across; a dot says that the feature drifted.

    Parameters
    ----------
    rows
        Names of the features.
    columns
        Labels of the windows.
    cells
        One row of squares for each feature.
    marks
        What happened before which window.

    Returns
    -------
    Markup
        SVG.
    """
    left, top, high = 132, 22 if marks else 6, 22
    wide = min(120.0, max(7.0, (WIDTH - left - 8) / max(1, len(columns))))
    width = max(float(WIDTH), left + wide * len(columns) + 8)
    bottom = top + high * len(rows)
    parts = [open_svg(width, bottom + 26, "Share of rows that moved, by feature and window")]
    for y, name in enumerate(rows):
        short = name if len(name) <= 18 else name[:17] + "…"
        parts.append(text(left - 8, top + high * y + 15, short, "end", title=name))
        for x, cell in enumerate(cells[y]):
            kind = "none" if cell.value is None else f"h{colour_level(cell.value)}"
            x0, y0 = left + wide * x, top + high * y
            parts.append(
                f'<rect class="{kind}" x="{x0:.1f}" y="{y0}" width="{wide - 1.5:.1f}" '
                f'height="{high - 2}" rx="2"><title>{escape(cell.title)}</title></rect>'
            )
            if cell.drifted:
                parts.append(
                    f'<circle class="dot" cx="{x0 + wide / 2 - 0.75:.1f}" cy="{y0 + 10}" r="2.6"/>'
                )
    parts += _axis(columns, left, wide, bottom + 16)
    parts += _marks(marks, left, wide, 4, bottom)
    return close_svg(parts)


def over_time(
    columns: Sequence[str],
    points: Sequence[Point],
    promised: Sequence[tuple[int, int, float]],
    marks: list[Mark],
    name: str,
    estimated: Sequence[Point] = (),
) -> Markup:
    """A metric with its interval at each window.

    Parameters
    ----------
    columns
        Labels of the windows.
    points
        Measured values.
    promised
        Spans of windows (first, last) and the value measured before registration.
    marks
        What happened before which window.
    name
        The metric.
    estimated
        Values estimated before labels arrived.

    Returns
    -------
    Markup
        SVG.
    """
    left, top, height = 56, 24, 170
    wide = (WIDTH - left - 12) / max(1, len(columns))
    shown = [v for p in points for v in (p.low, p.high)] + [v for *_, v in promised]
    shown += [p.value for p in estimated]
    low, top_value = min(shown), max(shown)
    pad = (top_value - low) * 0.12 or 0.01
    low, top_value = low - pad, top_value + pad

    def y(value: float) -> float:
        return top + height * (top_value - value) / (top_value - low)

    def x(position: float) -> float:
        return left + wide * (position + 0.5)

    parts = [open_svg(WIDTH, top + height + 30, f"{name} by window")]
    for value in ticks(low, top_value):
        parts.append(
            f'<line class="grid" x1="{left}" x2="{WIDTH - 12}" y1="{y(value):.1f}" '
            f'y2="{y(value):.1f}"/>'
        )
        parts.append(text(left - 8, y(value) + 4, f"{value:.3g}", "end"))
    for first, last, value in promised:
        parts.append(
            f'<line class="promise" x1="{x(first - 0.5):.1f}" x2="{x(last + 0.5):.1f}" '
            f'y1="{y(value):.1f}" y2="{y(value):.1f}"><title>before registration: '
            f"{format_amount(value)}</title></line>"
        )
    guess = " ".join(f"{x(p.x):.1f},{y(p.value):.1f}" for p in estimated)
    parts.append(f'<polyline class="guess" points="{guess}"/>')
    parts += [
        f'<circle class="guessed" cx="{x(p.x):.1f}" cy="{y(p.value):.1f}" r="3.5">'
        f"<title>{escape(p.title)}</title></circle>"
        for p in estimated
    ]
    measured = " ".join(f"{x(p.x):.1f},{y(p.value):.1f}" for p in points)
    parts.append(f'<polyline class="line" points="{measured}"/>')
    for p in points:
        parts.append(
            f'<line class="interval" x1="{x(p.x):.1f}" x2="{x(p.x):.1f}" y1="{y(p.low):.1f}" '
            f'y2="{y(p.high):.1f}"/><circle class="point" cx="{x(p.x):.1f}" '
            f'cy="{y(p.value):.1f}" r="4"><title>{escape(p.title)}</title></circle>'
        )
    parts += _axis(columns, left, wide, top + height + 20)
    parts += _marks(marks, left, wide, 4, top + height)
    return close_svg(parts)


def side_by_side_bars(
    labels: Sequence[str], reference: Sequence[float], window: Sequence[float]
) -> Markup:
    """Shares of rows by bin, the reference beside the window.

    Parameters
    ----------
    labels
        Names of the bins.
    reference, window
        Shares from 0 to 1, one for each bin.

    Returns
    -------
    Markup
        SVG.
    """
    left, width, high = 128, 360, 21
    most = max([*reference, *window, 1e-9])
    parts = [open_svg(width, high * len(labels) + 6, "Share of rows by value, in training and now")]
    for i, (label, before, after) in enumerate(zip(labels, reference, window, strict=True)):
        y = high * i + 4
        short = label if len(label) <= 18 else label[:17] + "…"
        shares = f"{format_percent(before)} in training, {format_percent(after)} now"
        title = f"<title>{escape(label)}: {shares}</title>"
        parts.append(text(left - 8, y + 12, short, "end", title=label))
        for kind, value, offset in (("then", before, 0), ("now", after, 8)):
            size = (width - left - 48) * value / most
            parts.append(
                f'<rect class="{kind}" x="{left}" y="{y + offset}" width="{max(size, 0.5):.1f}" '
                f'height="7" rx="1.5">{title}</rect>'
            )
        far = left + (width - left - 48) * max(before, after) / most + 5
        parts.append(text(far, y + 12, format_percent(after), "start"))
    return close_svg(parts)


def sparkline(values: Sequence[float | None]) -> Markup:
    """Bars of shares on a line, one a window, with room for those to come.

    The whole height stands for a quarter of the features, or the largest share when it is more.

    Parameters
    ----------
    values
        Shares from 0 to 1; None leaves a gap.

    Returns
    -------
    Markup
        SVG.
    """
    wide, height = 7, 26
    whole = max(SPARK, len(values)) * wide
    most = max([0.25, *(value for value in values if value is not None)])
    parts = [
        open_svg(whole, height, "drifted features by window", fixed=True),
        f'<line class="grid" x1="0" x2="{whole}" y1="{height - 0.5}" y2="{height - 0.5}"/>',
    ]
    for i, value in enumerate(values):
        kind = "none" if value is None else f"h{colour_level(value)}"
        size = 2.0 if value is None else max(2.0, height * value / most)
        title = "inconclusive" if value is None else f"{format_percent(value)} of features drifted"
        parts.append(
            f'<rect class="{kind}" x="{i * wide}" y="{height - size:.1f}" width="5" '
            f'height="{size:.1f}"><title>{title}</title></rect>'
        )
    return close_svg(parts)


@dataclass(frozen=True)
class ControlPoint:
    """A window of a control chart.

    Attributes
    ----------
    label
        Its day.
    value
        How many standard deviations off, up being worse.
    limit
        The control limit, in the same unit.
    kind
        beyond (the limit), marked (by a rule) or plain.
    title
        What the point says when pointed at.
    """

    label: str
    value: float
    limit: float
    kind: str
    title: str


def control_chart(name: str, points: Sequence[ControlPoint]) -> Markup:
    """An EWMA control chart: points joined by a line, and the limit.

    Parameters
    ----------
    name
        The metric.
    points
        The windows, oldest first; those beyond the limit, and those with a pattern, are marked.

    Returns
    -------
    Markup
        SVG.
    """
    left, top, height = 56, 10, 110
    wide = (WIDTH - left - 12) / max(1, len(points))
    shown = [0.0, *(d.value for d in points), *(d.limit for d in points)]
    low, high = min(shown), max(shown)
    pad = (high - low) * 0.12 or 0.5
    low, high = low - pad, high + pad

    def y(value: float) -> float:
        return top + height * (high - value) / (high - low)

    def x(i: int) -> float:
        return left + wide * (i + 0.5)

    parts = [open_svg(WIDTH, top + height + 30, f"Control chart of {name}")]
    parts.append(line("grid", left, y(0), WIDTH - 12, y(0)))
    parts.append(text(left - 8, y(0) + 4, "0", "end"))
    if points:
        edge = points[-1].limit
        parts.append(line("bound", left, y(edge), WIDTH - 12, y(edge)))
        parts.append(text(left - 8, y(edge) + 4, f"{edge:.1f}", "end"))
    joined = " ".join(f"{x(i):.1f},{y(d.value):.1f}" for i, d in enumerate(points))
    parts.append(f'<polyline class="line" points="{joined}"/>')
    for i, point in enumerate(points):
        radius = 3.5 if point.kind == "plain" else 5
        parts.append(
            f'<circle class="point {point.kind}" cx="{x(i):.1f}" cy="{y(point.value):.1f}" '
            f'r="{radius}"><title>{escape(point.title)}</title></circle>'
        )
    parts += _axis([d.label for d in points], left, wide, top + height + 20)
    return close_svg(parts)


def _axis(columns: Sequence[str], left: float, wide: float, y: float) -> list[str]:
    """Labels of windows, as many as fit."""
    every = max(1, -(-len(columns) * SPACED // max(1, int(wide * len(columns)))))
    edge = left + wide * len(columns) - SPACED / 2 + 10
    return [
        text(left + wide * (i + 0.5), y, label, "middle")
        for i, label in enumerate(columns)
        if i % every == 0 and (left + wide * (i + 0.5) <= edge or len(columns) == 1)
    ]


def _marks(marks: list[Mark], left: float, wide: float, top: float, bottom: float) -> list[str]:
    parts = []
    for mark in marks:
        x = left + wide * mark.x - 1
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
        parts.append(text(x + 4, top + 9, mark.text, "start", kind="marked"))
    return parts
