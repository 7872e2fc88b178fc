"""What a step opened against what its parameters cell declares."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from gristmill.authoring import Severity
from gristmill.errors import StepFailed
from gristmill.lineage import LOCK_FILE, PIPELINE_FILE
from gristmill.pipeline import StepSpec, overlaps
from gristmill.project import SETTINGS, Project
from gristmill.warm import VARIABLE

OURS = {SETTINGS, LOCK_FILE, PIPELINE_FILE}
INJECTED = "injected-parameters"


@dataclass(frozen=True)
class Undeclared:
    """A file a step read or wrote without declaring it. `path` is relative to the project's root,
    absolute outside it; `cell` the index in the source notebook, -1 when unknown."""

    path: str
    writes: bool
    cell: int

    @property
    def kind(self) -> str:
        return "write" if self.writes else "read"

    def sentence(self, notebook: str) -> str:
        where = f"{notebook}, cell {self.cell + 1}" if self.cell >= 0 else notebook
        verb = "wrote" if self.writes else "read"
        return f"{where} {verb} {self.path}, which it does not declare"


def undeclared(project: Project, step: StepSpec, log: Path, executed: Path) -> list[Undeclared]:
    """What the kernel noted in `log`, without what is declared or gone again."""
    try:
        lines = log.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    noted: dict[tuple[str, bool], int] = {}
    for line in lines:
        with contextlib.suppress(ValueError):  # a line cut off by a kill
            kind, path, count = json.loads(line)
            noted.setdefault((_relative(path, project.root), kind == "write"), count)
    outputs = [o.path for o in step.outputs]
    sets = (p.name for p in project.root.glob("params*.yaml"))
    known = [*step.inputs, *outputs, *OURS, *sets]
    environment = project.environment_file()
    if environment is not None:
        known.append(_relative(str(environment), project.root))
    written = {path for path, writes in noted if writes}
    found = []
    for (path, writes), count in noted.items():
        allowed = outputs if writes else known
        if any(overlaps(path, other) for other in allowed) or (not writes and path in written):
            continue
        full = project.root / path
        if full.is_dir() or not full.exists():
            continue
        found.append((path, writes, count))
    cells = _cells(executed) if found else {}
    return [Undeclared(path, writes, cells.get(count, -1)) for path, writes, count in found]


def audit(
    project: Project, step: StepSpec, log: Path, executed: Path, level: str
) -> list[Undeclared]:
    """As `undeclared`; raises StepFailed when there are any and `level` is error."""
    found = undeclared(project, step, log, executed)
    if found and level == Severity.ERROR:
        raise StepFailed(
            "step.undeclared",
            "; ".join(f.sentence(step.notebook) for f in found) + ".",
            hint=f"Declare them in {step.location()}, or set `[lint] undeclared` to warning or "
            "off.",
        )
    return found


def watch(level: str, log: Path) -> dict[str, str]:
    """What the kernel's environment must say to be watched."""
    return {} if level == Severity.OFF else {VARIABLE: str(log)}


def _relative(path: str, root: Path) -> str:
    base = str(root) + os.sep
    return path[len(base) :].replace(os.sep, "/") if path.startswith(base) else path


def _cells(executed: Path) -> dict[int, int]:
    """IPython's count -> index of the cell in the source notebook."""
    try:
        cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return {}
    found: dict[int, int] = {}
    source = 0
    for cell in cells:
        injected = INJECTED in (cell.get("metadata", {}).get("tags") or ())
        if cell.get("execution_count") is not None and not injected:
            found[cell["execution_count"]] = source
        source += not injected
    return found
