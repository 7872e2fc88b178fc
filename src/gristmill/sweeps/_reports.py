"""`gristmill.report`: a step reports its metric early, so that a hopeless trial can be stopped."""

from __future__ import annotations

import json
import os
from pathlib import Path

VARIABLE = "GRISTMILL_REPORTS"


def report(step: int, value: float) -> None:
    """Report the sweep's metric while a step of a trial runs. Outside a sweep nothing happens.

    Optuna's pruner may stop the trial soon after.

    Parameters
    ----------
    step
        How far the training is: the number of the round or epoch.
    value
        The metric at that point.
    """
    path = os.environ.get(VARIABLE)
    if path:
        line = json.dumps([int(step), float(value)]) + "\n"
        with open(path, "a", encoding="utf-8") as file:
            file.write(line)


def read_reports(path: Path, after: int) -> list[tuple[int, float]]:
    """Reports beyond the first `after`; a line still being written is left for later."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    lines = text.split("\n")[:-1]
    return [(int(s), float(v)) for s, v in map(json.loads, lines[after:])]
