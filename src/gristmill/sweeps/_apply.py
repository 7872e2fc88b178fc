"""The best trial's parameters become the project's."""

from __future__ import annotations

import io
from typing import Any

from gristmill.errors import Conflict
from gristmill.files import write_atomic
from gristmill.project import Project, finds_project
from gristmill.runner import project_lock
from gristmill.sweeps._state import Trial, load_sweep
from gristmill.workspace import DEFAULT_PARAMS, load_workspace


@finds_project
def apply_sweep(project: Project, name: str, trial: int | None = None) -> Trial:
    """Write the parameters of a trial to `params.yaml`.

    Comments and order are kept; the file is replaced at once. What the trial ran is in the cache,
    so that the next run restores it.

    Parameters
    ----------
    project
        The project.
    name
        The sweep's name.
    trial
        Its number, from 1; None takes the best.

    Raises
    ------
    Conflict
        There is no such trial, none is done, or a step no longer exists.
    Invalid
        A parameter no longer exists.
    """
    sweep = load_sweep(project, name)
    chosen = sweep.best
    if trial is not None:
        chosen = next((t for t in sweep.trials if t.number + 1 == trial), None)
    if chosen is None:
        missing = f"trial {trial}" if trial is not None else "trial that succeeded"
        raise Conflict("sweep.no-trial", f"Sweep `{name}` has no {missing}.")
    with project_lock(project.state, f"gristmill sweep apply {name}"):
        steps = load_workspace(project).dag.steps
        changes: dict[str, dict[str, Any]] = {}
        for key, value in chosen.params.items():
            step, _, parameter = key.rpartition(".")
            if step not in steps:
                raise Conflict("sweep.step-gone", f"There is no longer a step `{step}`.")
            steps[step].resolve({parameter: value}, f"sweep {name}")
            changes.setdefault(step, {})[parameter] = value
        path = project.root / DEFAULT_PARAMS
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        write_atomic(path, with_parameters(old, changes))
    return chosen


def with_parameters(text: str, changes: dict[str, dict[str, Any]]) -> str:
    """The YAML `text` with values set by step and name, its comments and order kept."""
    from ruamel.yaml import YAML

    editor = YAML()
    editor.preserve_quotes = True
    editor.width = 100
    document = editor.load(text)
    if document is None:
        document = editor.map()
        header = text.rstrip("\n")
        text = f"{header}\n" if header else ""
    else:
        text = ""
    for step, values in changes.items():
        if document.get(step) is None:
            document[step] = editor.map()
        document[step].update(values)
    out = io.StringIO()
    editor.dump(document, out)
    return text + out.getvalue()
