"""`gristmill/project`: which project a folder belongs to, and making one."""

from __future__ import annotations

from gristmill.project import Project
from gristmill.server._handlers import ApiRequest, Route
from gristmill.server._schema import InitRequest, ProjectView
from gristmill.workspace import initialise


def view(asked: ApiRequest) -> ProjectView:
    folder = asked.query.get("folder", "")
    if not asked.shared.has_project(folder):
        return ProjectView(found=False, folder=folder)
    return found(asked, asked.project)


def found(asked: ApiRequest, project: Project) -> ProjectView:
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
    return found(asked, Project.load(root))


ROUTES = [
    Route("GET", "project", view),
    Route("POST", "project", init, status=201),
]
