"""What a run is told of a notebook while papermill executes it, and what it sets beforehand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ResumePoint:
    """What a notebook that goes on in its kernel begins with: the code cells of `run` above
    the one that failed, and the state of the widgets they made."""

    run: str
    cells: tuple[Any, ...]
    widgets: Any = None


@dataclass
class Hooks:
    """What a run is told and sets. Callbacks come from the thread that executes.

    `source` is the notebook's path for its metadata, `save_to` where the executed one goes,
    `log` the file that takes what the kernel process prints outside of cells. Cells are named by
    their index in the executed notebook. With `resume_point`, execution begins after its cells. The
    engine sets `succeeded` when no cell failed.
    """

    source: str = ""
    save_to: Path | None = None
    log: Path | None = None
    on_cell_start: Callable[[int], None] = lambda index: None
    on_cell_end: Callable[[int, float], None] = lambda index, seconds: None
    resume_point: ResumePoint | None = None
    succeeded: bool = False
