"""Kernels of failed steps that were kept: what is known of each, and how they end.

A record in `.gristmill/parked/` is the kernel's lease. The kernel looks at it and ends itself when
the record is gone or has not been renewed for LEASE_S, so that none outlives its use.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from gristmill.errors import Conflict, NotFound
from gristmill.files import write_atomic
from gristmill.pipeline import CodeCell, StepState, normalise_code, parse_notebook, same_value
from gristmill.processes import kill_process_tree

FOLDER = "parked"
LEASE_SECONDS = 8 * 3600.0
MOST = 4
MEANS = frozenset({"parameters", "raises-exception", "skip-execution"})


@dataclass(frozen=True)
class ParkedKernel:
    """A kernel that waits where its step failed.

    `cell` is the failing cell's index in the notebook as it was, `cells` one digest for each code
    cell above it; `inputs`, `params`, `modules` are what the step began with, `outputs` how the
    files it had written looked when it stopped. `started` is the process's start, `at` when it was
    parked (seconds since the epoch). `request` is what the run was asked. `resuming` names the run
    that goes on in it.
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

    def record(self) -> Path:
        """The name of its record in the folder of records."""
        return Path(f"{self.step}.{self.pid}.json")


def digests(cells: Iterable[CodeCell]) -> tuple[str, ...]:
    """What each code cell does, by its normalised source and the tags that mean something."""
    words = (f"{normalise_code(c.source)}\0{sorted(c.tags & MEANS)}" for c in cells)
    return tuple(hashlib.sha256(word.encode()).hexdigest()[:16] for word in words)


def state_of_files(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """Sizes and times of every file at or below `paths`, by path; empty text when absent."""
    found = {}
    for path in paths:
        top = root / path
        files = sorted(p for p in top.rglob("*") if p.is_file()) if top.is_dir() else [top]
        facts = []
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                stat = file.stat()
                facts.append(f"{file.relative_to(root)} {stat.st_size} {stat.st_mtime_ns}")
        found[path] = hashlib.sha256("\n".join(facts).encode()).hexdigest() if facts else ""
    return found


def first_change(
    kernel: ParkedKernel,
    text: str,
    now: StepState,
    modules: Mapping[str, str],
    outputs: Mapping[str, str],
) -> str:
    """Why the step cannot go on in the kernel, empty when it can.

    `text` is the notebook as it is now; a cell's own position is named from 1 among all cells.
    """
    cells = parse_notebook(text, kernel.notebook).cells
    above = digests(cells)[: len(kernel.cells)]
    for number, (cell, new, old) in enumerate(zip(cells, above, kernel.cells, strict=False)):
        if new != old:
            return f"cell {cell.index + 1} (code cell {number + 1}) changed"
    if len(above) < len(kernel.cells) or len(cells) == len(above):
        return "cells above the failing one, or that cell itself, are gone"
    for name in sorted({*now.params, *kernel.params}):
        before, after = kernel.params.get(name), now.params.get(name)
        if name not in kernel.params or name not in now.params or not same_value(before, after):
            return f"parameter {name} changed"
    before_inputs = {p: h for p, h in kernel.inputs.items() if p != now.source}
    inputs = {p: h for p, h in now.inputs.items() if p != now.source}
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


class Parked:
    """The parked kernels of one project. `state` is its `.gristmill` directory."""

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER
        self.connections = self.folder / "connections"

    def path(self, kernel: ParkedKernel) -> Path:
        return self.folder / kernel.record()

    def all(self) -> list[ParkedKernel]:
        """Those that live, the newest first. Records of dead ones and overdue kernels go."""
        found = []
        for path in self.folder.glob("*.json"):
            kernel = self._read(path)
            if kernel is None:
                path.unlink(missing_ok=True)
                continue
            with contextlib.suppress(FileNotFoundError):
                if kernel.alive and time.time() - path.stat().st_mtime < LEASE_SECONDS:
                    found.append(kernel)
                    continue
            self.end(kernel)
        return sorted(found, key=lambda k: -k.at)

    def _read(self, path: Path) -> ParkedKernel | None:
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            return ParkedKernel(**{**raw, "cells": tuple(raw["cells"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def find(self, step: str | None = None) -> ParkedKernel:
        """The parked kernel of a step, or the only one. NotFound, or Conflict when several are."""
        there = [k for k in self.all() if step in (None, k.step)]
        if not there:
            raise NotFound(
                "kernel.not-parked",
                f"no kernel of step {step} is parked." if step else "no kernel is parked.",
                hint="`gristmill run --keep-failed` keeps the kernel of a step that fails.",
            )
        if len({k.step for k in there}) > 1:
            raise Conflict(
                "kernel.several-parked",
                f"several kernels are parked: {', '.join(sorted(k.step for k in there))}.",
                hint="Name the step.",
            )
        return there[0]

    def keep(self, kernel: ParkedKernel) -> None:
        """Write a kernel's record; it takes the place of another of its step, and of the oldest
        when there are more than MOST."""
        write_atomic(self.path(kernel), json.dumps(asdict(kernel), indent=1, default=str))
        others = [k for k in self.all() if k.pid != kernel.pid]
        for other in [k for k in others if k.step == kernel.step]:
            self.end(other)
        for other in [k for k in others if k.step != kernel.step][MOST - 1 :]:
            self.end(other)

    def resume(self, kernel: ParkedKernel, run: str) -> None:
        """From now on its variables are no longer those of the failing cell."""
        self.keep(replace(kernel, resuming=run))

    def renew(self, kernel: ParkedKernel) -> None:
        """Somebody uses it: its time begins again."""
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
        kept = {k.connection_file for k in self.all()}
        for path in self.connections.glob("*.json"):
            if str(path) not in kept:
                path.unlink(missing_ok=True)

    def end_step(self, step: str) -> bool:
        """End what is parked of a step; whether there was any."""
        there = [k for k in self.all() if k.step == step]
        for kernel in there:
            self.end(kernel)
        return bool(there)
