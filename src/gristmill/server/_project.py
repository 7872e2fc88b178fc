"""`gristmill/project`: which project a folder belongs to, making one, and looking it over."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from gristmill.authoring import Finding, lint
from gristmill.project import Project
from gristmill.runner import doctor, sync
from gristmill.server._handlers import ApiRequest, Route
from gristmill.server._schema import DoctorFinding, Done, InitRequest, ProjectView, SyncRequest
from gristmill.workspace import initialise
from gristmill.workspace_trust import is_trusted, revoke_trust, trust, trusted_folders


def view(request: ApiRequest) -> ProjectView:
    """The project of the folder, or that the folder is in none."""
    folder = request.query.get("folder", "")
    if not request.shared.has_project(folder):
        return ProjectView(found=False, folder=folder)
    return _view(request, request.project)


def _view(request: ApiRequest, project: Project) -> ProjectView:
    path = request.shared.served(project.root)
    return ProjectView(
        found=True,
        folder=path or "",
        name=project.name,
        root=str(project.root),
        served=path is not None,
        trusted=is_trusted(project.root),
        models=project.models,
    )


def init(request: ApiRequest) -> ProjectView:
    """Make a folder a project."""
    body = request.read(InitRequest)
    root = request.shared.folder(body.folder)
    initialise(root, body.name)
    return _view(request, Project.load(root))


def trusted(request: ApiRequest) -> list[Path]:
    """The folders that the user trusts."""
    return trusted_folders()


def trust_project(request: ApiRequest) -> ProjectView:
    """Trust the project of the folder."""
    project = request.project
    trust(project.root)
    return _view(request, project)


def distrust_project(request: ApiRequest) -> ProjectView:
    """Trust the project of the folder no longer."""
    project = request.project
    revoke_trust(project.root)
    return _view(request, project)


def sync_pipeline(request: ApiRequest) -> Done:
    """Write dvc.yaml from the notebooks."""
    body = request.read(SyncRequest)
    result = sync(request.project, params=body.params, overrides=body.overrides)
    return Done(f"dvc.yaml {'was written' if result.changed else 'is up to date'}.")


def lint_notebooks(request: ApiRequest) -> list[Finding]:
    """The findings of `lint` for the given steps (default all)."""
    steps = [step for step in request.query.get("steps", "").split(",") if step]
    return lint(request.project, steps)


def diagnose(request: ApiRequest) -> list[DoctorFinding]:
    """The findings of `doctor` for the folder."""
    folder = request.shared.folder(request.query.get("folder", ""))
    return [DoctorFinding(**asdict(finding)) for finding in doctor(folder)]


ROUTES = [
    Route("GET", "project", view),
    Route("POST", "project", init, status=201, body=InitRequest, acts=False),
    Route("GET", "trust", trusted),
    Route("POST", "trust", trust_project, acts=False),
    Route("DELETE", "trust", distrust_project, acts=False),
    Route("POST", "sync", sync_pipeline, body=SyncRequest),
    Route("GET", "lint", lint_notebooks, query=("steps",)),
    Route("GET", "doctor", diagnose),
]
