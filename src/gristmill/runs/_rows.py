"""Pipeline runs, searched in MLflow: filtered and sorted there as far as it can."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gristmill.project import Project, finds_project
from gristmill.runs._query import ATTRIBUTES, Condition, parse_where, split_key
from gristmill.tracking import RUN_TAG, experiment_id, from_mlflow_status, mlflow_client

PAGE = 500
SWEEP_TAG = "gristmill.sweep"


@dataclass(frozen=True)
class RunRow:
    """A run as a line of a table.

    Attributes
    ----------
    run, status
        The run's name and status.
    started
        Seconds since the epoch.
    seconds
        Wall time; None when it has not ended.
    params, metrics
        By `step.name`; a metric of the last step that reports it also by its `name` alone.
    tags
        Its tags in MLflow, without MLflow's own.
    mlflow_run
        Its id in MLflow.
    """

    run: str
    status: str
    started: float
    seconds: float | None
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    mlflow_run: str

    def value(self, key: str) -> Any:
        """The value of a key of `--where` or `--sort`; None when the run has none."""
        kind, name = split_key(key)
        if kind in {"metrics", "params", "tags"}:
            value: Any = getattr(self, kind).get(name)
            return value
        if kind in {"run", "status"}:
            return getattr(self, kind)
        return self.tags.get(ATTRIBUTES[kind].split("`")[1])


@finds_project
def search(
    project: Project,
    where: str = "",
    *,
    sort: str = "",
    ascending: bool = False,
    limit: int = 30,
    sweep: str | None = None,
) -> list[RunRow]:
    """The newest runs, or the first by `sort` (`metrics.roc_auc`, `params.train.trees`, `run`).

    Parameters
    ----------
    project
        The project.
    where
        Conditions joined by `and`, such as `metrics.roc_auc > 0.7 and params.train.trees = 80`.
    sort
        A key. Runs that lack it come last.
    ascending
        The smallest or oldest first.
    limit
        How many at most.
    sweep
        The trials of this sweep; None leaves out those of all sweeps.

    Raises
    ------
    Invalid
        A condition or key is not understood.
    """
    conditions = parse_where(where) if where.strip() else ()
    kind, name = split_key(sort) if sort else ("", "")
    pushed = [c.filter() for c in conditions if not c.is_local]
    kind_tag = "trial" if sweep else "pipeline"
    pushed.insert(0, f"tags.`gristmill.kind` = '{kind_tag}'")
    if sweep:
        pushed.append(f"tags.`{SWEEP_TAG}` = '{sweep}'")
    order = []
    if kind == "metrics":
        order = [f"metrics.`{name}` {'ASC' if ascending else 'DESC'}"]
    newest = f"attributes.start_time {'ASC' if ascending and kind == 'run' else 'DESC'}"
    ordered = kind in {"", "metrics", "run"}
    page = min(limit, PAGE) if ordered and all(not c.is_local for c in conditions) else PAGE
    rows = _rows(project, " and ".join(pushed), [*order, newest], conditions, page)
    if ordered:
        return [row for row, _ in zip(rows, range(limit), strict=False)]
    with_key: list[RunRow] = []
    without_key: list[RunRow] = []
    for row in rows:
        (without_key if row.value(sort) is None else with_key).append(row)
    with_key.sort(key=lambda row: _natural(row.value(sort)), reverse=not ascending)
    return [*with_key, *without_key][:limit]


def _rows(
    project: Project,
    text: str,
    order: list[str],
    conditions: tuple[Condition, ...],
    size: int,
) -> Iterator[RunRow]:
    client = mlflow_client(project)
    experiment = experiment_id(project, client)
    local = [c for c in conditions if c.is_local]
    token = None
    while True:
        page = client.search_runs(
            [experiment], text, max_results=size, order_by=order, page_token=token
        )
        for run in page:
            row = _row(run)
            if all(c.holds(row.params) for c in local):
                yield row
        token = page.token
        if not token:
            return


def _row(run: Any) -> RunRow:
    info, data = run.info, run.data
    ended = info.end_time
    return RunRow(
        run=data.tags.get(RUN_TAG, info.run_name),
        status=from_mlflow_status(info.status),
        started=info.start_time / 1000,
        seconds=None if ended is None else (ended - info.start_time) / 1000,
        params=dict(data.params),
        metrics=dict(data.metrics),
        tags={k: v for k, v in data.tags.items() if not k.startswith("mlflow.")},
        mlflow_run=info.run_id,
    )


def _natural(value: Any) -> tuple[int, float, str]:
    """Numbers by size and before text."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return (1, 0.0, str(value))
    return (0, number if math.isfinite(number) else -math.inf, "")
