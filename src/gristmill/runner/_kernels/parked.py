"""Parked kernels: those of failed steps, left running so that the steps can go on in them.

A record in `.gristmill/parked/` is the kernel's lease. The kernel looks at it and ends itself when
the record is gone or has not been renewed for `lease_seconds`, so that none outlives its use.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gristmill.containment import is_plain
from gristmill.errors import Conflict, Invalid, NotFound
from gristmill.files import write_atomic
from gristmill.pipeline import CodeCell, StepState, normalise_code, parse_notebook, same_value
from gristmill.processes import kill_process_tree
from gristmill.records import from_record, to_record

FOLDER = "parked"
MAX_PARKED = 4
EFFECTIVE_TAGS = frozenset({"parameters", "raises-exception", "skip-execution"})


@dataclass(frozen=True)
class ParkedKernel:
    """A kernel that waits where its step failed.

    Attributes
    ----------
    step, notebook
        The step, and its notebook's path.
    run
        The run in which it failed.
    connection_file
        What a Jupyter client connects by.
    pid, started
        The kernel's process, and when that began (seconds since the epoch).
    at
        When it was parked (seconds since the epoch).
    cell
        The failing cell's index in the notebook as it was.
    executed
        The executed notebook, relative to the project's root.
    cells
        One digest for each code cell above the failing one.
    inputs, params, modules
        What the step began with: hashes by path, values by name, digests by path.
    outputs
        Digests of how the step's output files looked when it stopped, by path.
    mlflow_run
        The id of the step's run in MLflow.
    error
        Why the step failed.
    request
        What the run was asked, as `RunRequest.selection` describes it.
    resuming
        The run that goes on in the kernel; empty while none does.
    """

    step: str
    run: str
    notebook: str
    connection_file: str
    pid: int
    started: float
    at: float
    cell: int
    executed: str
    cells: tuple[str, ...]
    inputs: Mapping[str, str | None]
    params: Mapping[str, Any]
    modules: Mapping[str, str]
    outputs: Mapping[str, str]
    mlflow_run: str | None
    error: str
    request: Mapping[str, Any] = field(default_factory=dict)
    resuming: str = ""

    @property
    def alive(self) -> bool:
        import psutil

        try:
            process = psutil.Process(self.pid)
            same_one = abs(process.create_time() - self.started) < 0.01
            return same_one and bool(process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False

    @property
    def record_name(self) -> str:
        """The name of the file with its record."""
        return f"{self.step}.{self.pid}.json"


def digests(cells: Iterable[CodeCell]) -> tuple[str, ...]:
    """A digest of what each code cell does: its normalised source, the tags that have an effect."""
    texts = (f"{normalise_code(c.source)}\0{sorted(c.tags & EFFECTIVE_TAGS)}" for c in cells)
    return tuple(hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts)


def state_of_files(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """A digest of sizes and times of the files at or below each path; empty when absent."""
    states = {}
    for path in paths:
        top = root / path
        files = sorted(p for p in top.rglob("*") if p.is_file()) if top.is_dir() else [top]
        facts = []
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                stat = file.stat()
                facts.append(f"{file.relative_to(root)} {stat.st_size} {stat.st_mtime_ns}")
        states[path] = hashlib.sha256("\n".join(facts).encode()).hexdigest() if facts else ""
    return states


def first_change(
    kernel: ParkedKernel,
    text: str,
    current: StepState,
    modules: Mapping[str, str],
    outputs: Mapping[str, str],
) -> str:
    """Why the step cannot go on in the kernel, empty when it can.

    `text` is the notebook at present, `current`, `modules` and `outputs` the step's state at
    present. Cells are numbered from 1 among all cells.
    """
    cells = parse_notebook(text, kernel.notebook).cells
    above = digests(cells)[: len(kernel.cells)]
    for number, (cell, new, old) in enumerate(zip(cells, above, kernel.cells, strict=False)):
        if new != old:
            return f"cell {cell.index + 1} (code cell {number + 1}) changed"
    if len(above) < len(kernel.cells) or len(cells) == len(above):
        return "cells above the failing one, or that cell itself, are gone"
    for name in sorted({*current.params, *kernel.params}):
        before, after = kernel.params.get(name), current.params.get(name)
        if name not in kernel.params or name not in current.params or not same_value(before, after):
            return f"parameter {name} changed"
    before_inputs = {p: h for p, h in kernel.inputs.items() if p != current.source}
    inputs = {p: h for p, h in current.inputs.items() if p != current.source}
    for path in sorted({*inputs, *before_inputs}):
        if inputs.get(path) != before_inputs.get(path):
            return f"input {path} changed"
    for path in sorted({*modules, *kernel.modules}):
        if modules.get(path) != kernel.modules.get(path):
            return f"module {path} changed, and the kernel has the old one imported"
    for path in sorted({*outputs, *kernel.outputs}):
        if outputs.get(path) != kernel.outputs.get(path):
            return f"output {path} was changed by something else"
    return ""


class ParkedKernels:
    """The parked kernels of one project.

    Parameters
    ----------
    state
        The project's `.gristmill` directory.

    Attributes
    ----------
    lease_seconds
        How long a kernel waits after it was parked or renewed.
    """

    lease_seconds = 8 * 3600.0

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER
        self.connections = self.folder / "connections"

    def path(self, kernel: ParkedKernel) -> Path:
        return self.folder / kernel.record_name

    def all(self) -> list[ParkedKernel]:
        """Those that are alive, the newest first. Dead ones are forgotten, overdue ones ended."""
        living = []
        for path in self.folder.glob("*.json"):
            kernel = self._read(path)
            if kernel is None:
                path.unlink(missing_ok=True)
                continue
            with contextlib.suppress(FileNotFoundError):
                if kernel.alive and time.time() - path.stat().st_mtime < self.lease_seconds:
                    living.append(kernel)
                    continue
            self.end(kernel)
        return sorted(living, key=lambda k: -k.at)

    def _read(self, path: Path) -> ParkedKernel | None:
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            kernel = from_record(ParkedKernel, record, str(path))
        except (OSError, ValueError, RecursionError, Invalid):
            return None
        return kernel if self._is_own(path, kernel) else None

    def _is_own(self, path: Path, kernel: ParkedKernel) -> bool:
        """Does the record have the name that we give it, and a connection file in its place? What
        a record names is removed when its kernel ends."""
        return (
            kernel.record_name == path.name
            and os.path.realpath(os.path.dirname(kernel.connection_file))
            == os.path.join(os.path.realpath(self.folder.parent), FOLDER, "connections")
            and is_plain(kernel.executed)
        )

    def find(self, step: str | None = None) -> ParkedKernel:
        """The parked kernel of a step.

        Parameters
        ----------
        step
            None takes the only one.

        Raises
        ------
        NotFound
            No kernel is parked, or none of this step.
        Conflict
            Several are parked and `step` is None.
        """
        kernels = [kernel for kernel in self.all() if step in (None, kernel.step)]
        if not kernels:
            raise NotFound(
                "kernel.not-parked",
                f"No kernel of step {step} is parked." if step else "No kernel is parked.",
                hint="`gristmill run --keep-failed` keeps the kernel of a step that fails.",
            )
        if len({kernel.step for kernel in kernels}) > 1:
            raise Conflict(
                "kernel.several-parked",
                f"Several kernels are parked: {', '.join(sorted(k.step for k in kernels))}.",
                hint="Name the step.",
            )
        return kernels[0]

    def keep(self, kernel: ParkedKernel) -> None:
        """Write a kernel's record. Another of its step is ended, and the oldest when there are more
        than MAX_PARKED.

        Parameters
        ----------
        kernel
            A running kernel.
        """
        write_atomic(self.path(kernel), json.dumps(to_record(kernel), indent=1))
        others = [k for k in self.all() if k.pid != kernel.pid]
        for other in [k for k in others if k.step == kernel.step]:
            self.end(other)
        for other in [k for k in others if k.step != kernel.step][MAX_PARKED - 1 :]:
            self.end(other)

    def resume(self, kernel: ParkedKernel, run: str) -> None:
        """Note that `run` goes on in the kernel: its variables are no longer the failed run's."""
        self.keep(replace(kernel, resuming=run))

    def renew(self, kernel: ParkedKernel) -> None:
        """Begin the kernel's lease again, because somebody uses it."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(self.path(kernel))

    def end(self, kernel: ParkedKernel) -> None:
        """End a parked kernel and all it started, and forget it."""
        if kernel.alive:
            kill_process_tree(kernel.pid)
        Path(kernel.connection_file).unlink(missing_ok=True)
        self.path(kernel).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove connection files that killed kernels left. Call with the project's lock held."""
        in_use = {kernel.connection_file for kernel in self.all()}
        for path in self.connections.glob("*.json"):
            if str(path) not in in_use:
                path.unlink(missing_ok=True)

    def end_step(self, step: str) -> bool:
        """End what is parked of a step; returns whether anything was."""
        kernels = [kernel for kernel in self.all() if kernel.step == step]
        for kernel in kernels:
            self.end(kernel)
        return bool(kernels)
