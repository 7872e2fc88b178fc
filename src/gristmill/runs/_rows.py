"""Pipeline runs found in MLflow: filtered and sorted there as far as it can."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gristmill.project import Project, finds_project
from gristmill.runs._query import MLFLOW_STATUS, WORDS, Condition, parse_where, split_key
from gristmill.tracking import RUN_TAG, connect, experiment_id

PAGE = 500
WORD_OF = {mlflow: ours for ours, mlflow in MLFLOW_STATUS.items()}
SWEEP_TAG = "gristmill.sweep"


@dataclass(frozen=True)
class RunRow:
    """A run as a line of a table.

    `started` is seconds since the epoch, `seconds` wall time (None: not ended); `params` and
    `metrics` are named as `step.name`, metrics of the last step that reports them also as `name`.
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
        """What a key of `--where` or `--sort` says of this run, None when nothing."""
        kind, name = split_key(key)
        if kind in {"metrics", "params", "tags"}:
            found: Any = getattr(self, kind).get(name)
            return found
        if kind in {"run", "status"}:
            return getattr(self, kind)
        return self.tags.get(WORDS[kind].split("`")[1])


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

    `where` joins conditions by `and`. Trials of sweeps are left out unless `sweep` names one.
    Runs that lack the key they are sorted by come last. Raises Invalid for a condition or key not
    understood.
    """
    conditions = parse_where(where) if where.strip() else ()
    kind, name = split_key(sort) if sort else ("", "")
    pushed = [c.filter() for c in conditions if not c.ours]
    kind_tag = "trial" if sweep else "pipeline"
    pushed.insert(0, f"tags.`gristmill.kind` = '{kind_tag}'")
    if sweep:
        pushed.append(f"tags.`{SWEEP_TAG}` = '{sweep}'")
    order = []
    if kind == "metrics":
        order = [f"metrics.`{name}` {'ASC' if ascending else 'DESC'}"]
    newest = f"attributes.start_time {'ASC' if ascending and kind == 'run' else 'DESC'}"
    ordered = kind in {"", "metrics", "run"}
    page = min(limit, PAGE) if ordered and all(not c.ours for c in conditions) else PAGE
    rows = _rows(project, " and ".join(pushed), [*order, newest], conditions, page)
    if ordered:
        return [row for row, _ in zip(rows, range(limit), strict=False)]
    known: list[RunRow] = []
    unknown: list[RunRow] = []
    for row in rows:
        value = row.value(sort)
        (unknown if value is None else known).append(row)
    known.sort(key=lambda row: _natural(row.value(sort)), reverse=not ascending)
    return [*known, *unknown][:limit]


def _rows(
    project: Project,
    text: str,
    order: list[str],
    conditions: tuple[Condition, ...],
    size: int,
) -> Iterator[RunRow]:
    client = connect(project)
    experiment = experiment_id(project, client)
    ours = [c for c in conditions if c.ours]
    token = None
    while True:
        page = client.search_runs(
            [experiment], text, max_results=size, order_by=order, page_token=token
        )
        for run in page:
            row = _row(run)
            if all(c.holds(row.params) for c in ours):
                yield row
        token = page.token
        if not token:
            return


def _row(run: Any) -> RunRow:
    info, data = run.info, run.data
    ended = info.end_time
    return RunRow(
        run=data.tags.get(RUN_TAG, info.run_name),
        status=WORD_OF.get(info.status, info.status.lower()),
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
