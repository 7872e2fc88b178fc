"""A sweep in MLflow: the parent of its trials' runs, with the best of them."""

from __future__ import annotations

import time

from gristmill.project import Project
from gristmill.sweeps._state import Sweep
from gristmill.tracking import experiment_id, mlflow_client

STATUS = {True: "FINISHED", False: "KILLED"}


def open_parent(project: Project, sweep: Sweep) -> str:
    """The sweep's run: a new one, or on resuming the old one, running again."""
    client = mlflow_client(project)
    if sweep.parent:
        client.update_run(sweep.parent, status="RUNNING")
        return sweep.parent
    tags = {
        "gristmill.kind": "sweep",
        "gristmill.sweep": sweep.name,
        "gristmill.method": sweep.spec.method,
        "gristmill.metric": sweep.spec.metric,
    }
    experiment = experiment_id(project, client)
    return str(client.create_run(experiment, run_name=f"sweep {sweep.name}", tags=tags).info.run_id)


def close_parent(project: Project, sweep: Sweep) -> None:
    """Note the best trial and end the sweep's run; KILLED when trials are left."""
    from mlflow.entities import Metric, RunTag

    client = mlflow_client(project)
    parent = str(sweep.parent)
    best = sweep.best
    if best is not None:
        metric = Metric(sweep.spec.key, best.value, int(time.time() * 1000), 0)
        tags = [RunTag("gristmill.best", str(best.run))]
        tags += [RunTag(f"gristmill.best.{k}", str(v)) for k, v in best.params.items()]
        client.log_batch(parent, metrics=[metric], tags=tags)
    client.set_terminated(parent, STATUS[sweep.finished])
