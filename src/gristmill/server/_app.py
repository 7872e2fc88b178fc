"""What the server extension brings into a Jupyter server: routes, and what they share."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from jupyter_server.utils import url_path_join

from gristmill.server._handlers import Route, handlers_of
from gristmill.server._shared import SHARED, Shared

# Each has ROUTES, a list of `Route`. A new noun is a new module and a line here.
MODULES = (
    "project",
    "pipeline",
    "running",
    "kernels",
    "artifacts",
    "steps",
    "history",
    "models",
    "alerts",
    "audit",
    "jobs",
)
# Each has HANDLERS, pairs of a path and a handler of its own kind.
HANDLERS = ("streaming",)


def routes() -> list[Route]:
    """The routes of all modules."""
    return [
        route for name in MODULES for route in import_module(f"gristmill.server._{name}").ROUTES
    ]


def load(serverapp: Any) -> None:
    """Add the routes below `<base_url>gristmill/`."""
    web = serverapp.web_app
    web.settings[SHARED] = Shared(serverapp)
    base = url_path_join(web.settings["base_url"], "gristmill")
    handlers = handlers_of(routes())
    for name in HANDLERS:
        handlers += import_module(f"gristmill.server._{name}").HANDLERS
    web.add_handlers(".*$", [(url_path_join(base, path), handler) for path, handler in handlers])
    serverapp.log.info("gristmill: ready")
