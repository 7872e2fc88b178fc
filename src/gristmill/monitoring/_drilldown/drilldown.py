"""The verb `drill_down`: Evidently's report on one window, drawn when somebody asks for it.

It is drawn in a process of its own, from a sample of the window's rows, and kept until the window,
its judgement or the reference change.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any

from gristmill.errors import Invalid, NotFound, Unavailable
from gristmill.files import exclusive_lock, remove_leftovers
from gristmill.monitoring._settings import directory
from gristmill.monitoring._statistics.periods import parse_time
from gristmill.monitoring._store.sampled import Progress
from gristmill.monitoring._windows.report import MonitorReport, WindowReport, read_report
from gristmill.project import Project, finds_project
from gristmill.workspace_trust import require_trust

FORMAT = 1
ROWS = 10_000
KEPT = 24
WAIT_SECONDS = 900.0
WORKER = "gristmill.monitoring._drilldown.draw"


@dataclass(frozen=True)
class DrillDown:
    """A drawn report: where it is, and of what.

    Attributes
    ----------
    path
        The HTML page.
    model, version, start, end
        The window.
    rows
        How many rows the window has.
    shown, reference
        How many of them, and of the reference's rows, were drawn.
    left_out
        Columns without a value on one side.
    """

    path: Path
    model: str
    version: int
    start: datetime
    end: datetime
    rows: int
    shown: int
    reference: int
    left_out: tuple[str, ...] = ()


@finds_project
def drill_down(
    project: Project,
    model: str,
    window: str | None = None,
    *,
    version: int | None = None,
    rows: int = ROWS,
    progress: Progress = lambda share, activity: None,
) -> DrillDown:
    """Evidently's report on one window, with the verdicts of the kept report.

    Whoever asks for a report that another process is drawing waits for it.

    Parameters
    ----------
    project
        The project that declares the model.
    model
        The model's name.
    window
        An ISO time that the window holds; the last judged window when None.
    version
        The version; the newest with such a window when None.
    rows
        At most so many rows are drawn of the window and of the reference.
    progress
        Called with the share done (0 to 1) and what is being done.

    Returns
    -------
    DrillDown
        Where the page is, and of what.

    Raises
    ------
    NotFound
        There is no such model, report or window.
    Invalid
        The version kept no reference, or `rows` is less than 1.
    Unavailable
        Evidently is missing or could not draw.
    """
    require_trust(project.root)
    if model not in project.models:
        known = ", ".join(project.models) or "none"
        raise NotFound(
            "drill.model", f"no model {model!r} is declared.", hint=f"Declared: {known}."
        )
    if rows < 1:
        raise Invalid(
            "drill.rows", f"rows = {rows}: there is nothing to draw.", hint="Ask for 1 or more."
        )
    target_window = chosen(read_report(project, model), window, version)
    target = drill_down_path(project, model, target_window, rows)
    stored = stored_drill_down(target)
    if stored is not None:
        return stored
    with exclusive_lock(
        target.parent / f"{window_name(target_window)}.lock",
        f"drawing {target.stem}",
        wait=WAIT_SECONDS,
    ):
        stored = stored_drill_down(target)
        if stored is not None:
            return stored
        task = {
            "root": str(project.root),
            "model": model,
            "version": target_window.version,
            "start": target_window.start.isoformat(),
            "target": str(target),
            "rows": rows,
        }
        _draw(task, progress)
        stored = stored_drill_down(target)
        if stored is None:
            raise Unavailable(
                "drill.lost", f"{target} was removed as soon as it was drawn.", hint="Try again."
            )
        _sweep(target, window_name(target_window))
    return stored


def chosen(report: MonitorReport, window: str | None, version: int | None) -> WindowReport:
    """The window that holds the ISO time, of the newest version that has one. Raises NotFound,
    Invalid."""
    fit = [w for w in report.windows if version in (None, w.version)]
    if window is None:
        judged = [w for w in fit if w.drift.verdict != "inconclusive"]
        fit = judged or fit
    else:
        moment = parse_time(window, "the window")
        fit = [w for w in fit if w.start <= moment < w.end]
    if not fit:
        starts = ", ".join(dict.fromkeys(f"{w.start:%Y-%m-%d}" for w in report.windows[-12:]))
        raise NotFound(
            "drill.window",
            f"no window of {report.model} holds {window or 'rows'}"
            f"{'' if version is None else f' of version {version}'}.",
            hint=f"The last windows begin on {starts}." if starts else "There are no windows yet.",
        )
    return max(fit, key=lambda w: (w.start, w.version))


def window_name(window: WindowReport) -> str:
    """The name of a window in files and addresses: `v3-20130701T00`.

    Parameters
    ----------
    window
        The window as the report has it.
    """
    return f"v{window.version}-{window.start:%Y%m%dT%H}"


def drill_down_path(project: Project, model: str, window: WindowReport, rows: int = ROWS) -> Path:
    """Where a window's page is kept; it differs by judgement, reference and Evidently's version.

    Parameters
    ----------
    project
        The project that declares the model.
    model
        The model's name.
    window
        The window as the report has it.
    rows
        How many rows are drawn at most.

    Raises
    ------
    Unavailable
        Evidently is not installed.
    Invalid
        The version kept no reference.
    """
    from gristmill.registry import Registry, Version

    try:
        drawer = version("evidently")
    except PackageNotFoundError as error:
        raise Unavailable(
            "drill.evidently",
            "Evidently is not installed.",
            hint='pip install "gristmill[monitor]"',
        ) from error
    digest = Registry(project).version(model, window.version).evidence.get(Version.REFERENCE)
    if digest is None:
        raise Invalid(
            "drill.reference",
            f"{model} version {window.version} kept no reference to compare with.",
            hint="Set `reference` of the model in gristmill.toml and register a new version.",
        )
    text = f"{FORMAT} {window.basis} {window.against} {digest} {rows} {drawer}"
    key = hashlib.sha256(text.encode()).hexdigest()[:12]
    return directory(project, model) / "drilldown" / f"{window_name(window)}-{key}.html"


def stored_drill_down(target: Path) -> DrillDown | None:
    """The page that was drawn before; None when there is none.

    Parameters
    ----------
    target
        Its path (`drill_down_path`).
    """
    try:
        record = json.loads(target.with_suffix(".json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if not target.is_file():
        return None
    times = {k: datetime.fromisoformat(record[k]) for k in ("start", "end")}
    return DrillDown(target, **{**record, **times, "left_out": tuple(record["left_out"])})


def _draw(task: Mapping[str, Any], progress: Progress) -> None:
    environment = {**os.environ, "DO_NOT_TRACK": "1", "OMP_NUM_THREADS": "1"}
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors,
        subprocess.Popen(
            [sys.executable, "-m", WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
        ) as process,
    ):
        try:
            _listen(process, task, progress, errors)
        finally:
            process.kill()


def _listen(
    process: subprocess.Popen[str], task: Mapping[str, Any], progress: Progress, errors: IO[str]
) -> None:
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(task))
    process.stdin.close()
    for line in process.stdout:
        record = json.loads(line)
        if "code" in record:
            raise Unavailable(record["code"], record["message"], hint=record["hint"])
        progress(record["share"], record["activity"])
    if process.wait():
        errors.seek(0)
        lines = errors.read().strip().splitlines()
        reason = lines[-1] if lines else f"its process ended with {process.returncode}"
        raise Unavailable(
            "drill.draw",
            f"Evidently could not draw {task['model']}'s window: {reason}",
            hint="The figures of `gristmill monitor` do not depend on it; try again.",
        )


def _sweep(target: Path, window: str) -> None:
    """Remove what the new report replaces, the oldest beyond `KEPT`, and what a kill left."""
    folder = target.parent
    pages = sorted(folder.glob("*.html"), key=lambda p: p.stat().st_mtime, reverse=True)
    for i, path in enumerate(pages):
        if path != target and (i >= KEPT or path.name.startswith(f"{window}-")):
            path.with_suffix(".json").unlink(missing_ok=True)
            path.unlink(missing_ok=True)
    remove_leftovers([folder])
