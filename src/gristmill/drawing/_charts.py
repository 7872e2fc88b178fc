"""Charts of the monitoring pages: heat map, figure over time with its interval, then and now. Pure.

Colours are CSS classes, so one drawing serves light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from gristmill.drawing._svg import finish, start, text, ticks
from gristmill.drawing._words import format_amount, format_percent

WIDTH = 760
SPACED = 76
SPARK = 12  # windows
LEVELS = (0.02, 0.05, 0.1, 0.2, 0.35)


@dataclass(frozen=True)
class Cell:
    """A square of the heat map: `value` is the share of moved rows, None where nothing is known."""

    value: float | None
    drifted: bool
    title: str


@dataclass(frozen=True)
class Point:
    """A figure with its interval, at a place on the axis (0 is the first window)."""

    x: int
    value: float
    low: float
    high: float
    title: str


@dataclass(frozen=True)
class Mark:
    """Something that happened before the window at `x`."""

    x: int
    text: str


def level(value: float) -> int:
    """Which of the six steps of colour a share of moved rows gets."""
    return sum(value >= edge for edge in LEVELS)


def heat_map(
    rows: Sequence[str], columns: Sequence[str], cells: Sequence[Sequence[Cell]], marks: list[Mark]
) -> Markup:
    """Features down, windows across. A dot says that the feature drifted."""
    left, top, high = 132, 22 if marks else 6, 22
    wide = min(120.0, max(7.0, (WIDTH - left - 8) / max(1, len(columns))))
    width = max(float(WIDTH), left + wide * len(columns) + 8)
    bottom = top + high * len(rows)
    parts = [start(width, bottom + 26, "Share of rows that moved, by feature and window")]
    for y, name in enumerate(rows):
        short = name if len(name) <= 18 else name[:17] + "…"
        parts.append(text(left - 8, top + high * y + 15, short, "end", title=name))
        for x, cell in enumerate(cells[y]):
            kind = "none" if cell.value is None else f"h{level(cell.value)}"
            x0, y0 = left + wide * x, top + high * y
            parts.append(
                f'<rect class="{kind}" x="{x0:.1f}" y="{y0}" width="{wide - 1.5:.1f}" '
                f'height="{high - 2}" rx="2"><title>{escape(cell.title)}</title></rect>'
            )
            if cell.drifted:
                parts.append(
                    f'<circle class="dot" cx="{x0 + wide / 2 - 0.75:.1f}" cy="{y0 + 10}" r="2.6"/>'
                )
    parts += axis(columns, left, wide, bottom + 16)
    parts += _marks(marks, left, wide, 4, bottom)
    return finish(parts)


def over_time(
    columns: Sequence[str],
    points: Sequence[Point],
    promised: Sequence[tuple[int, int, float]],
    marks: list[Mark],
    name: str,
    estimated: Sequence[Point] = (),
) -> Markup:
    """A figure with its interval at each window. `promised` are spans of windows (first, last) and
    the value measured before registration; `estimated` is what was expected before labels."""
    left, top, height = 56, 24, 170
    wide = (WIDTH - left - 12) / max(1, len(columns))
    shown = [v for p in points for v in (p.low, p.high)] + [v for *_, v in promised]
    shown += [p.value for p in estimated]
    low, top_value = min(shown), max(shown)
    pad = (top_value - low) * 0.12 or 0.01
    low, top_value = low - pad, top_value + pad

    def y(value: float) -> float:
        return top + height * (top_value - value) / (top_value - low)

    def x(place: float) -> float:
        return left + wide * (place + 0.5)

    parts = [start(WIDTH, top + height + 30, f"{name} by window")]
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
    line = " ".join(f"{x(p.x):.1f},{y(p.value):.1f}" for p in points)
    parts.append(f'<polyline class="line" points="{line}"/>')
    for p in points:
        parts.append(
            f'<line class="interval" x1="{x(p.x):.1f}" x2="{x(p.x):.1f}" y1="{y(p.low):.1f}" '
            f'y2="{y(p.high):.1f}"/><circle class="point" cx="{x(p.x):.1f}" '
            f'cy="{y(p.value):.1f}" r="4"><title>{escape(p.title)}</title></circle>'
        )
    parts += axis(columns, left, wide, top + height + 20)
    parts += _marks(marks, left, wide, 4, top + height)
    return finish(parts)


def side_by_side_bars(labels: Sequence[str], then: Sequence[float], now: Sequence[float]) -> Markup:
    """Shares of rows by bin, the reference beside the window."""
    left, width, high = 128, 360, 21
    most = max([*then, *now, 1e-9])
    parts = [start(width, high * len(labels) + 6, "Share of rows by value, in training and now")]
    for i, (label, before, after) in enumerate(zip(labels, then, now, strict=True)):
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
    return finish(parts)


def sparkline(values: Sequence[float | None]) -> Markup:
    """Bars of shares on a line, one a window, with room for those to come; None leaves a gap.

    The whole height stands for a quarter of the features, or the largest share when it is more.
    """
    wide, height = 7, 26
    whole = max(SPARK, len(values)) * wide
    most = max([0.25, *(value for value in values if value is not None)])
    parts = [
        start(whole, height, "drifted features by window", fixed=True),
        f'<line class="grid" x1="0" x2="{whole}" y1="{height - 0.5}" y2="{height - 0.5}"/>',
    ]
    for i, value in enumerate(values):
        kind = "none" if value is None else f"h{level(value)}"
        size = 2.0 if value is None else max(2.0, height * value / most)
        title = "inconclusive" if value is None else f"{format_percent(value)} of features drifted"
        parts.append(
            f'<rect class="{kind}" x="{i * wide}" y="{height - size:.1f}" width="5" '
            f'height="{size:.1f}"><title>{title}</title></rect>'
        )
    return finish(parts)


def axis(columns: Sequence[str], left: float, wide: float, y: float) -> list[str]:
    """Labels of windows, as many as fit."""
    every = max(1, -(-len(columns) * SPACED // max(1, int(wide * len(columns)))))
    edge = left + wide * len(columns) - SPACED / 2 + 10
    return [
        text(left + wide * (i + 0.5), y, words, "middle")
        for i, words in enumerate(columns)
        if i % every == 0 and (left + wide * (i + 0.5) <= edge or len(columns) == 1)
    ]


def _marks(marks: list[Mark], left: float, wide: float, top: float, bottom: float) -> list[str]:
    parts = []
    for mark in marks:
        x = left + wide * mark.x - 1
        parts.append(f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
        parts.append(text(x + 4, top + 9, mark.text, "start", kind="marked"))
    return parts
