"""What a run hears of a notebook while papermill executes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Hooks:
    """What a run wants to hear and to set. Callbacks come from the thread that executes.

    `save_to` is where the executed notebook goes, `cwd` and `environment` what the kernel gets,
    `log` the file that takes what the kernel process prints outside of cells.
    """

    save_to: Path | None = None
    cwd: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    log: Path | None = None
    on_kernel: Callable[[Any, int], None] = lambda manager, pid: None
    on_cell_start: Callable[[int], None] = lambda index: None
    on_cell_end: Callable[[int, float], None] = lambda index, seconds: None
