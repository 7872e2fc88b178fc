"""One reading of what a model returns, for gates and for serving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gristmill.errors import Invalid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def probability(raw: Any) -> NDArray[np.float64]:
    """The probability of the positive class, shape (n,), from a binary model's output.

    `raw` is a data frame, series, list or array: n x 2 class probabilities (column 1 is taken),
    n x 1, n probabilities, or n labels 0/1. Raises Invalid for anything else.
    """
    import numpy as np

    values = np.asarray(raw)
    try:
        values = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise _no_probability(f"values of type {np.asarray(raw).dtype}") from error
    if values.ndim == 2 and values.shape[1] in (1, 2):
        values = values[:, -1]
    if values.ndim != 1:
        raise _no_probability(f"an array of shape {values.shape}")
    if values.size and not np.all(np.isfinite(values)):
        raise _no_probability("values that are not finite")
    if values.size and (values.min() < 0 or values.max() > 1):
        raise _no_probability(f"values from {values.min():.4g} to {values.max():.4g}")
    return values


def prediction(raw: Any) -> NDArray[Any]:
    """A model's output as shape (n,), for regression and labels. Raises Invalid otherwise."""
    import numpy as np

    values = np.asarray(raw)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise Invalid(
            "model.output",
            f"the model returns an array of shape {values.shape}, not one value a row.",
        )
    return values


def _no_probability(what: str) -> Invalid:
    return Invalid(
        "model.output",
        f"the model returns {what}, not the probability of one of two classes.",
        hint="Save it with pyfunc_predict_fn='predict_proba', or let predict return 0/1.",
    )
