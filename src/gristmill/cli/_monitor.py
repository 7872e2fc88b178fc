"""`gristmill monitor MODEL`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gristmill.cli import _out as out
from gristmill.project import Project
from gristmill.records import to_record

if TYPE_CHECKING:
    from gristmill.monitoring import Alert, MonitorReport, MonitorResult

ALERT = 8


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill monitor`."""
    parser.add_argument("model", help="a model that gristmill.toml declares")
    parser.add_argument(
        "--window", help="month, 12h, 7d, 2w: report on such windows instead; nothing is stored"
    )
    parser.add_argument("--start", help="ISO date that windows are counted from; nothing is stored")
    parser.add_argument(
        "--now", help="ISO time to judge at (default: now); later windows are still open"
    )
    parser.add_argument("--last", type=int, default=12, help="windows to show (12)")
    parser.add_argument("--repair", action="store_true", help="act on open alerts")
    parser.add_argument(
        "--check", action="store_true", help=f"exit with {ALERT} when an alert is open"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be sent to whom, send nothing"
    )
    parser.add_argument(
        "--drill-down",
        metavar="WINDOW",
        nargs="?",
        const="",
        help="draw Evidently's report on the window that holds this ISO time (the last one judged)",
    )
    parser.add_argument("--json", action="store_true", help="print records")


def main(args: argparse.Namespace) -> int:
    """Exit code 0, also with open alerts unless --check was given."""
    from gristmill.monitoring import monitor, parse_time

    project = Project.find()
    if args.drill_down is not None:
        return _drill_down(project, args)
    now = parse_time(args.now, "--now") if args.now else None
    watch = monitor(
        project, args.model, now=now, window=args.window, start=args.start, notify=not args.dry_run
    )
    if not args.json:
        _show(project, watch, args, now or datetime.now(UTC))
    repair = None
    if args.repair and not args.dry_run:
        from gristmill.cli._progress import Progress
        from gristmill.monitoring import repair as act

        with Progress() as progress:
            repair = act(project, args.model, now=now, listeners=() if args.json else (progress,))
        watch = monitor(project, args.model, now=now) if repair else watch
    if args.json:
        record: dict[str, Any] = {
            **to_record(watch.report),
            "alerts": [a.record(watch.report.made) for a in watch.alerts],
            "repair": to_record(repair),
        }
        out.say(out.as_json(record))
    elif args.repair:
        out.say(repair.summary if repair else "No open alert asks for a repair now.")
    return ALERT if args.check and watch.alerts else 0


def _drill_down(project: Project, args: argparse.Namespace) -> int:
    from gristmill.monitoring import drill_down

    def progress(share: float, message: str) -> None:
        if not args.json:
            out.say(f"{share:4.0%} {message}")

    report = drill_down(project, args.model, args.drill_down or None, progress=progress)
    if args.json:
        out.say(out.as_json(to_record(report)))
        return 0
    out.say(
        f"{report.path}: version {report.version} from {report.start:%Y-%m-%d}, "
        f"{report.shown:,} of {report.rows:,} rows beside {report.reference:,} reference rows"
    )
    if report.left_out:
        out.say(f"Not drawn, because one side has no values: {', '.join(report.left_out)}.")
    return 0


def _show(project: Project, watch: MonitorResult, args: argparse.Namespace, now: datetime) -> None:
    from gristmill.monitoring import estimate_text, unsent_messages

    header = ["window", "version", "rows", "verdict", "drifted", watch.report.metric]
    header += ["labels", "alert", "what changed most"]
    if watch.report.windows:
        out.say(out.table(_rows(watch.report)[-args.last :], header))
    else:
        out.say(f"No predictions of {args.model} yet: `gristmill serve {args.model}` logs them.")
    if watch.report.budget:
        out.say(watch.report.budget)
    if estimate := estimate_text(watch.report):
        out.say(estimate)
    if watch.report.damaged:
        out.say(f"{watch.report.damaged} lines of the log could not be read.")
    for alert in watch.alerts:
        label = out.style(
            alert.severity, "bold", "red" if alert.severity == "critical" else "yellow"
        )
        out.say(
            f"{label} {alert.id} {alert.rule}, version {alert.version}, since "
            f"{alert.first:%Y-%m-%d}, {alert.windows} window(s)"
            f"{_state_suffix(alert, now)}: {alert.reason}"
        )
    for delivery in watch.sent:
        outcome = delivery.problem or "notified"
        out.say(f"route {delivery.route} {outcome}: {delivery.message.text}")
    if args.dry_run:
        for route, messages in unsent_messages(project, args.model, now):
            for message in messages:
                out.say(f"would notify {route.name} ({route.kind}): {message.text}")


def _state_suffix(alert: Alert, now: datetime) -> str:
    state = alert.state(now)
    return f", {state}" if state in ("acknowledged", "snoozed") else ""


def _rows(report: MonitorReport, top: int = 2) -> Sequence[Sequence[Any]]:
    from gristmill.drawing import format_percent

    rows = []
    for window in report.windows:
        moved = [f for f in window.drift.features if f.drifted][:top]
        metric = window.performance.get(report.metric)
        rows.append(
            (
                f"{window.start:%Y-%m-%d}" + ("" if window.closed else " (so far)"),
                f"v{window.version}",
                window.rows,
                window.drift.verdict,
                format_percent(window.drift.share),
                f"{metric.value:.3f} ({metric.low:.3f}-{metric.high:.3f})" if metric else "-",
                format_percent(window.coverage),
                ", ".join(f.rule for f in window.findings) or "-",
                "; ".join(f"{f.name}: {f.change}" for f in moved) or "-",
            )
        )
    return rows
