"""Both models' outputs on one hold-out: the evidence that gates look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import Forbidden, GristmillError, Invalid
from gristmill.predictor import prediction, probability
from gristmill.registry._gates.base import Evidence, Gate, ModelFacts
from gristmill.registry._gates.measuring import measure
from gristmill.registry._loading.formats import code_in, declared
from gristmill.registry._settings import ModelSettings
from gristmill.registry._versions.store import Registry
from gristmill.registry._versions.version import Version

if TYPE_CHECKING:
    import pandas as pd


def gather(
    registry: Registry,
    settings: ModelSettings,
    challenger: Version,
    champion: Version | None,
    gates: Sequence[Gate] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> Evidence:
    """Score the challenger's own hold-out with both models, and look at the challenger's files.

    What prevents it (no hold-out, a model that does not load or refuses the rows) becomes the
    evidence's `problem`, on which comparing gates cannot judge. Gates that measure do it here.
    Raises Forbidden when a model's bytes or the hold-out were altered.
    """
    progress("scoring the hold-out")
    evidence, model, rows = _scored(registry, settings, challenger, champion)
    problem = evidence.problem
    measured = measure(registry, settings, challenger, gates, model, rows, problem, progress)
    return replace(evidence, measured=measured)


def _scored(
    registry: Registry, settings: ModelSettings, challenger: Version, champion: Version | None
) -> tuple[Evidence, Any, Any]:
    """The evidence without what gates measure, the loaded model and its rows of the hold-out."""
    model: Any = None
    rows: Any = None
    evidence = Evidence(
        metrics=challenger.metrics,
        champion_version=champion.version if champion else None,
        missing=challenger.missing(),
        dirty=challenger.lineage.dirty,
        facts=facts_of(registry.fetch(challenger)),
    )
    if Version.HOLDOUT not in challenger.evidence or not settings.target:
        problem = "no hold-out is stored with the version, or no `target` is declared"
        try:
            with _translated("does not load"):
                model = registry.load(challenger)
        except (Invalid, Forbidden) as error:
            if isinstance(error, Forbidden) and error.code != "model.code":
                raise
            problem = error.message
        return replace(evidence, problem=problem), model, rows
    import pandas as pd

    frame = pd.read_parquet(registry.evidence(challenger, Version.HOLDOUT))
    if settings.target not in frame:
        problem = f"the hold-out has no column {settings.target!r}"
        return replace(evidence, problem=problem), model, rows
    role, version = "challenger", challenger
    try:
        truth, binary = truth_labels(frame[settings.target])
        model, rows = loaded(registry, challenger, frame, settings)
        output = outputs(model, rows, binary=binary)
        evidence = replace(
            evidence,
            truth=truth,
            challenger=output,
            columns={str(c): frame[c].to_numpy() for c in frame if c != settings.target},
        )
        if champion:
            role, version = "champion", champion
            evidence = replace(
                evidence,
                champion=model_outputs(registry, champion, frame, settings, binary=binary),
            )
    except (Invalid, Forbidden) as error:
        if isinstance(error, Forbidden) and error.code != "model.code":
            raise
        problem = f"{role} (version {version.version}): {error.message}"
        return replace(evidence, problem=problem), model, rows
    return evidence, model, rows


def truth_labels(column: pd.Series[Any]) -> tuple[Any, bool]:
    """The labels of a hold-out.

    Parameters
    ----------
    column
        The target.

    Returns
    -------
    tuple
        The labels, shape (n,), and whether they are 0 and 1 (then as floats).

    Raises
    ------
    Invalid
        `gate.target`: some rows have no label.
    """
    import numpy as np

    if column.isna().any():
        raise Invalid(
            "gate.target", f"{int(column.isna().sum())} rows of the hold-out have no label."
        )
    if np.isin(column.unique(), [0, 1]).all():
        return column.to_numpy().astype(float), True
    return column.to_numpy(), False


def model_outputs(
    registry: Registry,
    version: Version,
    frame: pd.DataFrame,
    settings: ModelSettings,
    *,
    binary: bool,
) -> Any:
    """A version's outputs for each row.

    Parameters
    ----------
    registry, version
        The version to load.
    frame
        Rows with the columns that its signature names.
    settings
        The model's; they name the columns that are no features.
    binary
        Whether the target is 0 and 1: outputs are probabilities then.

    Returns
    -------
    array
        Shape (n,).

    Raises
    ------
    Invalid
        The model does not load or does not take the rows.
    Forbidden
        Its bytes or signature are not those that were registered.
    """
    return outputs(*loaded(registry, version, frame, settings), binary=binary)


def loaded(
    registry: Registry, version: Version, frame: pd.DataFrame, settings: ModelSettings
) -> tuple[Any, pd.DataFrame]:
    """The version's model and the columns of `frame` that it takes. Raises Invalid."""
    with _translated("does not load"):
        model = registry.load(version)
    return accepted_rows(model, frame, settings)


def accepted_rows(
    model: Any, frame: pd.DataFrame, settings: ModelSettings
) -> tuple[Any, pd.DataFrame]:
    """The model and the columns of `frame` that it takes. Raises Invalid when one is absent."""
    schema = model.metadata.get_input_schema()
    named = schema.input_names() if schema is not None and schema.has_input_names() else None
    columns = named or [c for c in frame if c not in {settings.target, settings.time}]
    absent = [str(c) for c in columns if c not in frame]
    if absent:
        raise Invalid("gate.features", f"the hold-out has no columns {', '.join(absent)}.")
    return model, frame[columns]


def outputs(model: Any, rows: pd.DataFrame, *, binary: bool) -> Any:
    """A model's outputs for each row, shape (n,): a probability when the target is binary."""
    with _translated("fails on the hold-out"):
        raw = model.predict(rows)
    return probability(raw) if binary else prediction(raw)


def facts_of(directory: Path) -> ModelFacts:
    """What the files of a saved model declare; nothing is loaded."""
    mlmodel = declared(directory)
    files = [p for p in sorted(directory.rglob("*")) if p.is_file()]
    return ModelFacts(
        size=sum(p.stat().st_size for p in files),
        signature=bool(mlmodel.get("signature")),
        example=bool(mlmodel.get("saved_input_example_info")),
        code=code_in(directory),
    )


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """A model may raise anything; whatever it is becomes Invalid with its text."""
    try:
        yield
    except GristmillError:
        raise
    except Exception as error:
        text = f"the model {what}: {type(error).__name__}: {error}"
        raise Invalid("gate.model", text) from error
