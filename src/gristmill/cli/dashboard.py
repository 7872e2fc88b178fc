"""`gristmill dashboard`."""

from __future__ import annotations

import argparse
import os

from gristmill.cli import out
from gristmill.project import Project

TOKEN = "GRISTMILL_DASHBOARD_TOKEN"  # noqa: S105  the variable's name, not a token


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=8866)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument(
        "--token", default=os.environ.get(TOKEN, ""), help=f"ask for it to log in (or set {TOKEN})"
    )


def main(args: argparse.Namespace) -> int:
    from gristmill.dashboards.server import serve

    def ready(url: str) -> None:
        out.say(f"Dashboard: {url}   (stop with Ctrl-C)")

    project = Project.find()
    serve(project, ready=ready, port=args.port, host=args.host, token=args.token)
    return 0
