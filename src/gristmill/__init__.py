"""Gristmill: notebooks as pipeline steps, models that are judged, served, watched and repaired.

In a notebook opened by hand from a subfolder of a project, importing this package moves the kernel
to the project's root and says so, because that is where every run works: the same paths and
project modules are found. Elsewhere importing it does nothing but import.
"""

from __future__ import annotations

import os
import sys

from gristmill._types import Input, Metrics, Output, Plots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"

# verb or value -> module; imported when first used, because each brings heavy libraries
_LAZY = {
    "acknowledge": "gristmill.monitoring",
    "alerts": "gristmill.monitoring",
    "resolve_alert": "gristmill.monitoring",
    "snooze": "gristmill.monitoring",
    "ParkedKernel": "gristmill.runner",
    "Project": "gristmill.project",
    "RunRequest": "gristmill.runner",
    "RunResult": "gristmill.runner",
    "StepChange": "gristmill.authoring",
    "audit": "gristmill.registry",
    "card": "gristmill.registry",
    "champion": "gristmill.registry",
    "compare": "gristmill.registry",
    "decide": "gristmill.registry",
    "drill_down": "gristmill.monitoring",
    "edit_step": "gristmill.authoring",
    "gate": "gristmill.registry",
    "infer_contract": "gristmill.registry",
    "lint": "gristmill.authoring",
    "monitor": "gristmill.monitoring",
    "parked": "gristmill.runner",
    "promote": "gristmill.registry",
    "register": "gristmill.registry",
    "register_run": "gristmill.registry",
    "repair": "gristmill.monitoring",
    "report": "gristmill.sweeps",
    "reproduce": "gristmill.registry",
    "resume": "gristmill.runner",
    "rollback": "gristmill.registry",
    "run": "gristmill.runner",
    "runs": "gristmill.runs",
    "score": "gristmill.serving",
    "serve": "gristmill.serving",
    "step_form": "gristmill.authoring",
    "sweep": "gristmill.sweeps",
}

__all__ = [  # noqa: PLE0604  # ruff does not see that the lazy names are strings
    "Input",
    "Metrics",
    "Output",
    "Plots",
    "__version__",
    *sorted(_LAZY),
]


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    loaded = importlib.import_module(module)
    return loaded if module == f"{__name__}.{name}" else getattr(loaded, name)


def __dir__() -> list[str]:
    return sorted(__all__)


def _enter_project() -> None:
    """In a kernel that was started below a project's root, work at the root."""
    shell = sys.modules.get("IPython") and sys.modules["IPython"].get_ipython()
    if shell is None or not hasattr(shell, "kernel") or os.path.exists("gristmill.toml"):
        return
    from pathlib import Path

    from gristmill.project import find_root

    here = Path.cwd()
    root = find_root(here)
    if root is None or root == here:
        return
    os.chdir(root)
    sys.path.insert(0, str(root))
    print(f"gristmill: working directory is now {root}")  # noqa: T201


_enter_project()
