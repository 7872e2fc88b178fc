"""What a step opened against what its parameters cell declares."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from gristmill.authoring import Severity
from gristmill.errors import StepFailed
from gristmill.lineage import LOCK_FILE, PIPELINE_FILE
from gristmill.pipeline import StepSpec, overlaps
from gristmill.project import SETTINGS, Project
from gristmill.warm import log_files_to, read_file_log

OWN_FILES = {SETTINGS, LOCK_FILE, PIPELINE_FILE}
INJECTED = "injected-parameters"


@dataclass(frozen=True)
class UndeclaredFile:
    """A file a step read or wrote without declaring it. `path` is relative to the project's root,
    absolute outside it; `cell` the index in the source notebook, -1 when unknown."""

    path: str
    writes: bool
    cell: int

    @property
    def kind(self) -> str:
        return "write" if self.writes else "read"

    def sentence(self, notebook: str) -> str:
        """What happened and where, without a full stop."""
        where = f"{notebook}, cell {self.cell + 1}," if self.cell >= 0 else notebook
        verb = "wrote" if self.writes else "read"
        return f"{where} {verb} {self.path} without declaring it"


def undeclared_files(
    project: Project, step: StepSpec, log: Path, executed: Path
) -> list[UndeclaredFile]:
    """What the kernel noted in `log`, without what is declared or gone again."""
    opened: dict[tuple[str, bool], int] = {}
    for access in read_file_log(log):
        key = (_relative(access.path, project.root), access.writes)
        opened.setdefault(key, access.execution_count)
    outputs = [o.path for o in step.outputs]
    parameter_sets = (p.name for p in project.root.glob("params*.yaml"))
    readable = [*step.inputs, *outputs, *OWN_FILES, *parameter_sets]
    environment = project.environment_file()
    if environment is not None:
        readable.append(_relative(str(environment), project.root))
    written = {path for path, writes in opened if writes}
    remaining = []
    for (path, writes), count in opened.items():
        allowed = outputs if writes else readable
        if any(overlaps(path, other) for other in allowed) or (not writes and path in written):
            continue
        full = project.root / path
        if full.is_dir() or not full.exists():
            continue
        remaining.append((path, writes, count))
    cells = _source_cells(executed) if remaining else {}
    return [UndeclaredFile(path, writes, cells.get(count, -1)) for path, writes, count in remaining]


def check_files(
    project: Project, step: StepSpec, log: Path, executed: Path, level: str
) -> list[UndeclaredFile]:
    """As `undeclared_files`; raises StepFailed when there are any and `level` is error."""
    files = undeclared_files(project, step, log, executed)
    if files and level == Severity.ERROR:
        raise StepFailed(
            "step.undeclared",
            "; ".join(file.sentence(step.notebook) for file in files) + ".",
            hint=f"Declare them in {step.location()}, or set `[lint] undeclared` to warning or "
            "off.",
        )
    return files


def observe(level: str, log: Path) -> dict[str, str]:
    """The variables that make the kernel note what it opens; none when `level` is off."""
    return {} if level == Severity.OFF else log_files_to(log)


def _relative(path: str, root: Path) -> str:
    base = str(root) + os.sep
    return path[len(base) :].replace(os.sep, "/") if path.startswith(base) else path


def _source_cells(executed: Path) -> dict[int, int]:
    """IPython's execution count -> index of the cell in the source notebook."""
    try:
        cells = json.loads(executed.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return {}
    sources: dict[int, int] = {}
    index = 0
    for cell in cells:
        injected = INJECTED in (cell.get("metadata", {}).get("tags") or ())
        if cell.get("execution_count") is not None and not injected:
            sources[cell["execution_count"]] = index
        index += not injected
    return sources
