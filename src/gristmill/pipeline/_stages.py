"""`dvc.yaml` and `dvc.lock` as values: what the DAG looks like to DVC.

One stage, `sources`, turns notebooks, the project's modules and `params.yaml` into one normalised
source (`.py`) and one parameter file (`.json`) for each step. Steps depend on those and never on
the notebook, so `dvc repro` alone reruns what a change of code concerns and nothing for markdown.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from gristmill.pipeline._plan import StepState
from gristmill.pipeline._step import StepSpec

SOURCES = "sources"
SOURCES_COMMAND = "gristmill sync --steps"
STEP_FILES = ".gristmill/steps"
OWNER = "gristmill"


def source_path(step: str) -> str:
    """Where a step's normalised source is, relative to the root.

    Parameters
    ----------
    step
        The step's name.
    """
    return f"{STEP_FILES}/{step}.py"


def params_path(step: str) -> str:
    """Where a step's resolved parameters are, relative to the root.

    Parameters
    ----------
    step
        The step's name.
    """
    return f"{STEP_FILES}/{step}.json"


def stage_command(step: StepSpec) -> str:
    """How DVC runs the step: plain papermill, which formats braces in paths.

    Parameters
    ----------
    step
        The step.

    Returns
    -------
    str
        A shell command.
    """
    words = [
        "papermill",
        step.notebook.replace("{", "{{").replace("}", "}}"),
        f".gristmill/{step.name}.executed.ipynb",
        "-f",
        params_path(step.name),
        "--no-progress-bar",
    ]
    return shlex.join(words)


def step_source(step: StepSpec, modules: Mapping[str, str]) -> str:
    """The text of a step's code dependency: kernel, project modules and normalised cells.

    Parameters
    ----------
    step
        The step.
    modules
        The digest of each project module that it imports, by path.
    """
    head = [f"# kernel {step.kernel} ({step.language})"]
    head += [f"# module {path} {digest}" for path, digest in sorted(modules.items())]
    return "\n".join(head) + "\n\n" + step.code + "\n"


def stage_of(step: StepSpec, params: Mapping[str, Any], environment: str) -> dict[str, Any]:
    """The stage of one step in `dvc.yaml`.

    Parameters
    ----------
    step
        The step.
    params
        Its parameters; DVC watches these names.
    environment
        The environment's lock file relative to the root, "" for none.

    Returns
    -------
    dict
        The stage as `dvc.yaml` holds it.
    """
    stage: dict[str, Any] = {
        "cmd": _escape(stage_command(step)),
        "deps": [
            _escape(p)
            for p in sorted({source_path(step.name), *step.inputs, *filter(None, [environment])})
        ],
    }
    if params:
        stage["params"] = [{params_path(step.name): sorted(params)}]
    for key, kind in (("outs", "output"), ("metrics", "metrics"), ("plots", "plots")):
        paths = sorted({o.path for o in step.outputs if o.kind == kind})
        if paths:
            stage[key] = [_escape(p) for p in paths]
    stage["meta"] = {OWNER: step.notebook}
    return stage


def sources_stage(dependencies: Iterable[str]) -> dict[str, Any]:
    """The stage that writes step files from notebooks, modules and `params.yaml`.

    Parameters
    ----------
    dependencies
        What the step files are made from, relative to the root.

    Returns
    -------
    dict
        The stage as `dvc.yaml` holds it.
    """
    return {
        "cmd": SOURCES_COMMAND,
        "deps": [_escape(p) for p in sorted(set(dependencies))],
        "outs": [STEP_FILES],
        "meta": {OWNER: SOURCES},
    }


def _escape(text: str) -> str:
    """DVC substitutes `${...}`; a backslash keeps it."""
    return text.replace("${", "\\${")


def merge_stages(existing: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """`dvc.yaml` with our stages replaced and everything else kept.

    A stage of the user's with the name of one of ours is overwritten: the caller refuses it first
    (see `foreign_stages`).

    Parameters
    ----------
    existing
        The document as it is.
    ours
        Our stages by name.

    Returns
    -------
    dict
        The new document.
    """
    foreign = foreign_stages(existing)
    return {**existing, "stages": {**foreign, **ours}}


def foreign_stages(existing: Mapping[str, Any]) -> dict[str, Any]:
    """The stages that Gristmill did not write: their `meta` does not say so.

    Parameters
    ----------
    existing
        The document `dvc.yaml`.

    Returns
    -------
    dict
        Stages by name.
    """
    stages = existing.get("stages") or {}
    return {
        name: stage
        for name, stage in stages.items()
        if not (isinstance(stage, dict) and OWNER in (stage.get("meta") or {}))
    }


def locked_state(entry: Mapping[str, Any], step: str, environment: str) -> StepState:
    """What `dvc.lock` recorded of a stage.

    Parameters
    ----------
    entry
        The stage's entry.
    step
        The stage's name.
    environment
        The environment's lock file, "" for none.

    Returns
    -------
    StepState
        The step as it last ran.
    """
    params: dict[str, Any] = {}
    for values in (entry.get("params") or {}).values():
        params.update(values)
    return StepState(
        cmd=str(entry.get("cmd", "")),
        inputs={d["path"]: d.get("md5") for d in entry.get("deps") or []},
        params=params,
        outputs={o["path"]: o.get("md5") for o in entry.get("outs") or []},
        source=source_path(step),
        environment=environment,
    )
