"""What travels between the server and JupyterLab. `typescript.py` writes the same for the client.

Paths named `...path` are as Jupyter's file browser names them, null where it cannot reach them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ErrorRecord:
    """Every error that the server replies with."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True)
class ProjectView:
    """The project of a folder; `served` is whether the file browser reaches its root."""

    found: bool
    folder: str
    name: str = ""
    root: str = ""
    served: bool = True
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class InitRequest:
    """Make `folder` a project."""

    folder: str = ""
    name: str | None = None
