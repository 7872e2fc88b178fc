"""The step editor: a notebook as a form, and changes of the form written into the notebook.

    step_form(project, "train.ipynb").form.fields
    edit_step(project, "train.ipynb", StepChange("set", name="trees", text="80"))

A document that is open in an editor is passed as `raw` and stays untouched: the edits are returned,
and whoever holds the document applies them.
"""

from __future__ import annotations

import itertools
import json
import os
import posixpath
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gristmill.authoring._cells import Cell, read_cells
from gristmill.authoring._form.change import (
    add_edits,
    init_edits,
    remove_edits,
    renamed_edits,
    set_edits,
)
from gristmill.authoring._form.edits import Edit, apply_edits
from gristmill.authoring._form.form import Form, read_form
from gristmill.authoring._form.rewrite import rewrite
from gristmill.authoring._form.suggest import Suggestion, suggest, suggestion_edits
from gristmill.authoring._lint import NotebookText, lint_settings, lint_texts
from gristmill.authoring._rules.finding import Finding
from gristmill.errors import Conflict, Invalid, NotFound
from gristmill.files import replacing
from gristmill.pipeline import parse_notebook
from gristmill.project import SETTINGS, Project, finds_project
from gristmill.workspace import DEFAULT_PARAMS, read_params_file, step_names

ACTIONS = ("init", "set", "add", "rename", "remove", "apply")


@dataclass(frozen=True)
class StepChange:
    """A change of the form.

    Attributes
    ----------
    do
        init (make it a step), set (a default, and a type when `annotation` is not None), add (a
        parameter), rename (to `new`), remove, or apply (a suggestion).
    name
        The parameter that is changed or added.
    new
        Its new name, for rename.
    text
        A default as typed into a form, read by the type.
    value
        A default as JSON, when `text` is None.
    annotation
        The type in Python; "" takes it away.
    doc
        The comment of a parameter that is added.
    suggestion
        The id of a suggestion, for apply.
    """

    do: str
    name: str = ""
    new: str = ""
    text: str | None = None
    value: Any = None
    annotation: str | None = None
    doc: str = ""
    suggestion: str = ""


@dataclass(frozen=True)
class StepForm:
    """A notebook as the step editor shows it.

    Attributes
    ----------
    notebook
        Its path relative to the root.
    step
        Its name as a step.
    form
        What its parameters cell declares.
    suggestions
        Parameters that its code suggests.
    findings
        What lint says about it.
    given
        The values that `params.yaml` sets instead of the defaults, by parameter.
    """

    notebook: str
    step: str
    form: Form
    suggestions: tuple[Suggestion, ...] = ()
    findings: tuple[Finding, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)


@finds_project
def step_form(project: Project, notebook: str, raw: Mapping[str, Any] | None = None) -> StepForm:
    """The form, suggestions and lint findings of a notebook.

    Parameters
    ----------
    project
        The project.
    notebook
        The notebook's path, relative to the root or absolute.
    raw
        The document that is open (format 4, outputs may be left out); None reads the file.

    Returns
    -------
    StepForm
        A wrong declaration is a field with a problem.

    Raises
    ------
    Invalid
        For a path outside the project or its `notebooks`, and for a file that is not a
        notebook.
    NotFound
        When there is no such file.
    """
    path = notebook_path(project, notebook)
    text = project.notebook_text(path) if raw is None else json.dumps(raw)
    cells = _cells(text, path)
    name = step_names(project, [path])[path]
    return StepForm(
        notebook=path,
        step=name,
        form=read_form(cells, path),
        suggestions=suggest(cells),
        findings=tuple(lint_texts([NotebookText(text, path, name)], lint_settings(project))),
        given=read_params_file(project, DEFAULT_PARAMS).get(name, {}),
    )


def step_edits(
    project: Project, notebook: str, raw: Mapping[str, Any], change: StepChange
) -> list[Edit]:
    """What a change of the form writes into an open document.

    Parameters
    ----------
    project
        The project.
    notebook
        The notebook's path, relative to the root or absolute.
    raw
        The document (format 4).
    change
        The change.

    Returns
    -------
    list of Edit
        To be applied in order.

    Raises
    ------
    Invalid, NotFound, Conflict
        When the change is impossible.
    """
    path = notebook_path(project, notebook)
    return edits_of(_cells(json.dumps(raw), path), change)


@finds_project
def edit_step(project: Project, notebook: str, change: StepChange) -> list[Edit]:
    """Write a change of the form into the notebook's file; bytes that need not change stay.

    Parameters
    ----------
    project
        The project.
    notebook
        The notebook's path, relative to the root or absolute.
    change
        The change.

    Returns
    -------
    list of Edit
        What was changed; empty when the file already says so.

    Raises
    ------
    Conflict
        `step.changed`, when the file was saved meanwhile.
    Invalid, NotFound, Conflict
        When the change is impossible; the file is as it was.
    """
    path = notebook_path(project, notebook)
    target = (project.root / path).resolve()
    text = project.notebook_text(path)
    cells = _cells(text, path)
    edits = edits_of(cells, change)
    if not edits:
        return edits
    apply_edits(cells, edits)
    after = rewrite(text, edits, (uuid.uuid4().hex[:8] for _ in itertools.count()))
    with replacing(target) as aside:
        aside.write_bytes(after.encode())
        shutil.copymode(target, aside)
        if target.read_bytes() != text.encode():
            raise Conflict("step.changed", f"{path} was saved in the meantime.", hint="Try again.")
    return edits


def edits_of(cells: tuple[Cell, ...], change: StepChange) -> list[Edit]:
    """The edits of a change. Raises Invalid, NotFound or Conflict."""
    match change.do:
        case "init":
            return init_edits(cells)
        case "set":
            return set_edits(
                cells,
                change.name,
                value=change.value,
                text=change.text,
                annotation=change.annotation,
            )
        case "add":
            return add_edits(
                cells, change.name, change.annotation or "", text=change.text or "", doc=change.doc
            )
        case "rename":
            return renamed_edits(cells, change.name, change.new)
        case "remove":
            return remove_edits(cells, change.name)
        case "apply":
            return suggestion_edits(cells, change.suggestion)
    raise Invalid(
        "step.action", f"unknown change {change.do!r}.", hint=f"Use one of: {', '.join(ACTIONS)}."
    )


def notebook_path(project: Project, name_or_path: str) -> str:
    """A notebook's path relative to the root.

    Parameters
    ----------
    project
        The project.
    name_or_path
        The path, relative to the root or absolute.

    Raises
    ------
    Invalid
        When it is outside the project, or is not among the notebooks that the settings name.
    NotFound
        When there is no such file.
    """
    path = posixpath.normpath(name_or_path.replace(os.sep, "/"))
    if Path(path).is_absolute():
        path = os.path.relpath(path, project.root).replace(os.sep, "/")
    resolved = (project.root / path).resolve()
    if (
        path.startswith("../")
        or path == ".."
        or not resolved.is_relative_to(project.root.resolve())
    ):
        raise Invalid(
            "step.outside",
            f"{name_or_path} is outside the project {project.name}.",
            hint=f"Choose a notebook below {project.root}.",
        )
    if path in project.notebooks():
        return path
    if not (project.root / path).is_file():
        raise NotFound("step.not-found", f"there is no notebook {path}.")
    raise Invalid(
        "step.not-listed",
        f"{path} is not a notebook of the project.",
        hint=f"Include it by `notebooks` and `exclude` in {SETTINGS} [project].",
    )


def _cells(text: str, path: str) -> tuple[Cell, ...]:
    notebook = parse_notebook(text, path)
    if notebook.language not in {"python", "python3", "ipython"}:
        raise Invalid(
            "step.language",
            f"{path} is a notebook in {notebook.language}.",
            hint="Only Python notebooks can be edited as steps.",
        )
    return read_cells(json.loads(text))
