"""How versions, reports and ledger entries look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gristmill.cli import out
from gristmill.errors import Invalid

if TYPE_CHECKING:
    from gristmill.registry.chain import Entry
    from gristmill.registry.gates import GateReport
    from gristmill.registry.version import Version

VERDICT_STYLE = {"pass": "green", "fail": "red", "cannot judge": "yellow"}
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
            "time.syntax", f"{text!r} is no ISO 8601 time.", hint="2026-11-21T14:00"
        ) from error


def say_report(report: GateReport, *, as_json: bool) -> None:
    if as_json:
        out.say(out.as_json(report.record()))
        return
    about = report.about
    rival = about["champion"]
    against = f"version {rival}" if rival else f"nobody (no {about['against']} yet)"
    out.say(
        f"{about['model']} version {about['version']} against {against}, "
        f"{about['rows']:,} hold-out rows"
    )
    say_results(report)


def say_results(report: GateReport) -> None:
    wide = max((len(r.kind) for r in report.results), default=0)
    for r in report.results:
        verdict = out.style(f"{r.verdict:<12}", VERDICT_STYLE[r.verdict])
        out.say(f"  {verdict} {r.kind:<{wide}} {r.message}")
    if not report.results:
        out.say("  no gates are declared")


def say_move(done: Any, as_json: bool) -> int:
    if as_json:
        out.say(out.as_json({**done.entry.record(), "changed": done.changed}))
    else:
        out.say(done.sentence())
    return 0


def commit(version: Version) -> str:
    commit = version.lineage.commit
    return (commit[:10] + ("+" if version.lineage.dirty else "")) if commit else "-"


def numbers(version: Version) -> str:
    pairs = sorted(version.metrics.items())
    more = f"  (+{len(pairs) - SHOWN_METRICS})" if len(pairs) > SHOWN_METRICS else ""
    return "  ".join(f"{k} {v:.4g}" for k, v in pairs[:SHOWN_METRICS]) + more


def number(value: Any) -> str:
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
