"""The step editor: a notebook as a form, and changes of the form written into the notebook.

print(step_form(project, "train.ipynb").form.fields)
edit_step(project, "train.ipynb", StepChange("set", name="trees", text="80"))

A document that is open in an editor is given as `raw` and stays untouched: the edits are returned,
and whoever holds the document applies them.
"""

from __future__ import annotations

import itertools
import json
import os
import posixpath
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gristmill.authoring._form import change, suggest
from gristmill.authoring._form.edits import Edit, apply_edits
from gristmill.authoring._form.form import Form, read_form
from gristmill.authoring._form.rewrite import rewrite
from gristmill.authoring._form.suggest import Suggestion
from gristmill.authoring._lint import NotebookText, lint_settings, lint_texts
from gristmill.authoring._rules.finding import Cell, Finding, read_cells
from gristmill.errors import Conflict, GristmillError, Invalid, NotFound
from gristmill.files import replacing
from gristmill.pipeline import parse_notebook, parse_step, step_name
from gristmill.project import SETTINGS, SKIPPED_DIRECTORIES, Project, finds_project
from gristmill.workspace import DEFAULT_PARAMS, glob_prefixes, notebook_sections

ACTIONS = ("init", "set", "add", "rename", "remove", "apply")
COMPLETIONS = 50
WALKED = 20_000  # files looked at for completion, so that a directory of millions cannot block


@dataclass(frozen=True)
class StepChange:
    """A change of the form.

    `do` is init (make it a step), set (a default `text` or JSON `value`, and a type when
    `annotation` is given), add (a name with `annotation`, `text` and `doc`), rename (to `new`),
    remove, or apply (`suggestion` by id).
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
    """A notebook as the step editor shows it. `step` is its name as a step; `given` maps names to
    the values that `params.yaml` sets instead of the defaults."""

    notebook: str
    step: str
    form: Form
    suggestions: tuple[Suggestion, ...] = ()
    findings: tuple[Finding, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Completion:
    """A path that may be meant; `step` names the step that writes it, "" for a file."""

    path: str
    step: str = ""
    directory: bool = False


@finds_project
def step_form(project: Project, notebook: str, raw: Mapping[str, Any] | None = None) -> StepForm:
    """The form, suggestions and lint findings of a notebook on disk, or of the open document `raw`
    (format 4, outputs may be left out).

    Raises Invalid for a path outside the project or its `notebooks` and for what is no notebook.
    """
    path = notebook_path(project, notebook)
    text = _read(project, path) if raw is None else json.dumps(raw)
    cells = _cells(text, path)
    name = step_name(path, glob_prefixes(project.settings.notebooks))
    return StepForm(
        notebook=path,
        step=name,
        form=read_form(cells, path),
        suggestions=suggest.suggest(cells),
        findings=tuple(lint_texts([NotebookText(text, path, name)], lint_settings(project))),
        given=_given(project, name),
    )


def step_edits(
    project: Project, notebook: str, raw: Mapping[str, Any], wanted: StepChange
) -> list[Edit]:
    """What a change of the form writes into the open document `raw`, in order."""
    path = notebook_path(project, notebook)
    return edits_of(_cells(json.dumps(raw), path), wanted)


@finds_project
def edit_step(project: Project, notebook: str, wanted: StepChange) -> list[Edit]:
    """Write a change of the form into the notebook's file; returns the edits.

    Bytes that need not change stay. Raises Conflict when the file changed meanwhile.
    """
    path = notebook_path(project, notebook)
    target = (project.root / path).resolve()
    text = _read(project, path)
    cells = _cells(text, path)
    edits = edits_of(cells, wanted)
    if not edits:
        return edits
    apply_edits(cells, edits)
    after = rewrite(text, edits, (uuid.uuid4().hex[:8] for _ in itertools.count()))
    with replacing(target) as aside:
        aside.write_bytes(after.encode())
        shutil.copymode(target, aside)
        if target.read_bytes() != text.encode():
            raise Conflict("step.changed", f"{path} was saved meanwhile.", hint="Try again.")
    return edits


def edits_of(cells: tuple[Cell, ...], wanted: StepChange) -> list[Edit]:
    """The edits of a change. Raises Invalid, NotFound or Conflict, and then nothing is changed."""
    match wanted.do:
        case "init":
            return change.init_edits(cells)
        case "set":
            return change.set_edits(
                cells,
                wanted.name,
                value=wanted.value,
                text=wanted.text,
                annotation=wanted.annotation,
            )
        case "add":
            return change.add_edits(
                cells, wanted.name, wanted.annotation or "", text=wanted.text or "", doc=wanted.doc
            )
        case "rename":
            return change.renamed_edits(cells, wanted.name, wanted.new)
        case "remove":
            return change.remove_edits(cells, wanted.name)
        case "apply":
            return suggest.suggestion_edits(cells, wanted.suggestion)
    raise Invalid(
        "step.action", f"{wanted.do!r} is no change.", hint=f"One of: {', '.join(ACTIONS)}."
    )


def complete_path(project: Project, word: str, *, inputs: bool = True) -> list[Completion]:
    """Paths that begin with `word`, or have it in them, best first: what steps write (for
    `inputs`), then files and directories of the project. Hidden ones are left out."""
    typed = word.lower().removeprefix("./")
    found: dict[str, Completion] = {}
    if inputs:
        for step, path in _written(project):
            found.setdefault(path, Completion(path, step))
    for path, directory in _walk(project.root):
        found.setdefault(path, Completion(path, directory=directory))
    ranked = []
    for candidate in found.values():
        low = candidate.path.lower()
        name = low.rpartition("/")[2]
        if low.startswith(typed):
            rank = 0
        elif name.startswith(typed):
            rank = 1
        elif typed in low:
            rank = 2
        else:
            continue
        ranked.append((rank, not candidate.step, low.count("/"), low, candidate))
    return [item[-1] for item in sorted(ranked, key=lambda r: r[:-1])[:COMPLETIONS]]


def notebook_path(project: Project, word: str) -> str:
    """A notebook's path relative to the root, from that or from an absolute one.

    Raises Invalid when it lies outside the project or is none that the settings name, NotFound when
    there is no such file.
    """
    path = posixpath.normpath(word.replace(os.sep, "/"))
    if Path(path).is_absolute():
        path = os.path.relpath(path, project.root).replace(os.sep, "/")
    real = (project.root / path).resolve()
    if path.startswith("../") or path == ".." or not real.is_relative_to(project.root.resolve()):
        raise Invalid(
            "step.outside",
            f"{word} lies outside the project {project.name}.",
            hint=f"Notebooks of the project lie below {project.root}.",
        )
    if path in project.notebooks():
        return path
    if not (project.root / path).is_file():
        raise NotFound("step.not-found", f"there is no notebook {path}.")
    raise Invalid(
        "step.not-listed",
        f"{path} is no notebook of the project.",
        hint=f"{SETTINGS} [project] notebooks and exclude say which are.",
    )


def _read(project: Project, path: str) -> str:
    try:
        return (project.root / path).read_bytes().decode()
    except UnicodeDecodeError as error:
        raise Invalid("notebook.encoding", f"{path}: not UTF-8: {error}") from error


def _cells(text: str, path: str) -> tuple[Cell, ...]:
    notebook = parse_notebook(text, path)
    if notebook.language not in {"python", "python3", "ipython"}:
        raise Invalid(
            "step.language",
            f"{path}: its language is {notebook.language}.",
            hint="Steps are Python notebooks.",
        )
    return read_cells(json.loads(text))


def _given(project: Project, step: str) -> Mapping[str, Any]:
    file = project.root / DEFAULT_PARAMS
    return notebook_sections(file, DEFAULT_PARAMS).get(step, {}) if file.is_file() else {}


def _written(project: Project) -> Iterator[tuple[str, str]]:
    """Step and path of everything that steps write; notebooks that are wrong write nothing yet."""
    prefixes = glob_prefixes(project.settings.notebooks)
    for path in project.notebooks():
        name = step_name(path, prefixes)
        try:
            step = parse_step(parse_notebook(_read(project, path), path), name)
        except GristmillError:
            continue
        for output in step.outputs if step else ():
            yield name, output.path


def _walk(root: Path) -> Iterator[tuple[str, bool]]:
    """Files and directories below the root, the nearest first."""
    pending = [""]
    seen = 0
    while pending:
        prefix = pending.pop(0)
        with os.scandir(root / prefix) as entries:
            for entry in sorted(entries, key=lambda e: e.name):
                if entry.name.startswith(".") or entry.name in SKIPPED_DIRECTORIES:
                    continue
                seen += 1
                if seen > WALKED:
                    return
                directory = entry.is_dir(follow_symlinks=False)
                if directory and os.path.exists(f"{entry.path}/pyvenv.cfg"):
                    continue
                if directory:
                    pending.append(f"{prefix}{entry.name}/")
                yield prefix + entry.name, directory
