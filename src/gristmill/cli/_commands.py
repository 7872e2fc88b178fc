"""Parse, call the verb, print. One module for each first word."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gristmill.errors import Cancelled, GristmillError, NotFound, Unavailable
from gristmill.runner import skip_grammar_import

skip_grammar_import()

FULL = (errno.ENOSPC, errno.EDQUOT)
CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)
# word -> (module of this package, what it does)
COMMANDS = {
    "init": ("init", "make a directory a project"),
    "trust": ("trust", "trust a project: let its code run and its hosts be asked"),
    "status": ("status", "show the DAG and why each step would run"),
    "sync": ("sync", "write dvc.yaml from the notebooks"),
    "step": ("step", "make a notebook a step; read and change its parameters"),
    "lint": ("lint", "find what will break, hide or leak in notebooks"),
    "run": ("run", "run what is stale"),
    "sweep": ("sweep", "try many parameters in parallel"),
    "runs": ("runs", "list, show and compare past runs"),
    "open": ("open", "look inside the kernel of a failed step"),
    "resume": ("resume", "resume a failed step in its kernel, or after a decision"),
    "model": ("model", "register, list, gate, promote, roll back"),
    "audit": ("audit", "verify and read the ledger"),
    "serve": ("serve", "serve a model over REST"),
    "score": ("score", "predict for a file"),
    "monitor": ("monitor", "check windows of the prediction log for drift; repair"),
    "alerts": ("alerts", "list alerts; acknowledge, snooze, resolve"),
    "dashboard": ("dashboard", "open the drift dashboard"),
    "doctor": ("doctor", "show how kernels start on this machine, and why"),
}


def run_command(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="gristmill",
        description="Take a model from a notebook to production: run, serve, monitor, repair.",
    )
    parser.add_argument("-C", "--directory", type=Path, help="run in this directory")
    parser.add_argument(
        "--version", dest="print_version", action="store_true", help="print the version and exit"
    )
    chosen = next((w for w in arguments if w in COMMANDS), None)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for word, (_, text) in COMMANDS.items():
        sub = commands.add_parser(word, help=text, description=text[0].upper() + text[1:] + ".")
        if word == chosen:
            importlib.import_module(f"gristmill.cli._{COMMANDS[word][0]}").add(sub)
    args = parser.parse_args(arguments)
    if args.print_version:
        from gristmill._version import __version__

        print(f"gristmill {__version__}")
        return 0
    if args.command is None:
        parser.print_help()
        return 0
    from gristmill.cli import _out as out

    module = importlib.import_module(f"gristmill.cli._{COMMANDS[args.command][0]}")
    try:
        if args.directory is not None:
            os.chdir(args.directory)
        return int(module.main(args))
    except (FileNotFoundError, NotADirectoryError) as problem:
        if args.directory is None or problem.filename != str(args.directory):
            raise
        out.error(NotFound("directory.not-found", f"-C {args.directory}: no such directory."))
        return NotFound.exit_code
    except KeyboardInterrupt:
        out.error(Cancelled("cancelled", "Interrupted from the keyboard."))
        return Cancelled.exit_code
    except GristmillError as problem:
        out.error(problem)
        return problem.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as problem:
        what = problem.filename or "The output or a file"
        if problem.errno in FULL:
            unavailable = Unavailable(
                "disk.full",
                f"{what} could not be written: {problem.strerror}.",
                hint="Free disk space, then run the command again: what had finished is kept.",
            )
        elif problem.errno in CLOSED:
            unavailable = Unavailable(
                "disk.closed",
                f"{what} could not be used: {problem.strerror}.",
                hint="Gristmill reads a project and writes what it keeps into its .gristmill: make "
                "both possible for you, or work in a copy.",
            )
        else:
            raise
        out.error(unavailable)
        return unavailable.exit_code
