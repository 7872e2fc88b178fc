"""`gristmill/steps/...`: the step editor on an open document or a file."""

from __future__ import annotations

from gristmill.authoring import (
    StepChange,
    StepForm,
    complete_path,
    edit_step,
    step_edits,
    step_form,
)
from gristmill.project import Project
from gristmill.records import parse_table
from gristmill.server._handlers import ApiRequest, Route
from gristmill.server._schema import EditReply, EditRequest, FormRequest, PathsReply


def form(request: ApiRequest) -> StepForm:
    """The parameter form of a notebook, open or on disk."""
    body = request.read(FormRequest)
    project, path = _notebook(request, body.notebook)
    return step_form(project, path, body.document or None)


def edits(request: ApiRequest) -> EditReply:
    """Edit a notebook: return the edits of an open document, or write the file."""
    body = request.read(EditRequest)
    change = parse_table(StepChange, body.change, "request change")
    project, path = _notebook(request, body.notebook)
    if body.document:
        return EditReply(tuple(step_edits(project, path, body.document, change)), False)
    return EditReply(tuple(edit_step(project, path, change)), True)


def paths(request: ApiRequest) -> PathsReply:
    """Paths that complete the beginning of one."""
    word = request.query.get("word", "")
    completions = complete_path(
        request.project, word, inputs=request.query.get("kind", "input") == "input"
    )
    return PathsReply(tuple(completions))


def _notebook(request: ApiRequest, path: str) -> tuple[Project, str]:
    """The project that a notebook lies in, and its path on disk."""
    folder = request.shared.folder(path.strip("/").rpartition("/")[0])
    return Project.find(folder), str(folder / path.rpartition("/")[2])


ROUTES = [
    Route("POST", "steps/form", form, body=FormRequest, acts=False),
    Route("POST", "steps/edits", edits, body=EditRequest, acts=False),
    Route("GET", "steps/paths", paths, query=("word", "kind")),
]
