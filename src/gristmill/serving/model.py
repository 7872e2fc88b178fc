"""A model version ready to predict, and the frame its rows become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gristmill.errors import GristmillError, Invalid
from gristmill.project import Project
from gristmill.serving.schema import Row, Schema, from_signature

if TYPE_CHECKING:
    import pandas as pd

    from gristmill.registry.store import Registry
    from gristmill.registry.version import Version


@dataclass(frozen=True)
class LoadedModel:
    """A verified version in memory. `since` is when this process loaded it."""

    name: str
    version: int
    digest: str
    schema: Schema
    since: datetime
    pyfunc: Any

    def predict(self, frame: pd.DataFrame) -> list[Any]:
        """A value for each row: the probability of the positive class when the model gives class
        probabilities, else what it returns. Raises Invalid when the model cannot, or returns
        what is not finite or not one value a row.
        """
        import numpy as np

        from gristmill.registry.scores import prediction, probability

        try:
            raw = np.asarray(self.pyfunc.predict(frame))
        except Exception as error:  # whatever the model's own code raises
            raise Invalid(
                "serving.predict",
                f"{self.name} version {self.version} cannot predict for these rows: {error}",
                hint="The rows fit the signature; the model's code refused them.",
            ) from error
        values = probability(raw) if raw.ndim == 2 and raw.shape[1] == 2 else prediction(raw)
        if len(values) != len(frame):
            raise Invalid(
                "model.output",
                f"{self.name} version {self.version} returned {len(values)} values for "
                f"{len(frame)} rows.",
            )
        if values.dtype.kind == "f" and not np.all(np.isfinite(values)):
            raise Invalid(
                "model.output",
                f"{self.name} version {self.version} returned a value that is not finite.",
            )
        return list(values.tolist())

    def frame(self, rows: Sequence[Row]) -> pd.DataFrame:
        """The rows as a data frame with the signature's columns and types."""
        import pandas as pd

        columns = zip(*(row.values for row in rows), strict=True)
        return pd.DataFrame(
            {
                column.name: _series(list(values), column.type)
                for column, values in zip(self.schema.columns, columns, strict=True)
            }
        )


def load(project: Project, registry: Registry, version: Version) -> LoadedModel:
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
    loaded = LoadedModel(
        name=version.model,
        version=version.version,
        digest=version.digest,
        schema=from_signature(
            pyfunc.metadata.signature, model_settings(project, version.model).time
        ),
        since=datetime.now(UTC),
        pyfunc=pyfunc,
    )
    example = pyfunc.input_example
    if example is not None:
        loaded.predict(example)
    return loaded


def _series(values: list[Any], kind: str) -> pd.Series:
    """A column as training saw it when it read Parquet with this pandas."""
    import pandas as pd

    if kind == "string":
        modern = int(pd.__version__.split(".")[0]) >= 3
        return pd.Series(values, dtype="str" if modern else object)
    if kind == "datetime":
        naive = [None if v is None else v.replace(tzinfo=None) for v in values]
        return pd.Series(naive, dtype="datetime64[us]")
    column: pd.Series = pd.Series(values, dtype=DTYPES[kind])
    return column


DTYPES: dict[str, Any] = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
}
