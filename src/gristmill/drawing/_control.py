"""A control chart: how far a weighted mean has wandered, and how far it may. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from gristmill.drawing._charts import WIDTH, axis
from gristmill.drawing._svg import finish, line, start, text


@dataclass(frozen=True)
class Dot:
    """A window: how many deviations off, up being worse; `kind` is beyond, marked or plain."""

    label: str
    value: float
    limit: float
    kind: str
    title: str


def control_chart(name: str, dots: Sequence[Dot]) -> Markup:
    """Dots joined by a line, with the limit; those beyond it, and those with a pattern, marked."""
    left, top, height = 56, 10, 110
    wide = (WIDTH - left - 12) / max(1, len(dots))
    shown = [0.0, *(d.value for d in dots), *(d.limit for d in dots)]
    low, high = min(shown), max(shown)
    pad = (high - low) * 0.12 or 0.5
    low, high = low - pad, high + pad

    def y(value: float) -> float:
        return top + height * (high - value) / (high - low)

    def x(i: int) -> float:
        return left + wide * (i + 0.5)

    parts = [start(WIDTH, top + height + 30, f"Control chart of {name}")]
    parts.append(line("grid", left, y(0), WIDTH - 12, y(0)))
    parts.append(text(left - 8, y(0) + 4, "0", "end"))
    if dots:
        edge = dots[-1].limit
        parts.append(line("bound", left, y(edge), WIDTH - 12, y(edge)))
        parts.append(text(left - 8, y(edge) + 4, f"{edge:.1f}", "end"))
    joined = " ".join(f"{x(i):.1f},{y(d.value):.1f}" for i, d in enumerate(dots))
    parts.append(f'<polyline class="line" points="{joined}"/>')
    for i, dot in enumerate(dots):
        parts.append(
            f'<circle class="point {dot.kind}" cx="{x(i):.1f}" cy="{y(dot.value):.1f}" '
            f'r="{5 if dot.kind != "plain" else 3.5}"><title>{escape(dot.title)}</title></circle>'
        )
    parts += axis([d.label for d in dots], left, wide, top + height + 20)
    return finish(parts)
