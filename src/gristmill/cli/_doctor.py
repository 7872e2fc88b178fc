"""`gristmill doctor`."""

from __future__ import annotations

import argparse
from pathlib import Path

from gristmill.cli import _out as out


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill doctor`."""
    parser.add_argument("--stop", action="store_true", help="stop this user's kernel servers")


def main(args: argparse.Namespace) -> int:
    """Print how kernels start on this machine, or stop the kernel servers."""
    from gristmill.runner import doctor
    from gristmill.warm import stop_servers

    if args.stop:
        out.say(f"stopped {stop_servers()} kernel server(s)")
        return 0
    for finding in doctor(Path.cwd()):
        label = out.style("ok ", "green") if finding.ok else out.style("no ", "yellow")
        out.say(f"{label} {finding.name}: {finding.detail}")
        if finding.hint:
            out.say(f"    {finding.hint}")
    return 0
