"""`gristmill open`."""

from __future__ import annotations

import argparse
import subprocess
import time
from dataclasses import asdict

from gristmill.cli import _out as out
from gristmill.project import Project


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `gristmill open`."""
    parser.add_argument("step", nargs="?", metavar="STEP", help="default: the only parked one")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--print", action="store_true", help="print the connection file only")
    what.add_argument("--list", action="store_true", help="list the parked kernels")
    what.add_argument("--close", action="store_true", help="end the kernel")
    parser.add_argument("--json", action="store_true", help="with --list: as JSON")


def main(args: argparse.Namespace) -> int:
    """List, end or open parked kernels; returns the exit code of the console."""
    from gristmill.runner import (
        ParkedKernels,
        close_kernel,
        open_console,
        open_kernel,
        parked,
    )

    project = Project.find()
    if args.list:
        kernels = parked(project)
        if args.json:
            out.say(out.as_json([asdict(kernel) for kernel in kernels]))
            return 0
        rows = [
            (
                k.step,
                k.cell + 1,
                k.run,
                k.pid,
                time.strftime("%H:%M", time.localtime(k.at)),
                k.error,
            )
            for k in kernels
        ]
        header = ("step", "cell", "run", "pid", "since", "error")
        out.say(out.table(rows, header) if rows else "No kernel is parked.")
        return 0
    if args.close:
        out.say(f"ended the kernel of {close_kernel(project, args.step).step}")
        return 0
    kernel = open_kernel(project, args.step)
    if args.print:
        out.say(kernel.connection_file)
        return 0
    hours = ParkedKernels(project.state).lease_seconds / 3600
    out.say(f"{kernel.error}\nThe kernel (pid {kernel.pid}) is kept for {hours:g} h from now.")
    code = subprocess.run(open_console(kernel), check=False).returncode
    if kernel.alive:
        open_kernel(project, kernel.step)
    return code
