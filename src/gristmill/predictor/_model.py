"""A model ready to predict, and the frame its rows become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gristmill.errors import Invalid
from gristmill.predictor._schema import Row, Schema, from_signature
from gristmill.predictor._scores import prediction, probability

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class LoadedModel:
    """A verified version in memory.

    Attributes
    ----------
    name, version, digest
        Which version it is.
    schema
        What its requests must look like.
    since
        When this process loaded it, aware.
    pyfunc
        MLflow's model.
    """

    name: str
    version: int
    digest: str
    schema: Schema
    since: datetime
    pyfunc: Any

    def predict(self, frame: pd.DataFrame) -> list[Any]:
        """A value for each row: the probability of the positive class when the model gives class
        probabilities, else what it returns.

        Parameters
        ----------
        frame
            Rows with the signature's columns and types.

        Raises
        ------
        Invalid
            `serving.predict` or `model.output`: the model fails, or returns what is not finite or
            not one value a row.
        """
        import numpy as np

        try:
            raw = np.asarray(self.pyfunc.predict(frame))
        except Exception as error:  # whatever the model's own code raises
            raise Invalid(
                "serving.predict",
                f"{self.name} version {self.version} fails on these rows: {error}",
                hint="The rows match the signature; the error is from the model's own code.",
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
        """Rows as a data frame with the signature's columns and types.

        Parameters
        ----------
        rows
            Checked rows.
        """
        import pandas as pd

        columns = zip(*(row.values for row in rows), strict=True)
        return pd.DataFrame(
            {
                column.name: _series(list(values), column.type)
                for column, values in zip(self.schema.columns, columns, strict=True)
            }
        )


def predictor_of(name: str, version: int, digest: str, pyfunc: Any, time: str) -> LoadedModel:
    """A model ready to predict.

    Parameters
    ----------
    name, version, digest
        Which version it is.
    pyfunc
        MLflow's model, loaded from verified bytes.
    time
        The event-time column; "" for none.

    Raises
    ------
    Invalid
        `serving.signature`: it has no signature, or one that cannot be served.
    """
    schema = from_signature(pyfunc.metadata.signature, time)
    return LoadedModel(name, version, digest, schema, datetime.now(UTC), pyfunc)


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
