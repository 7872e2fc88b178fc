"""Draws one window's report: a task as JSON comes in, JSON lines of progress go out.

python -m gristmill.monitoring._drilldown.draw
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import GristmillError
from gristmill.files import write_atomic, write_json
from gristmill.monitoring._drilldown.evidently import drawn_columns, page
from gristmill.monitoring._model import MonitoredModel, load_monitored_model
from gristmill.monitoring._store.profile import PREDICTION, Profile
from gristmill.monitoring._store.sampled import sampled_rows
from gristmill.monitoring._windows.budget import allocate
from gristmill.monitoring._windows.reference import matching, profile_of, reference_rows
from gristmill.monitoring._windows.report import MonitorReport, WindowReport, read_report
from gristmill.project import Project

if TYPE_CHECKING:
    import pandas as pd


def main() -> int:
    os.nice(10)
    try:
        draw(json.load(sys.stdin))
    except GristmillError as error:
        _say({"code": error.code, "message": error.message, "hint": error.hint})
        return 1
    return 0


def draw(task: dict[str, Any]) -> None:
    """Draw the page; its facts are written before it, so that a page there is has them."""
    project, name = Project.load(Path(task["root"])), task["model"]
    model = load_monitored_model(project, name)
    settings = model.settings
    report, start = read_report(project, name), datetime.fromisoformat(task["start"])
    window = next(w for w in report.windows if (w.version, w.start) == (task["version"], start))
    profile = profile_of(model, model.registry.version(name, window.version))
    log, most = model.predictions, task["rows"]
    _progress(0.0, "reading the reference")
    reference = _reference(model, profile, report, window, most)
    now, rows = sampled_rows(
        log, profile, [(window.start, window.end)], settings.by, most, _reading(0.1, 0.5)
    )
    judged = {f.name: f for f in window.drift.features}
    if window.drift.prediction:
        judged[PREDICTION] = window.drift.prediction
    columns = drawn_columns(profile.columns, judged, (reference, now))
    _progress(0.5, f"Evidently draws {len(now):,} of {rows:,} rows")
    html = page(
        columns,
        judged,
        reference,
        now,
        alpha=allocate(settings)["drift"],
        share=settings.share,
    )
    target = Path(task["target"])
    facts = {
        "model": name,
        "version": window.version,
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "rows": rows,
        "shown": len(now),
        "reference": len(reference),
        "left_out": sorted(set(judged) - {c.name for c in columns}),
    }
    write_json(target.with_suffix(".json"), facts)
    write_atomic(target, html)
    _progress(1.0, "drawn")


def _reference(
    model: MonitoredModel,
    profile: Profile,
    report: MonitorReport,
    window: WindowReport,
    most: int,
) -> pd.DataFrame:
    """Rows of what the window was compared with."""
    if window.against_windows:
        starts = set(window.against_windows)
        spans = [
            (w.start, w.end)
            for w in report.windows
            if w.version == window.version and w.start in starts
        ]
        progress = _reading(0.0, 0.1)
        rows, _ = sampled_rows(model.predictions, profile, spans, model.settings.by, most, progress)
        return rows
    version = model.registry.version(model.name, window.version)
    frame = reference_rows(model.registry, model.declared, version, profile.task)
    if window.against_parts:
        frame = frame[matching(frame, model.declared.time, window.against_parts)]
    return frame.sample(min(most, len(frame)), random_state=0).reset_index(drop=True)


def _reading(low: float, high: float) -> Any:
    return lambda share, activity: _progress(low + share * (high - low), activity)


def _progress(share: float, activity: str) -> None:
    _say({"share": round(share, 3), "activity": activity})


def _say(record: dict[str, Any]) -> None:
    print(json.dumps(record), flush=True)  # noqa: T201  the protocol


if __name__ == "__main__":
    sys.exit(main())
