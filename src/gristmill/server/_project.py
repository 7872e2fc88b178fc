"""`gristmill/project`: which project a folder belongs to, making one, and looking it over."""

from __future__ import annotations

from dataclasses import asdict

from gristmill.authoring import Finding, lint
from gristmill.project import Project
from gristmill.runner import doctor, sync
from gristmill.server._handlers import ApiRequest, Route
from gristmill.server._schema import DoctorFinding, Done, InitRequest, ProjectView, SyncRequest
from gristmill.workspace import initialise


def view(asked: ApiRequest) -> ProjectView:
    folder = asked.query.get("folder", "")
    if not asked.shared.has_project(folder):
        return ProjectView(found=False, folder=folder)
    return _view(asked, asked.project)


def _view(asked: ApiRequest, project: Project) -> ProjectView:
    path = asked.shared.served(project.root)
    return ProjectView(
        found=True,
        folder=path or "",
        name=project.name,
        root=str(project.root),
        served=path is not None,
        models=project.models,
    )


def init(asked: ApiRequest) -> ProjectView:
    wanted = asked.read(InitRequest)
    root = asked.shared.folder(wanted.folder)
    initialise(root, wanted.name)
    return _view(asked, Project.load(root))


def sync_pipeline(asked: ApiRequest) -> Done:
    wanted = asked.read(SyncRequest)
    result = sync(asked.project, params=wanted.params, overrides=wanted.overrides)
    return Done(f"dvc.yaml {'was written' if result.changed else 'is up to date'}.")


def lint_notebooks(asked: ApiRequest) -> list[Finding]:
    steps = [step for step in asked.query.get("steps", "").split(",") if step]
    return lint(asked.project, steps)


def diagnose(asked: ApiRequest) -> list[DoctorFinding]:
    folder = asked.shared.folder(asked.query.get("folder", ""))
    return [DoctorFinding(**asdict(finding)) for finding in doctor(folder)]


ROUTES = [
    Route("GET", "project", view),
    Route("POST", "project", init, status=201, body=InitRequest),
    Route("POST", "sync", sync_pipeline, body=SyncRequest),
    Route("GET", "lint", lint_notebooks, query=("steps",)),
    Route("GET", "doctor", diagnose),
]
