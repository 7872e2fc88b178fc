"""How versions, gate reports, comparisons and ledger entries look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gristmill.cli import _out as out
from gristmill.errors import Invalid

if TYPE_CHECKING:
    from gristmill.pipeline import CellChange
    from gristmill.registry import (
        AliasMove,
        Comparison,
        Entry,
        GateReport,
        Pair,
        Version,
        VersionComparison,
    )

VERDICT_STYLE = {"pass": "green", "fail": "red", "inconclusive": "yellow"}
SHOWN_METRICS = 4


def history_table(entries: Sequence[Entry]) -> str:
    """Entries as a table: when, who, what, from, to, why."""
    rows = []
    for e in entries:
        verdict = e.detail.get("verdict") if e.action == "gate" else None
        why = e.reason or verdict or ""
        if e.detail.get("override"):
            why = f"OVERRIDE: {why}"
        when = f"{e.at.astimezone():%Y-%m-%d %H:%M:%S}"
        rows.append(
            (e.seq, when, e.actor, e.action, e.model, e.version, e.alias, e.before, e.after, why)
        )
    head = ("#", "when", "who", "action", "model", "version", "alias", "from", "to", "why")
    return out.table(rows, head)


def parse_time(text: str) -> datetime:
    """An aware time from ISO 8601; without an offset it is local. Raises Invalid."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise Invalid(
            "time.syntax",
            f"{text!r} is not an ISO 8601 time.",
            hint="For example 2026-11-21T14:00.",
        ) from error


def say_report(report: GateReport, *, as_json: bool) -> None:
    """Print a gate report, as JSON or as one line for each gate."""
    if as_json:
        out.say(out.as_json(report.record()))
        return
    about = report.about
    rival = about["champion"]
    against = f"version {rival}" if rival else f"no other version (no {about['against']} yet)"
    out.say(
        f"{about['model']} version {about['version']} against {against}, "
        f"{about['rows']:,} hold-out rows"
    )
    say_results(report)


def say_results(report: GateReport) -> None:
    """Print one line for each gate: verdict, kind and message."""
    wide = max((len(r.kind) for r in report.results), default=0)
    for r in report.results:
        verdict = out.style(f"{r.verdict:<12}", VERDICT_STYLE[r.verdict])
        out.say(f"  {verdict} {r.kind:<{wide}} {r.message}")
    if not report.results:
        out.say("  no gates are declared")


def say_move(move: AliasMove, as_json: bool) -> int:
    """Print how an alias moved; returns the exit code."""
    if as_json:
        out.say(out.as_json({**move.entry.record(), "changed": move.changed}))
    else:
        out.say(move.sentence())
    return 0


def commit(version: Version) -> str:
    """The short commit of a version, with `+` when there were uncommitted changes."""
    commit = version.lineage.commit
    return (commit[:10] + ("+" if version.lineage.dirty else "")) if commit else "-"


def numbers(version: Version) -> str:
    """The first metrics of a version on one line."""
    pairs = sorted(version.metrics.items())
    more = f"  (+{len(pairs) - SHOWN_METRICS})" if len(pairs) > SHOWN_METRICS else ""
    return "  ".join(f"{k} {v:.4g}" for k, v in pairs[:SHOWN_METRICS]) + more


def number(value: Any) -> str:
    """A number with six significant digits; other values as text."""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def versions_table(versions: Sequence[Version]) -> str:
    """Versions as a table: aliases, when, by whom, of which commit, how good."""
    head = ("model", "version", "aliases", "created", "by", "commit", "metrics")
    rows = [
        (
            v.model,
            v.version,
            ", ".join(v.aliases),
            f"{v.created.astimezone():%Y-%m-%d %H:%M}",
            v.author,
            commit(v),
            numbers(v),
        )
        for v in versions
    ]
    return out.table(rows, head)


STYLES = {"better": "green", "worse": "red", "even": "dim"}
REACH = 12
SHOWN_LINES = 12
DIFF = {"+": "green", "-": "red", " ": "dim", "@": "dim"}


def say_comparison(comparison: VersionComparison) -> None:
    """Metrics of every version, then each against the first: by how much, where, and why."""
    out.say(out.style(f"{comparison.model}: {comparison.names}", "bold"))
    for line in comparison.summary():
        out.say(f"  {line}")
    if comparison.scored:
        head = ("metric", *(f"version {v.version}" for v in comparison.versions))
        rows = [
            (metric, *(str(s.metrics.get(metric, "–")) for s in comparison.scored))
            for metric in comparison.scored[0].metrics
        ]
        out.say()
        out.say(out.table(rows, head))
    for pair in comparison.pairs:
        _say_pair(comparison, pair)


def _say_pair(comparison: VersionComparison, pair: Pair) -> None:
    from gristmill.drawing import format_signed

    first = f"version {comparison.versions[0].version}"
    mine = f"version {pair.version}"
    if pair.metrics:
        out.say(f"\n{out.style(f'{mine} against {first}', 'bold')}   worse | better")
        wide = max(len(m.metric) for m in pair.metrics)
        for m in pair.metrics:
            by = out.style(f"{format_signed(m.difference):>8}", STYLES[m.significance])
            how = f"({format_signed(m.lower)} to {format_signed(m.upper)}, {m.method})"
            out.say(f"  {m.metric:<{wide}}  {_bar(m)}  {by}  {how}")
    _say_where(pair, first, mine)
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
        out.say("\nParameters, inputs, code and lineage are the same.")


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


def _say_where(pair: Pair, first: str, mine: str) -> None:
    from gristmill.drawing import format_percent

    where = pair.where
    if where is None:
        return

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
        measure = "right" if where.agreement else "error"
        rows = [
            (s.column, s.value, s.rows, figure(s.differ), figure(s.first), figure(s.second))
            for s in where.slices[:6]
        ]
        head = ("they differ most at", "value", "rows", "differ", f"{measure} {first}", mine)
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
