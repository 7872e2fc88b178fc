"""What all requests share: where the server's files are, and which project one is about."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from gristmill.errors import Forbidden, NotFound
from gristmill.project import Project, find_root
from gristmill.server._follow import Follower

SHARED = "gristmill"


class Shared:
    """One for each server. `root` is the directory that Jupyter serves, `adopted` maps connection
    files of parked kernels to their ids here, `tasks` are those that run beside the requests."""

    def __init__(self, serverapp: Any) -> None:
        self.app = serverapp
        self.root = Path(serverapp.root_dir).expanduser().resolve()
        self.adopted: dict[str, str] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self._followers: dict[Path, Follower] = {}

    def follower(self, project: Project) -> Follower:
        """Who follows what happens in a project. On the event loop only."""
        return self._followers.setdefault(project.root, Follower(project))

    def folder(self, folder: str) -> Path:
        """A folder that the client names, relative to `root`. Forbidden outside of it."""
        try:
            path = (self.root / folder.strip("/")).resolve()
            path.exists()
        except (OSError, ValueError) as error:  # too long, a loop of links, a NUL
            raise NotFound(
                "path.not-found",
                f"{folder[:100]!r} is not a folder.",
                hint="Name a folder that the file browser shows.",
            ) from error
        if not path.is_relative_to(self.root):
            raise Forbidden(
                "path.outside",
                f"{folder} is not below the directory that JupyterLab serves.",
                hint="Name a folder that the file browser shows.",
            )
        if not path.is_dir():
            raise NotFound(
                "path.not-found",
                f"{folder or '/'} is not a folder.",
                hint="Name a folder that the file browser shows.",
            )
        return path

    def project(self, folder: str) -> Project:
        """The project that a folder lies in, which may begin above `root`. NotFound when none."""
        return Project.find(self.folder(folder))

    def has_project(self, folder: str) -> bool:
        """Whether the folder is in a project."""
        return find_root(self.folder(folder)) is not None

    def served(self, path: Path) -> str | None:
        """How the client names a file, None when Jupyter does not serve it."""
        whole = path.resolve()
        return whole.relative_to(self.root).as_posix() if whole.is_relative_to(self.root) else None


def inside(project: Project, path: str) -> Path:
    """A file of the project by its path in it; Forbidden when it leads out, or is no file's."""
    root = project.root.resolve()
    whole = root if "\0" in path else (root / path).resolve()
    if whole == root or not whole.is_relative_to(root):
        raise Forbidden(
            "path.outside",
            f"{path!r} is not a file in the project.",
            hint="Name a path below its root.",
        )
    return whole
