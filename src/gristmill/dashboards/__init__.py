"""Dashboards: a page that needs no kernel, and a Voila notebook to explore with."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.dashboards._explore import explorer, requested_model
    from gristmill.dashboards._export import export_dashboard, mail_dashboard
    from gristmill.dashboards._page import model_page, overview
    from gristmill.dashboards._server import copy_notebook, serve_dashboard
    from gristmill.dashboards._state import ModelState, read_state
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "ModelState",
    "copy_notebook",
    "explorer",
    "export_dashboard",
    "mail_dashboard",
    "model_page",
    "overview",
    "read_state",
    "requested_model",
    "serve_dashboard",
]
