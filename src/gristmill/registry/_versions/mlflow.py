"""Models, versions and aliases in MLflow, safe when many processes write at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient

TAG = "gristmill.digest"
RETRIES = 8


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
    """Alias to version as MLflow has it; empty when it does not have the model."""
    entity: Any = registered(client, model)
    return {a: int(v) for a, v in entity.aliases.items()} if entity else {}


def registered(client: MlflowClient, model: str) -> Any:
    """MLflow's registered model, None when there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(model)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def create_version(client: MlflowClient, model: str, run: str, location: str, digest: str) -> int:
    """Make the next version from the files under `location` among the run's artifacts."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    created = client.create_model_version(
        model, source=f"runs:/{run}/{location}/model", run_id=run, tags={TAG: digest}
    )
    return int(created.version)


def find_version(client: MlflowClient, model: str, location: str) -> int | None:
    """The number of the version made from `location`, None when MLflow has none."""
    for version in client.search_model_versions(f"name='{model}'"):
        if version.source.endswith(f"/{location}/model"):
            return int(version.version)
    return None
