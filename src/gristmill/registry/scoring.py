"""Both models' outputs on one hold-out: the evidence that gates look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gristmill.errors import GristmillError, Invalid
from gristmill.registry.gates import Evidence
from gristmill.registry.scores import prediction, probability
from gristmill.registry.settings import ModelSettings
from gristmill.registry.store import Registry
from gristmill.registry.version import Version

if TYPE_CHECKING:
    import pandas as pd

HOLDOUT = "holdout.parquet"


def gather(
    registry: Registry, settings: ModelSettings, challenger: Version, champion: Version | None
) -> Evidence:
    """Score the challenger's own hold-out with both models.

    What prevents it (no hold-out, a model that does not load or refuses the rows) becomes the
    evidence's `trouble`, on which comparing gates cannot judge. Raises Forbidden when a model's
    bytes or the hold-out were altered.
    """
    common: dict[str, Any] = {
        "metrics": challenger.metrics,
        "champion_version": champion.version if champion else None,
        "missing": challenger.lineage.missing(),
        "dirty": challenger.lineage.dirty,
    }
    if HOLDOUT not in challenger.evidence or not settings.target:
        return Evidence(**common, trouble="the version keeps no hold-out, or no target is declared")
    import pandas as pd

    frame = pd.read_parquet(registry.evidence(challenger, HOLDOUT))
    if settings.target not in frame:
        return Evidence(**common, trouble=f"the hold-out has no column {settings.target!r}")
    truth, binary = labels(frame[settings.target])
    models = {"challenger": challenger, **({"champion": champion} if champion else {})}
    outputs: dict[str, Any] = {}
    for role, version in models.items():
        try:
            outputs[role] = outputs_of(registry, version, frame, settings, binary=binary)
        except Invalid as error:
            return Evidence(
                **common, trouble=f"{role} (version {version.version}): {error.message}"
            )
    return Evidence(**common, truth=truth, **outputs)


def labels(column: pd.Series[Any]) -> tuple[Any, bool]:
    """The target as an array of shape (n,), and whether it is binary (then 0/1 as float)."""
    import numpy as np

    if column.isna().any():
        raise Invalid(
            "gate.target", f"{int(column.isna().sum())} rows of the hold-out have no label."
        )
    if np.isin(column.unique(), [0, 1]).all():
        return column.to_numpy().astype(float), True
    return column.to_numpy(), False


def outputs_of(
    registry: Registry,
    version: Version,
    frame: pd.DataFrame,
    settings: ModelSettings,
    *,
    binary: bool,
) -> Any:
    """What the version says for each row, shape (n,): a probability when the target is binary.

    Raises Invalid when the model does not load or does not take the rows.
    """
    try:
        model = registry.load(version)
        schema = model.metadata.get_input_schema()
        named = schema.input_names() if schema is not None and schema.has_input_names() else None
        columns = named or [c for c in frame if c not in {settings.target, settings.time}]
        raw = model.predict(frame[columns])
    except GristmillError:
        raise
    except Exception as error:
        raise Invalid(
            "gate.predict", f"the model fails on the hold-out: {type(error).__name__}: {error}"
        ) from error
    return probability(raw) if binary else prediction(raw)
