"""Runs in MLflow: a parent for the pipeline, a child for each step.

The notebook needs no code for it; whatever it logs itself lands in its child run.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import Unavailable
from gristmill.files import hold_lock
from gristmill.lineage import Lineage
from gristmill.project import STATE, Project
from gristmill.tracking._database import FILE, create
from gristmill.workspace_trust import require_trust

if TYPE_CHECKING:
    from mlflow import MlflowClient

RUN_TAG = "gristmill.run"
STEP_TAG = "gristmill.step"
ATTEMPT_TAG = "gristmill.attempt"
OUTPUTS_TAG = "gristmill.outputs"
KIND_TAG = "gristmill.kind"
WORKSPACE_TAG = "gristmill.workspace"
OPEN = "mlflow-run"
PARAM_LIMIT = 6000
BATCH = 100  # most that MLflow takes of parameters at once
MLFLOW_STATUSES = {
    "succeeded": "FINISHED",
    "failed": "FAILED",
    "cancelled": "KILLED",
    "running": "RUNNING",
    "waiting": "SCHEDULED",
}


def to_mlflow_status(status: str) -> str:
    """MLflow's word for the status of a run or step.

    Parameters
    ----------
    status
        succeeded, failed, cancelled, running or waiting; anything else is put in capitals.
    """
    return MLFLOW_STATUSES.get(status, status.upper())


def from_mlflow_status(status: str) -> str:
    """The status of a run or step that MLflow has; the inverse of `to_mlflow_status`.

    Parameters
    ----------
    status
        As in `RunInfo.status`.
    """
    return next((ours for ours, name in MLFLOW_STATUSES.items() if name == status), status.lower())


def mlflow_client(project: Project) -> MlflowClient:
    """A client of the project's tracking store, created and migrated once by one process.

    Parameters
    ----------
    project
        Its `[tracking] uri`, or MLFLOW_TRACKING_URI, says where the store is.

    Raises
    ------
    Forbidden
        `project.untrusted`.
    Unavailable
        `tracking.unreachable`, when the store does not answer.
    """
    require_trust(project.root)
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.ERROR)
    uri = project.tracking_uri
    local = uri.startswith(FILE)
    try:
        with (
            hold_lock(project.origin / STATE / "mlflow.lock") if local else contextlib.nullcontext()
        ):
            if local and not os.path.exists(path := uri.removeprefix(FILE)):
                create(Path(path))
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            client.search_experiments(max_results=1)
    except MlflowException as error:
        raise Unavailable(
            "tracking.unreachable",
            f"MLflow at {public_uri(uri)} cannot be reached: {error}",
            hint="Correct `[tracking] uri` in gristmill.toml, or MLFLOW_TRACKING_URI.",
        ) from error
    return client


def experiment_id(project: Project, client: MlflowClient, suffix: str = "") -> str:
    """The id of the project's experiment, which is created when absent.

    Artifacts of a local store are kept in `.gristmill/artifacts`.

    Parameters
    ----------
    project
        The project.
    client
        Its client, from `mlflow_client`.
    suffix
        Added to the experiment's name, for runs that are to stand apart.
    """
    from mlflow.exceptions import MlflowException

    name = project.experiment + suffix
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        return str(experiment.experiment_id)
    local = project.tracking_uri.startswith("sqlite:")
    location = (project.origin / STATE / "artifacts").as_uri() if local else None
    try:
        return str(client.create_experiment(name, artifact_location=location))
    except MlflowException:
        experiment = client.get_experiment_by_name(name)
        if experiment is None:  # nobody else created it meanwhile
            raise
        return str(experiment.experiment_id)


def public_uri(uri: str) -> str:
    """An address without a password."""
    scheme, mark, rest = uri.partition("://")
    return f"{scheme}{mark}{rest.rsplit('@', 1)[-1]}" if mark else uri


def close_dead_runs(project: Project) -> None:
    """Close as KILLED the runs in MLflow that a killed process left open, if any.

    Runs of doubles are closed by the doubles.

    Parameters
    ----------
    project
        The project, whose lock the caller holds, so that nobody else runs.
    """
    if not marker(project).exists():
        return
    client = mlflow_client(project)
    unfinished = client.search_runs(
        [experiment_id(project, client)],
        f"attributes.status = 'RUNNING' and tags.`{WORKSPACE_TAG}` = '{workspace_of(project)}'",
        max_results=1000,
    )
    for run in unfinished:
        client.set_terminated(run.info.run_id, "KILLED")
    marker(project).unlink()


def marker(project: Project) -> Path:
    """A file that is there while a run of the project is open in MLflow, or was when it died."""
    return project.state / OPEN


def workspace_of(project: Project) -> str:
    """What tells a double's runs from the project's, in the experiment that they share."""
    return os.path.relpath(project.root, project.origin)


class Tracker:
    """Writes one pipeline run to MLflow. Used by the scheduler's thread only.

    Parameters
    ----------
    project
        The project, whose lock the caller holds.
    run
        The run's name.
    tags
        Tags of the parent run.

    Attributes
    ----------
    parent
        The id of the parent run.
    """

    def __init__(self, project: Project, run: str, tags: Mapping[str, str]) -> None:
        self.project = project
        self.run = run
        self.client = mlflow_client(project)
        self.experiment = experiment_id(project, self.client)
        self.workspace = workspace_of(project)
        close_dead_runs(project)
        marker(project).parent.mkdir(exist_ok=True)
        marker(project).touch()
        parent = self.client.create_run(
            self.experiment,
            run_name=run,
            tags={
                RUN_TAG: run,
                WORKSPACE_TAG: self.workspace,
                KIND_TAG: "pipeline",
                **tags,
            },
        )
        self.parent = str(parent.info.run_id)
        self._children: dict[str, str] = {}
        self._uris = {self.parent: str(parent.info.artifact_uri)}
        self._artifacts: dict[str, Any] = {}
        self._open = {self.parent}

    def start_step(
        self, step: str, params: Mapping[str, Any], notebook: str, attempt: int = 1
    ) -> dict[str, str]:
        """Open the child run of a step.

        Parameters
        ----------
        step, params, notebook
            The step's name, parameters by name, and notebook.
        attempt
            The number of the attempt, from 1.

        Returns
        -------
        dict
            The environment variables by which the kernel joins the run.
        """
        from mlflow.entities import Param
        from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

        tags = {
            MLFLOW_PARENT_RUN_ID: self.parent,
            RUN_TAG: self.run,
            WORKSPACE_TAG: self.workspace,
            STEP_TAG: step,
            KIND_TAG: "step",
            "gristmill.notebook": notebook,
            ATTEMPT_TAG: str(attempt),
        }
        child = self.client.create_run(self.experiment, run_name=step, tags=tags)
        run_id = str(child.info.run_id)
        self._children[step] = run_id
        self._uris[run_id] = str(child.info.artifact_uri)
        self._open.add(run_id)
        values = [Param(k, _text(v)) for k, v in params.items()]
        if values:
            self.client.log_batch(run_id, params=values)
        return {
            "MLFLOW_RUN_ID": run_id,
            "MLFLOW_TRACKING_URI": self.project.tracking_uri,
            "MLFLOW_REGISTRY_URI": self.project.tracking_uri,
            "MLFLOW_EXPERIMENT_ID": self.experiment,
        }

    def resume_step(self, step: str, run_id: str, earlier: str) -> dict[str, str]:
        """Reopen the child run of an earlier run, as a child of this one.

        The kernel that goes on logs there, and what it logged before stays.

        Parameters
        ----------
        step
            The step's name.
        run_id
            The child run's id in MLflow.
        earlier
            The name of the run that it was a child of.

        Returns
        -------
        dict
            As `start_step`.
        """
        from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

        old_tags = self.client.get_run(run_id).data.tags
        self.client.update_run(run_id, status="RUNNING")
        self._children[step] = run_id
        self._open.add(run_id)
        tags = {
            MLFLOW_PARENT_RUN_ID: self.parent,
            RUN_TAG: self.run,
            "gristmill.resumed-from": earlier,
        }
        for key, value in tags.items():
            self.client.set_tag(run_id, key, value)
        if "gristmill.error" in old_tags:
            self.client.delete_tag(run_id, "gristmill.error")
        if parent := old_tags.get(MLFLOW_PARENT_RUN_ID):
            self.client.set_tag(parent, "gristmill.resumed-by", self.run)
        return {"MLFLOW_RUN_ID": run_id}

    def child(self, step: str) -> str | None:
        """The id of a step's latest child run, None before its first."""
        return self._children.get(step)

    def finish_step(
        self,
        step: str,
        status: str,
        *,
        executed: Path | None = None,
        metrics: Mapping[str, float] | None = None,
        files: Mapping[str, Path] | None = None,
        lineage: Lineage | None = None,
        error: str = "",
    ) -> None:
        """Close the child run of a step.

        Parameters
        ----------
        step, status
            The step's name, and succeeded, failed or cancelled.
        executed
            The executed notebook.
        metrics
            Numbers by name; those that are not finite are left out.
        files
            Files by the artifact folder that they go to.
        lineage
            What the outputs were made from.
        error
            Why the step failed.
        """
        import time

        from mlflow.entities import Metric, RunTag

        run_id = self._children[step]
        timestamp = int(time.time() * 1000)
        values = [
            Metric(k, v, timestamp, 0) for k, v in (metrics or {}).items() if math.isfinite(v)
        ]
        tags = []
        if lineage is not None:
            tags += [RunTag(k, v) for k, v in lineage_tags(lineage).items()]
            tags.append(RunTag(OUTPUTS_TAG, " ".join(lineage.outputs.values())[:PARAM_LIMIT]))
        if error:
            tags.append(RunTag("gristmill.error", error[:PARAM_LIMIT]))
        self.client.log_batch(run_id, metrics=values, tags=tags)
        if executed is not None and executed.exists():
            self._store(run_id).log_artifact(str(executed), "notebook")
        for folder, path in (files or {}).items():
            self._store(run_id).log_artifact(str(path), folder)
        if lineage is not None:
            self._log_text(run_id, lineage.to_json(), "lineage.json")
        self.client.set_terminated(run_id, to_mlflow_status(status))
        self._open.discard(run_id)

    def _store(self, run_id: str) -> Any:
        """Where a run's artifacts go. The client would ask the database for each file."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        if run_id not in self._artifacts:
            uri = self._uris.get(run_id) or self.client.get_run(run_id).info.artifact_uri
            self._artifacts[run_id] = get_artifact_repository(
                uri, tracking_uri=self.project.tracking_uri
            )
        return self._artifacts[run_id]

    def _log_text(self, run_id: str, text: str, name: str) -> None:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_text(text, encoding="utf-8")
            self._store(run_id).log_artifact(str(path))

    def abandon(self) -> None:
        """Close what is open as KILLED."""
        for run_id in sorted(self._open):
            self.client.set_terminated(run_id, "KILLED")
        self._open.clear()
        marker(self.project).unlink(missing_ok=True)

    def finish(
        self, status: str, params: Mapping[str, Any], metrics: Mapping[str, float], record: str
    ) -> None:
        """Close the parent run.

        Parameters
        ----------
        status
            succeeded, failed, waiting or cancelled.
        params, metrics
            Those of all steps, named `step.name`, by which runs are searched.
        record
            The run's record in JSON, kept as the artifact `run.json`.
        """
        import time

        from mlflow.entities import Metric, Param

        timestamp = int(time.time() * 1000)
        values = [Metric(k, v, timestamp, 0) for k, v in metrics.items() if math.isfinite(v)]
        parameters = [Param(k, _text(v)) for k, v in params.items()]
        for begin in range(0, max(len(values), len(parameters)), BATCH):
            end = begin + BATCH
            self.client.log_batch(
                self.parent, metrics=values[begin:end], params=parameters[begin:end]
            )
        self._log_text(self.parent, record, "run.json")
        self.client.set_terminated(self.parent, to_mlflow_status(status))
        self._open.discard(self.parent)
        marker(self.project).unlink(missing_ok=True)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:PARAM_LIMIT]


def lineage_tags(lineage: Lineage) -> dict[str, str]:
    """What MLflow shows of a lineage: commit, source, author and whether the tree was clean."""
    dirty = None if lineage.dirty is None else str(lineage.dirty).lower()
    tags = {
        "gristmill.commit": lineage.commit,
        "gristmill.source": lineage.source,
        "gristmill.author": lineage.author,
        "gristmill.dirty": dirty,
    }
    return {name: value for name, value in tags.items() if value}


def flat_metrics(value: Any, prefix: str = "") -> dict[str, float]:
    """Numbers of a JSON document by dotted name.

    Parameters
    ----------
    value
        The parsed document. Lists and text are passed over.
    prefix
        What each name begins with.
    """
    numbers: dict[str, float] = {}
    if isinstance(value, Mapping):
        for key, item in value.items():
            numbers.update(flat_metrics(item, f"{prefix}.{key}" if prefix else str(key)))
    elif isinstance(value, int | float) and prefix:
        numbers[prefix] = float(value)
    return numbers
