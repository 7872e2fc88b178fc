"""How a comparison looks in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gristmill.cli import out

if TYPE_CHECKING:
    from gristmill.pipeline.cells import CellChange
    from gristmill.registry.comparison import Pair, VersionComparison
    from gristmill.registry.disagreement import Disagreement
    from gristmill.registry.statistics import Comparison

STYLES = {"better": "green", "worse": "red", "even": "dim"}
REACH = 12
SHOWN_LINES = 12
DIFF = {"+": "green", "-": "red", " ": "dim", "@": "dim"}


def say_comparison(found: VersionComparison) -> None:
    """Metrics of every version, then each against the first: by how much, where, and why."""
    from gristmill.registry.comparison_page import interval_text, version_names, comparison_summary

    out.say(out.style(f"{found.model}: {version_names(found)}", "bold"))
    for line in comparison_summary(found):
        out.say(f"  {line}")
    if found.scored:
        head = ("metric", *(f"version {v.version}" for v in found.versions))
        rows = [
            (metric, *(interval_text(s.metrics.get(metric)) for s in found.scored))
            for metric in found.scored[0].metrics
        ]
        out.say()
        out.say(out.table(rows, head))
    for pair in found.pairs:
        _say_pair(found, pair)


def _say_pair(found: VersionComparison, pair: Pair) -> None:
    from gristmill.drawing.words import format_signed
    from gristmill.registry.comparison_page import metric_verdict

    first = f"version {found.versions[0].version}"
    mine = f"version {pair.version}"
    if pair.metrics:
        out.say(f"\n{out.style(f'{mine} against {first}', 'bold')}   worse | better")
        wide = max(len(m.metric) for m in pair.metrics)
        for m in pair.metrics:
            by = out.style(f"{format_signed(m.difference):>8}", STYLES[metric_verdict(m)])
            how = f"({format_signed(m.lower)} to {format_signed(m.upper)}, {m.method})"
            out.say(f"  {m.metric:<{wide}}  {_bar(m)}  {by}  {how}")
    if pair.where:
        _say_where(pair.where, first, mine)
    for title, values in (
        ("parameter", pair.params), ("input", pair.inputs), ("lineage", pair.lineage),
    ):  # fmt: skip
        if values:
            rows = [(k, _short(a), _short(b)) for k, (a, b) in values.items()]
            out.say()
            out.say(out.table(rows, (title, first, mine)))
    for path, changes in pair.cells.items():
        for change in changes:
            _say_change(path, change)
    if not (pair.params or pair.inputs or pair.lineage or pair.cells):
        out.say("\nMade from the same.")


def _bar(m: Comparison) -> str:
    """The interval about nought, on a scale of its own: `┃` nought, `━` interval, `●` value."""
    reach = max(abs(m.lower), abs(m.upper), 1e-12)
    cells = [" "] * (2 * REACH + 1)

    def place(value: float) -> int:
        return REACH + round(REACH * value / reach)

    for i in range(place(m.lower), place(m.upper) + 1):
        cells[i] = "━"
    cells[REACH] = "┃"
    cells[place(m.difference)] = "●"
    return "".join(cells)


def _say_where(where: Disagreement, first: str, mine: str) -> None:
    from gristmill.drawing.words import format_percent

    rows: list[tuple[Any, ...]]
    if where.agreement:
        total = sum(where.agreement.values())
        rows = [
            (
                k.replace("the first", first).replace("the second", mine),
                f"{n:,}",
                format_percent(n / total),
            )
            for k, n in where.agreement.items()
        ]
        out.say()
        out.say(out.table(rows, ("who is right", "rows", "share")))
    if where.confusion:
        cells = {(c.first, c.second): f"{c.rows:,}" for c in where.confusion}
        rows = [
            (f"{first} says {'yes' if a else 'no'}", cells[a, True], cells[a, False])
            for a in (True, False)
        ]
        out.say()
        out.say(out.table(rows, ("", f"{mine} says yes", "no")))
    if where.slices:
        figure = format_percent if where.agreement else "{:.4g}".format
        words = "right" if where.agreement else "error"
        rows = [
            (s.column, s.value, s.rows, figure(s.differ), figure(s.first), figure(s.second))
            for s in where.slices[:6]
        ]
        head = ("they differ most at", "value", "rows", "differ", f"{words} {first}", mine)
        out.say()
        out.say(out.table(rows, head))


def _say_change(path: str, change: CellChange) -> None:
    out.say(f"\n{out.style(f'{path}, {change.title}', 'bold')}")
    for line in change.lines[:SHOWN_LINES]:
        out.say(f"  {out.style(line, DIFF[line[0]])}")
    if len(change.lines) > SHOWN_LINES:
        out.say(f"  ... {len(change.lines) - SHOWN_LINES} more lines; --html shows them")


def _short(value: Any) -> Any:
    text = str(value)
    return text[:12] if len(text) >= 32 and " " not in text else value
