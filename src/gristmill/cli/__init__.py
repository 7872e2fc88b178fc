"""The command line. `main` answers `gristmill run` at once when there is nothing to do. For the
rest it asks a fork server that has imported what `commands` needs, when one is there."""

from __future__ import annotations

import os
import sys

NOT_FOUND = 3  # errors.NotFound.exit_code, without its imports
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. With `argv` given, in this process."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        os.getcwd()
    except FileNotFoundError:
        print(
            "error: The working directory no longer exists. [directory.not-found]\n"
            "  hint: Change to a directory that does, then try again.",
            file=sys.stderr,
        )
        return NOT_FOUND
    if _nothing_to_do(arguments):
        return 0
    from gristmill.cli import _driver as driver

    if argv is None and driver.serves(arguments):
        return driver.run(arguments)
    from gristmill.cli._commands import run_command

    return run_command(arguments)


def _nothing_to_do(arguments: list[str]) -> bool:
    """Was this a plain `gristmill run` on a project where all is fresh? Then it says so."""
    if arguments[:1] == ["-C"] and len(arguments) == 3:
        start = os.path.realpath(arguments[1])
    elif len(arguments) == 1:
        start = os.getcwd()
    else:
        return False
    if arguments[-1] != "run":
        return False
    from time import perf_counter

    from gristmill.freshness import unchanged_steps

    begin = perf_counter()
    while not os.path.isfile(f"{start}/gristmill.toml"):
        if start == (start := os.path.dirname(start)):
            return False
    steps = unchanged_steps(start)
    if steps is None:
        return False
    print(f"nothing to do: {steps} steps are fresh ({perf_counter() - begin:.2f} s)")
    return True
