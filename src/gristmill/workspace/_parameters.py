"""Parameter sets: `params.yaml`, `params.NAME.yaml` and overrides, as values of parameters."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from gristmill.documents import read_yaml
from gristmill.errors import Invalid, NotFound
from gristmill.pipeline import Dag
from gristmill.project import Project

DEFAULT_PARAMS = "params.yaml"


def resolve_parameters(
    project: Project, dag: Dag, parameter_set: str | None, overrides: Mapping[str, Any]
) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    """Every parameter's value by step, and the files that set some.

    Overrides go before the parameter set, that before `params.yaml`, that before defaults. Raises
    Invalid or NotFound, naming file, step and parameter.
    """
    files = [DEFAULT_PARAMS] if (project.root / DEFAULT_PARAMS).is_file() else []
    if parameter_set and parameter_set != "default":
        name = f"params.{parameter_set}.yaml"
        if not (project.root / name).is_file():
            sets = sorted(p.name.split(".")[1] for p in project.root.glob("params.*.yaml"))
            raise NotFound(
                "params.not-found",
                f"there is no parameter set `{parameter_set}` ({name}).",
                hint=f"Sets: {', '.join(['default', *sets])}.",
            )
        files.append(name)
    values: dict[str, dict[str, Any]] = {name: {} for name in dag.steps}
    for file in files:
        for step, section in read_params_file(project, file).items():
            if step not in dag.steps:
                steps = ", ".join(dag.steps)
                raise Invalid(
                    "params.unknown-step",
                    f"{file}: there is no step `{step}`.",
                    hint=f"Steps: {steps}.",
                )
            dag.steps[step].resolve(section, file)
            values[step].update(section)
    for key, value in overrides.items():
        step, name, read = _override(dag, key, value)
        values[step][name] = read
    resolved = {n: dag.steps[n].resolve(values[n], "parameters") for n in dag.steps}
    return resolved, tuple(files)


def read_params_file(project: Project, name: str) -> dict[str, dict[str, Any]]:
    """The values that a parameter file sets.

    Parameters
    ----------
    project
        The project.
    name
        The file's name; it is in the root.

    Returns
    -------
    dict
        Values by step and parameter; empty when there is no such file.

    Raises
    ------
    Invalid
        `params.syntax`, `params.format`, or as `documents.read_yaml` does.
    """
    try:
        raw = read_yaml(
            project.root / name,
            name,
            code="params.syntax",
            hint="Correct the YAML syntax at that line.",
        )
    except FileNotFoundError:
        return {}
    if raw is None:
        return {}
    if not isinstance(raw, dict) or not all(isinstance(v, dict | None) for v in raw.values()):
        raise Invalid(
            "params.format",
            f"{name} must map each step to its parameters.",
            hint="For example:\n  train:\n    max_depth: 8",
        )
    return {str(step): dict(given or {}) for step, given in raw.items()}


def _override(dag: Dag, key: str, value: Any) -> tuple[str, str, Any]:
    """Step, parameter and value of one override, text being read by the parameter's type."""
    step, dot, name = key.rpartition(".")
    if not dot:
        raise Invalid(
            "params.override",
            f"`{key}` does not name a step and a parameter.",
            hint="Write step.parameter=value, for example train.max_depth=8.",
        )
    spec = dag.steps[dag.find(step)]
    parameter = next((p for p in spec.parameters if p.name == name), None)
    if parameter is not None and isinstance(value, str):
        with contextlib.suppress(ValueError):  # `resolve` names the wrong type
            value = parameter.type.parse(value)
    spec.resolve({name: value}, "-p")
    return spec.name, name, value
