"""A client of the project's MLflow store, safe when many processes open a new one at once."""

from __future__ import annotations

import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import Unavailable
from gristmill.project import Project

if TYPE_CHECKING:
    from mlflow import MlflowClient

RETRIES = 8


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file `path` among processes; the system frees it on death."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def connect(project: Project) -> MlflowClient:
    """A client for the project's tracking and registry store, migrated once under a lock.

    Raises Unavailable when the store does not answer.
    """
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    for name in ("mlflow.store.db.utils", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    uri = project.tracking_uri
    if uri.startswith("sqlite:///"):
        Path(uri.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    try:
        with locked(project.state / "mlflow.lock"):
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            client.search_registered_models(max_results=1)
    except MlflowException as error:
        raise Unavailable(
            "mlflow.unavailable", f"MLflow at {uri}: {error}", hint="Is the server up?"
        ) from error
    return client


def experiment(project: Project, client: MlflowClient) -> str:
    """The id of the project's experiment; a local store keeps artifacts in the project's state."""
    with locked(project.state / "mlflow.lock"):
        found = client.get_experiment_by_name(project.experiment)
        if found is not None:
            return str(found.experiment_id)
        local = project.tracking_uri.startswith("sqlite:")
        location = (project.state / "artifacts").as_uri() if local else None
        return str(client.create_experiment(project.experiment, artifact_location=location))


def set_alias(client: MlflowClient, model: str, alias: str, version: int) -> None:
    """Set the alias; two first sets of one alias at once make MLflow's store raise: try again."""
    from mlflow.exceptions import MlflowException

    for attempt in range(RETRIES):
        try:
            client.set_registered_model_alias(model, alias, str(version))
        except MlflowException as error:
            if "IntegrityError" not in str(error) or attempt == RETRIES - 1:
                raise
            time.sleep(0.05 * (attempt + 1))
        else:
            return


def aliases(client: MlflowClient, model: str) -> dict[str, int]:
    """Alias to version as MLflow has it, empty when it does not know the model."""
    known: Any = registered(client, model)
    return {a: int(v) for a, v in known.aliases.items()} if known else {}


def registered(client: MlflowClient, model: str) -> Any:
    """MLflow's registered model, None when there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(model)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
