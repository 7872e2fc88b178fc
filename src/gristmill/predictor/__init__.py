"""From a request to a value: the signature as a schema, rows as a frame, outputs as numbers."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.predictor._model import DTYPES, LoadedModel, predictor_of
    from gristmill.predictor._schema import Column, Row, read_labels
    from gristmill.predictor._scores import prediction, probability
    from gristmill.predictor._values import read_time
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "DTYPES",
    "Column",
    "LoadedModel",
    "Row",
    "prediction",
    "predictor_of",
    "probability",
    "read_labels",
    "read_time",
]
