"""Runs in MLflow: a parent for the pipeline, a child for each step.

The notebook needs no code for it; whatever it logs itself lands in its child run.
"""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.tracking._lineage import find_lineage, record_registration
    from gristmill.tracking._tracker import (
        RUN_TAG,
        STEP_TAG,
        Tracker,
        close_dead_runs,
        experiment_id,
        flat_metrics,
        from_mlflow_status,
        mlflow_client,
        to_mlflow_status,
    )
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "RUN_TAG",
    "STEP_TAG",
    "Tracker",
    "close_dead_runs",
    "experiment_id",
    "find_lineage",
    "flat_metrics",
    "from_mlflow_status",
    "mlflow_client",
    "record_registration",
    "to_mlflow_status",
]
