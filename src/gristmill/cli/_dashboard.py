"""`gristmill dashboard`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from gristmill.cli import _out as out
from gristmill.errors import Invalid
from gristmill.project import Project

TOKEN = "GRISTMILL_DASHBOARD_TOKEN"  # noqa: S105  the variable's name, not a token


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill dashboard`."""
    parser.add_argument("--port", type=int, default=8866)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--export",
        metavar="FILE",
        type=Path,
        help="write one model's page as .html or .pdf instead",
    )
    parser.add_argument("--mail", metavar="ROUTE", help="send one model's page by an e-mail route")
    parser.add_argument("--model", help="model to export or send (default: the only one)")
    parser.add_argument(
        "--grafana", action="store_true", help="print a Grafana dashboard of the /metrics"
    )
    parser.add_argument(
        "--edit", action="store_true", help="copy the notebook to explore with into the project"
    )
    parser.add_argument(
        "--token",
        default=os.environ.get(TOKEN),
        help=f"what visitors log in with (default: {TOKEN}, else a new one, printed with the link; "
        "'' for none, on loopback only)",
    )


def main(args: argparse.Namespace) -> int:
    """Serve, export or mail the dashboard; returns the exit code."""
    if args.grafana:
        from gristmill.monitoring import grafana_dashboard

        out.say(grafana_dashboard())
        return 0
    if args.export or args.mail:
        return _hand_out(args)
    from gristmill.dashboards import copy_notebook, serve_dashboard

    if args.edit:
        out.say(f"edit {copy_notebook(Project.find())}; the dashboard shows it from now on")
        return 0

    def ready(url: str) -> None:
        out.say(f"Dashboard: {url}   (stop with Ctrl-C)")

    project = Project.find()
    serve_dashboard(project, ready=ready, port=args.port, host=args.host, token=args.token)
    return 0


def _hand_out(args: argparse.Namespace) -> int:
    from gristmill.dashboards import export_dashboard, mail_dashboard

    project = Project.find()
    if args.model is None and len(project.models) != 1:
        names = ", ".join(project.models) or "none"
        raise Invalid(
            "dashboard.model", "Which model?", hint=f"Give --model NAME. Declared: {names}."
        )
    model = args.model or project.models[0]
    if args.export:
        out.say(f"wrote {export_dashboard(project, model, args.export)}")
    if args.mail:
        mail_dashboard(project, model, args.mail)
        out.say(f"sent {model} by {args.mail}")
    return 0
