"""What the command line prints: tables, records, errors."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from gristmill.errors import GristmillError

CONTROLS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def colour(stream: TextIO) -> bool:
    """Whether to style text: a terminal, and neither NO_COLOR nor a dumb one."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def style(text: str, *names: str, stream: TextIO | None = None) -> str:
    """The text with terminal styles, unchanged where the stream shows none."""
    if not colour(stream or sys.stdout):
        return text
    return f"\x1b[{';'.join(STYLES[n] for n in names)}m{text}\x1b[0m"


def say(text: str = "") -> None:
    """Print a line to standard output at once."""
    print(text, flush=True)


def progress(text: str) -> None:
    """Print what is being done to standard error; standard output is for results."""
    print(f"{text} ...", file=sys.stderr, flush=True)


def table(rows: Sequence[Sequence[Any]], header: Sequence[str]) -> str:
    """Left-aligned columns, numbers right-aligned; `header` is one word per column."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max([len(title), *(len(row[i]) for row in cells)]) for i, title in enumerate(header)]
    numeric = [
        bool(rows) and all(isinstance(r[i], int | float) or r[i] is None for r in rows)
        for i in range(len(header))
    ]

    def line(values: Sequence[str]) -> str:
        return "  ".join(
            v.rjust(w) if n else v.ljust(w) for v, w, n in zip(values, widths, numeric, strict=True)
        ).rstrip()

    return "\n".join([style(line(list(header)), "bold"), *(line(row) for row in cells)])


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return printable(str(value))


def printable(text: str) -> str:
    """The text with what would steer a terminal spelled out: `\\x1b`, `\\r`, `\\u202e`."""
    return "".join(
        c if unicodedata.category(c) not in CONTROLS else c.encode("unicode_escape").decode()
        for c in text
    )


def as_json(value: Any) -> str:
    """The value as indented JSON; the keys of a mapping are sorted."""
    return json.dumps(value, indent=2, default=str, sort_keys=isinstance(value, Mapping))


def error(problem: GristmillError) -> None:
    """Print `{code, message, hint}` to standard error."""
    label = style("error", "bold", "red", stream=sys.stderr)
    print(f"{label}: {problem.message} [{problem.code}]", file=sys.stderr)
    if problem.hint:
        print(f"  {style('hint', 'bold', stream=sys.stderr)}: {problem.hint}", file=sys.stderr)
