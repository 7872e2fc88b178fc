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


def form(asked: ApiRequest) -> StepForm:
    wanted = asked.read(FormRequest)
    project, path = _notebook(asked, wanted.notebook)
    return step_form(project, path, wanted.document or None)


def edits(asked: ApiRequest) -> EditReply:
    wanted = asked.read(EditRequest)
    change = parse_table(StepChange, wanted.change, "request change")
    project, path = _notebook(asked, wanted.notebook)
    if wanted.document:
        return EditReply(tuple(step_edits(project, path, wanted.document, change)), False)
    return EditReply(tuple(edit_step(project, path, change)), True)


def paths(asked: ApiRequest) -> PathsReply:
    word = asked.query.get("word", "")
    found = complete_path(asked.project, word, inputs=asked.query.get("kind", "input") == "input")
    return PathsReply(tuple(found))


def _notebook(asked: ApiRequest, path: str) -> tuple[Project, str]:
    """The project that a notebook lies in, and its path on disk."""
    folder = asked.shared.folder(path.strip("/").rpartition("/")[0])
    return Project.find(folder), str(folder / path.rpartition("/")[2])


ROUTES = [
    Route("POST", "steps/form", form, body=FormRequest),
    Route("POST", "steps/edits", edits, body=EditRequest),
    Route("GET", "steps/paths", paths, query=("word", "kind")),
]
