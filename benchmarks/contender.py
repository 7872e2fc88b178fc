"""What the runner's benchmark compares, and how it is run."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CORE = {min(os.sched_getaffinity(0))}
Action = Callable[[], object]


@dataclass
class Contender:
    """`fresh` runs everything, between `before` and `after`, which do not count; the others follow
    a finished run and may be missing."""

    name: str
    fresh: Action
    before: Action = lambda: None
    after: Action = lambda: None
    noop: Action | None = None
    parameter: Action | None = None
    markdown: Action | None = None


def shell(root: Path, *command: str, cores: set[int] = CORE, **environment: str) -> None:
    done = subprocess.run(
        command,
        cwd=root,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} in {root} failed:\n{done.stdout[-3000:]}")


def timed(action: Action) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def edit(root: Path, step: str, old: str, new: str) -> None:
    path = root / f"{step}.ipynb"
    text = path.read_text()
    assert old in text, (step, old)
    path.write_text(text.replace(old, new))
