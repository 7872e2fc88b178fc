"""A registered version, fetched, verified and ready to predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gristmill.errors import GristmillError, Invalid
from gristmill.predictor.model import LoadedModel, predictor_of
from gristmill.project import Project

if TYPE_CHECKING:
    from gristmill.registry.store import Registry
    from gristmill.registry.version import Version


def load_served_model(project: Project, registry: Registry, version: Version) -> LoadedModel:
    """Fetch, verify and load a version, and let it predict its own input example.

    Raises Forbidden when its bytes are not the registered ones, Invalid when it cannot be served.
    """
    from gristmill.registry.settings import model_settings

    try:
        pyfunc = registry.load(version)
    except GristmillError:
        raise
    except Exception as error:  # any library's error while it reads its own files
        raise Invalid(
            "serving.load",
            f"{version.model} version {version.version} cannot be loaded: {error}",
            hint="Load it by hand with mlflow.pyfunc.load_model in this environment.",
        ) from error
    time = model_settings(project, version.model).time
    loaded = predictor_of(version.model, version.version, version.digest, pyfunc, time)
    example = pyfunc.input_example
    if example is not None:
        loaded.predict(example)
    return loaded
