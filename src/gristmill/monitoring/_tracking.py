"""The figures of a model's closed windows, in MLflow."""

from __future__ import annotations

import json

from gristmill.files import write_json
from gristmill.monitoring._model import MonitoredModel
from gristmill.monitoring._windows.report import MonitorReport
from gristmill.tracking import experiment_id


def log_windows(model: MonitoredModel, report: MonitorReport) -> None:
    """One MLflow run a model holds the figures of its closed windows, as metrics over time.

    What was logged is remembered beside the report, so that a window is logged once for each
    judgement of it.
    """
    path = model.directory / "logged.json"
    state = {"run": "", "windows": {}}
    if path.is_file():
        state = json.loads(path.read_text(encoding="utf-8"))
    done: dict[str, str] = state["windows"]  # type: ignore[assignment]
    fresh = [
        (i, w)
        for i, w in enumerate(report.windows)
        if w.closed and done.get(f"{w.start.isoformat()}/{w.version}") != w.basis
    ]
    if not fresh:
        return
    from mlflow.entities import Metric as Logged
    from mlflow.entities import RunTag

    client = model.registry.client
    run = str(state["run"]) or _monitoring_run(model)
    logged = []
    for step, window in fresh:
        values = {"drift.share": window.drift.share, "rows": float(window.rows)}
        values |= {f"drift.{f.name}": f.distances.moved for f in window.drift.features}
        values |= {k: m.value for k, m in window.performance.items()}
        when = int(window.end.timestamp() * 1000)
        logged += [Logged(k, v, when, step) for k, v in values.items()]
        done[f"{window.start.isoformat()}/{window.version}"] = window.basis
    for first in range(0, len(logged), 900):
        client.log_batch(run, metrics=logged[first : first + 900])
    version = str(report.windows[-1].version)
    client.log_batch(run, tags=[RunTag("gristmill.version", version)])
    write_json(path, {"run": run, "windows": done})


def _monitoring_run(model: MonitoredModel) -> str:
    client = model.registry.client
    experiment = experiment_id(model.project, client, "-monitoring")
    query = f"tags.`gristmill.model` = '{model.name}'"
    runs = client.search_runs([experiment], query, max_results=1)
    if runs:  # made by a process that was killed before it wrote that down
        return str(runs[0].info.run_id)
    run = client.create_run(
        experiment, run_name=f"monitor {model.name}", tags={"gristmill.model": model.name}
    )
    return str(run.info.run_id)
