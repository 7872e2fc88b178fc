"""The command line. `main` answers `gristmill run` at once when there is nothing to do. For the
rest it asks a fork server that has imported what `commands` needs, when one is there."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. With `argv` given, in this process."""
    words = list(sys.argv[1:] if argv is None else argv)
    if _nothing_to_do(words):
        return 0
    from gristmill.cli import _driver as driver

    if argv is None and driver.serves(words):
        return driver.run(words)
    from gristmill.cli._commands import run_command

    return run_command(words)


def _nothing_to_do(words: list[str]) -> bool:
    """Was this a plain `gristmill run` on a project where all is fresh? Then it says so."""
    if words[:1] == ["-C"] and len(words) == 3:
        start = os.path.realpath(words[1])
    elif len(words) == 1:
        start = os.getcwd()
    else:
        return False
    if words[-1] != "run":
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
