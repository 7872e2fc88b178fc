"""What a model returns as one value a row, the same for gates and for serving. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gristmill.errors import Invalid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def probability(raw: Any) -> NDArray[np.float64]:
    """The probability of the positive class from a binary model's output.

    Parameters
    ----------
    raw
        A data frame, series, list or array: class probabilities of shape (n, 2), of which column 1
        is taken; or probabilities or labels 0/1 of shape (n, 1) or (n,).

    Returns
    -------
    array
        Shape (n,).

    Raises
    ------
    Invalid
        `model.output`: anything else.
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
    """A model's output as one value a row, for regression and labels.

    Parameters
    ----------
    raw
        A data frame, series, list or array of shape (n, 1) or (n,).

    Returns
    -------
    array
        Shape (n,).

    Raises
    ------
    Invalid
        `model.output`: another shape.
    """
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
