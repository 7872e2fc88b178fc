"""Lineage that travels with MLflow: what a run anywhere recorded, and what a version came from."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import Invalid
from gristmill.lineage import Lineage
from gristmill.project import Project
from gristmill.tracking._tracker import (
    BATCH,
    KIND_TAG,
    OUTPUTS_TAG,
    PARAM_LIMIT,
    RUN_TAG,
    STEP_TAG,
    experiment_id,
    lineage_tags,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

TRAINED_TAG = "gristmill.trained-in"


def find_lineage(
    project: Project, client: MlflowClient, step: str, path: str, digest: str
) -> Lineage | None:
    """The lineage of the newest run that wrote exactly this content, on any machine.

    Parameters
    ----------
    project
        The project.
    client
        Its client, from `mlflow_client`.
    step
        The step that writes the output.
    path, digest
        The output, and its hash by DVC.

    Returns
    -------
    Lineage or None
        None when MLflow has no such run, or has lost its record.
    """
    from mlflow.exceptions import MlflowException

    if not digest.removesuffix(".dir").isalnum() or "'" in step:
        return None
    runs = client.search_runs(
        [experiment_id(project, client)],
        f"tags.`{STEP_TAG}` = '{step}' and tags.`{OUTPUTS_TAG}` LIKE '%{digest}%'",
        order_by=["attributes.start_time DESC"],
        max_results=10,
    )
    for run in runs:
        try:
            with tempfile.TemporaryDirectory() as folder:
                file = client.download_artifacts(run.info.run_id, "lineage.json", folder)
                lineage = Lineage.from_json(Path(file).read_text(encoding="utf-8"))
        except (OSError, MlflowException, Invalid):
            continue
        if lineage.step == step and lineage.outputs.get(path) == digest:
            return lineage
    return None


def record_registration(
    project: Project,
    client: MlflowClient,
    model: str,
    metrics: Mapping[str, float],
    steps: Sequence[Lineage],
) -> str:
    """Make the MLflow run of a version: a child of the pipeline's run, with all parameters.

    Parameters
    ----------
    project
        The project.
    client
        Its client, from `mlflow_client`.
    model
        The version's model.
    metrics
        What the step measured.
    steps
        The lineage of the step that made it, and of those before it.

    Returns
    -------
    str
        The run's id.
    """
    from mlflow.entities import Param
    from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

    experiment, made = experiment_id(project, client), steps[0]
    tags = {KIND_TAG: "version", **lineage_tags(made)}
    if made.run and "'" not in made.run:
        tags[TRAINED_TAG] = made.run
        parents = client.search_runs(
            [experiment],
            f"tags.`{RUN_TAG}` = '{made.run}' and tags.`{KIND_TAG}` = 'pipeline'",
            max_results=1,
        )
        if parents:
            tags[MLFLOW_PARENT_RUN_ID] = str(parents[0].info.run_id)
    run = client.create_run(experiment, run_name=f"register {model}", tags=tags)
    run_id = str(run.info.run_id)
    for key, value in metrics.items():
        if math.isfinite(value):
            client.log_metric(run_id, key, value)
    values = [Param(f"{s.step}.{k}", _text(v)) for s in steps for k, v in s.params.items()]
    for begin in range(0, len(values), BATCH):
        client.log_batch(run_id, params=values[begin : begin + BATCH])
    client.set_terminated(run_id)
    return run_id


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:PARAM_LIMIT]
