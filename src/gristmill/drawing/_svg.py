"""The parts of every chart: SVG elements whose colours are CSS classes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape

from markupsafe import Markup


def open_svg(width: float, height: float, label: str, *, fixed: bool = False) -> str:
    """The opening tag; `label` is what a screen reader says of the picture."""
    size = f' width="{width:.0f}" height="{height:.0f}"' if fixed else ""
    return (
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {width:.0f} {height:.0f}"'
        f"{size} "
        'xmlns="http://www.w3.org/2000/svg">'
    )


def text(x: float, y: float, content: str, anchor: str, *, kind: str = "", title: str = "") -> str:
    note = f"<title>{escape(title)}</title>" if title and title != content else ""
    extra = f' class="{kind}"' if kind else ""
    position = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f"<text{extra} {position}>{escape(content)}{note}</text>"


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def close_svg(parts: Iterable[str]) -> Markup:
    """The whole picture, which templates need not escape: the parts have escaped their texts."""
    return Markup("".join(parts) + "</svg>")  # noqa: S704


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values between the two, at most `most`."""
    if high <= low:
        return []
    size = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(size * s for s in (1, 2, 5, 10, 20) if (high - low) / (size * s) < most)
    first = math.ceil(low / step)
    return [i * step for i in range(first, math.floor(high / step) + 1)]
