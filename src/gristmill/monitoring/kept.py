"""The report as it is kept, for whoever reads it: repair, dashboards."""

from __future__ import annotations

import json

from gristmill.errors import Invalid, NotFound
from gristmill.monitoring.report import MonitorReport
from gristmill.monitoring.settings import directory
from gristmill.project import Project

FORMAT = 7


def read_report(project: Project, model: str) -> MonitorReport:
    """The report as last kept. Raises NotFound when there is none."""
    path = directory(project, model) / "report.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFound(
            "monitoring.report",
            f"{model} was never monitored.",
            hint=f"Run `gristmill monitor {model}`.",
        ) from error
    if record.pop("format") != FORMAT:
        raise Invalid(
            "monitoring.format",
            f"{path} was written by another version of Gristmill.",
            hint=f"Run `gristmill monitor {model}` to write it anew.",
        )
    return MonitorReport.from_record(record)
