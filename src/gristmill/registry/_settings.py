"""The `[models.NAME]` table of the settings."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.errors import Invalid, NotFound
from gristmill.project import SETTINGS, Project
from gristmill.records import parse_table

OTHER_TABLES = ("serving", "monitoring", "retrain")


@dataclass(frozen=True)
class ModelSettings:
    """The `[models.NAME]` table: what a model is made of. Paths are relative to the project's root.

    Attributes
    ----------
    path
        The MLflow model directory that a step writes.
    owner
        Who is responsible: an address that messages about the model go to.
    metrics
        A JSON object of numbers; nested names are joined by a dot.
    reference, holdout
        Parquet files with features and the target: what it was trained on, and what it is judged
        by.
    target, time
        The columns of the label and of the event time.
    contract
        What inputs must look like: `module:NAME` of a Pandera schema in the project.
    allow_code
        Whether a model may be loaded that runs code then (a pickle, say), if its signature is
        valid.
    purpose, limits
        What the model is for and what it is not good for, for the model card.
    gates
        Tables `[[models.NAME.gates]]`, each with a `kind` and that gate's settings.
    reproduce
        The table `[models.NAME.reproduce]` (`Tolerances`).
    approvals
        The table `[models.NAME.approvals]` (`Policy`).
    """

    path: str
    owner: str = ""
    metrics: str = ""
    reference: str = ""
    holdout: str = ""
    target: str = ""
    time: str = ""
    contract: str = ""
    allow_code: bool = False
    purpose: str = ""
    limits: tuple[str, ...] = ()
    gates: tuple[Mapping[str, Any], ...] = ()
    approvals: Mapping[str, Any] = field(default_factory=dict)
    reproduce: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Tolerances:
    """The `[models.NAME.reproduce]` table: how far a version made again may be off.

    A number is the same when it differs by no more than the tolerance, or by no more than that
    share of its size.

    Attributes
    ----------
    predictions
        For each prediction on the hold-out.
    metric
        For each metric that `metrics` does not name.
    metrics
        By the name of a metric.
    """

    predictions: float = 1e-6
    metric: float = 1e-6
    metrics: Mapping[str, float] = field(default_factory=dict)


def tolerances_of(project: Project, model: str) -> Tolerances:
    """How far a version made again may be off. Raises Invalid (`settings.*`)."""
    table = model_settings(project, model).reproduce
    tolerances = parse_table(Tolerances, table, f"{SETTINGS} [models.{model}.reproduce]")
    allowed = (tolerances.predictions, tolerances.metric, *tolerances.metrics.values())
    if any(not math.isfinite(value) or value < 0 for value in allowed):
        raise Invalid(
            "settings.tolerance",
            f"{SETTINGS} [models.{model}.reproduce]: a tolerance is a number of 0 or more.",
            hint="For example `predictions = 1e-6`; 0 asks for identical ones.",
        )
    return tolerances


def model_settings(project: Project, model: str) -> ModelSettings:
    """The settings of a model, without its tables `serving`, `monitoring` and `retrain`.

    Parameters
    ----------
    project
        The project.
    model
        The model.

    Raises
    ------
    NotFound
        `model.unknown`: the settings do not declare it.
    Invalid
        `settings.*`: a key or a value is not well formed.
    """
    if model not in project.models:
        names = ", ".join(project.models) or "none"
        raise NotFound(
            "model.unknown",
            f"{SETTINGS} does not declare a model {model!r}.",
            hint=f"Declared: {names}. Add a [models.{model}] table.",
        )
    table = {k: v for k, v in project.table("models", model).items() if k not in OTHER_TABLES}
    return parse_table(ModelSettings, table, f"{SETTINGS} [models.{model}]")


def read_metrics(project: Project, relative: str) -> dict[str, float]:
    """The numbers of a JSON metrics file, nested names joined by a dot; empty without a file name.

    Raises NotFound or Invalid, naming the file.
    """
    if not relative:
        return {}
    path = project.root / relative
    if not path.is_file():
        raise NotFound(
            "metrics.not-found", f"{relative} does not exist.", hint="Run the step that writes it."
        )
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Invalid("metrics.syntax", f"{relative}: {error}") from error
    if not isinstance(value, dict):
        raise Invalid("metrics.syntax", f"{relative} is not a JSON object of numbers.")
    return dict(_numbers(value, ""))


def _numbers(value: Mapping[str, Any], prefix: str) -> list[tuple[str, float]]:
    numbers: list[tuple[str, float]] = []
    for key, item in value.items():
        if isinstance(item, Mapping):
            numbers += _numbers(item, f"{prefix}{key}.")
        elif isinstance(item, int | float) and math.isfinite(item):
            numbers.append((prefix + key, float(item)))
    return numbers
