"""The workbench's server: parse a request, call the verb, reply. Loaded by Jupyter."""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "gristmill.server"}]


def _load_jupyter_server_extension(serverapp: Any) -> None:
    from gristmill.server._app import load

    load(serverapp)
