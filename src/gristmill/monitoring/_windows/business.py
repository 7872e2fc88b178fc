"""What a model is worth: declared values of its outcomes, costs, and metrics of the business."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gristmill.errors import Invalid, NotFound
from gristmill.monitoring._settings import MonitoringSettings
from gristmill.monitoring._statistics.periods import Period
from gristmill.monitoring._windows.charts import Business
from gristmill.monitoring._windows.report import WindowReport
from gristmill.project import SETTINGS, Project

OUTCOMES = ("true_positive", "false_positive", "true_negative", "false_negative")
COSTS = ("month", "retraining")
VALUE = "value a prediction"


def value_of(outcomes: Mapping[str, int], worth: Mapping[str, float]) -> float | None:
    """The mean declared value of a labelled prediction; None without any."""
    rows = sum(outcomes.values())
    if not rows or not any(k in OUTCOMES for k in worth):
        return None
    return sum(outcomes.get(k, 0) * worth.get(k, 0.0) for k in OUTCOMES) / rows


def business_metrics(
    project: Project,
    settings: MonitoringSettings,
    windows: Sequence[WindowReport],
    where: str,
) -> list[Business]:
    """The declared metrics by window: the value of outcomes, and the columns `time` and `value` of
    the files that `[...business.NAME]` names, averaged. Raises Invalid, NotFound."""
    metrics = []
    for key in settings.value:
        if key not in (*OUTCOMES, *COSTS):
            known = ", ".join((*OUTCOMES, *COSTS))
            raise Invalid(
                "monitoring.value",
                f"{where}: value.{key} is not known.",
                hint=f"Use some of {known}.",
            )
    worth = {w.start: v for w in windows if (v := value_of(w.outcomes, settings.value)) is not None}
    if worth:
        metrics.append(Business(VALUE, worth))
    for name, table in settings.business.items():
        if not isinstance(table, dict) or set(table) - {"file", "better"} or "file" not in table:
            raise Invalid(
                "monitoring.business",
                f"{where}: business.{name} must be a table with `file` and perhaps `better`.",
                hint=f'In {SETTINGS}: file = "revenue.csv" (time, value), better = "higher".',
            )
        values = _read(project, str(table["file"]), settings.period, name)
        metrics.append(Business(name, values, table.get("better", "higher") == "higher"))
    return metrics


def _read(project: Project, file: str, period: Period, name: str) -> dict[datetime, float]:
    import pandas as pd

    path = project.root / file
    if not path.is_file():
        raise NotFound("monitoring.business", f"business metric {name}: {file} does not exist.")
    frame: Any = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    if not {"time", "value"} <= set(frame):
        raise Invalid(
            "monitoring.business",
            f"{file} has no columns `time` and `value`.",
            hint=f"Its columns are {', '.join(map(str, frame))}.",
        )
    times = pd.to_datetime(frame["time"], utc=True)
    starts = [period.start(t.to_pydatetime()) for t in times]
    means = frame["value"].astype(float).groupby(starts).mean()
    return {k: float(v) for k, v in means.items()}
