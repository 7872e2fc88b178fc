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

ROOMS = ("serving", "monitoring", "retrain")


@dataclass(frozen=True)
class ModelSettings:
    """What a model is made of; paths are relative to the project's root.

    `path` is an MLflow model directory, `metrics` a JSON object of numbers, `reference` and
    `holdout` Parquet files with features and `target`; `time` names the event-time column.
    `contract` is what inputs must look like, `module:NAME` of a Pandera schema in the project.
    `allow_code` lets a model load that runs code then (a pickle, say), when its signature holds.
    `purpose` and `limits` are the owner's words on the model card.
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


def model_settings(project: Project, model: str) -> ModelSettings:
    """The settings of `model`; tables of other rooms are left to them. Raises NotFound, Invalid."""
    if model not in project.models:
        known = ", ".join(project.models) or "none"
        raise NotFound(
            "model.unknown",
            f"{SETTINGS} declares no model {model!r}.",
            hint=f"Declared: {known}. Add a [models.{model}] table.",
        )
    table = {k: v for k, v in project.table("models", model).items() if k not in ROOMS}
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
        raise Invalid("metrics.syntax", f"{relative} must be a JSON object of numbers.")
    return dict(_numbers(value, ""))


def _numbers(value: Mapping[str, Any], prefix: str) -> list[tuple[str, float]]:
    out: list[tuple[str, float]] = []
    for key, item in value.items():
        if isinstance(item, Mapping):
            out += _numbers(item, f"{prefix}{key}.")
        elif isinstance(item, int | float) and math.isfinite(item):
            out.append((prefix + key, float(item)))
    return out
