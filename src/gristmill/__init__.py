"""Gristmill: notebooks as pipeline steps, models that are judged, served, watched and repaired.

In a notebook opened by hand from a subfolder of a project, importing this package moves the kernel
to the project's root and says so, because that is where every run works: the same paths and
project modules are found. Elsewhere importing it does nothing but import.
"""

from __future__ import annotations

import os
import sys

from gristmill.pipeline.types import Input, Metrics, Output, Plots

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"

# verb or value -> module; imported when first used, because each brings heavy libraries
_LAZY = {
    "acknowledge": "gristmill.monitoring.lifecycle",
    "alerts": "gristmill.monitoring.lifecycle",
    "resolve_alert": "gristmill.monitoring.lifecycle",
    "snooze": "gristmill.monitoring.lifecycle",
    "ParkedKernel": "gristmill.runner.parked",
    "Project": "gristmill.project",
    "RunRequest": "gristmill.runner.request",
    "RunResult": "gristmill.runner.request",
    "StepChange": "gristmill.runner.editor",
    "audit": "gristmill.registry.audit",
    "card": "gristmill.registry.card",
    "champion": "gristmill.registry.promotion",
    "compare": "gristmill.registry.comparison",
    "decide": "gristmill.registry.review",
    "drill_down": "gristmill.monitoring.drilldown",
    "edit_step": "gristmill.runner.editor",
    "gate": "gristmill.registry.promotion",
    "infer_contract": "gristmill.registry.contract_writing",
    "lint": "gristmill.runner.lint",
    "monitor": "gristmill.monitoring.monitor",
    "parked": "gristmill.runner.resume",
    "promote": "gristmill.registry.promotion",
    "register": "gristmill.registry.promotion",
    "register_run": "gristmill.registry.from_run",
    "repair": "gristmill.monitoring.retrain",
    "report": "gristmill.sweeps.reports",
    "reproduce": "gristmill.registry.reproduce",
    "resume": "gristmill.runner.resume",
    "rollback": "gristmill.registry.promotion",
    "run": "gristmill.runner.run",
    "runs": "gristmill.runs",
    "score": "gristmill.serving.score",
    "serve": "gristmill.serving.run",
    "step_form": "gristmill.runner.editor",
    "sweep": "gristmill.sweeps.run",
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
