"""Gristmill: notebooks as pipeline steps, models that are judged, served, watched and repaired.

The verbs of `gristmill.verbs` are functions here. Each takes a project first, or finds the one that
the working directory lies in: `gristmill.run("train", force=True)`.

In a notebook opened by hand from a subfolder of a project, importing this package moves the kernel
to the project's root and says so, because that is where every run works: the same paths and
project modules are found. Elsewhere importing it does nothing but import.
"""

from __future__ import annotations

import os
import sys

from gristmill._door import door
from gristmill._types import Input, Metrics, Output, Plots
from gristmill._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill import runs
    from gristmill.authoring import StepChange, edit_step, lint, step_form
    from gristmill.dashboards import export_dashboard, mail_dashboard
    from gristmill.monitoring import (
        acknowledge,
        alerts,
        drill_down,
        monitor,
        repair,
        resolve_alert,
        snooze,
    )
    from gristmill.project import Project
    from gristmill.registry import (
        audit,
        card,
        champion,
        compare,
        decide,
        gate,
        history,
        infer_contract,
        list_versions,
        open_requests,
        promote,
        register,
        register_run,
        reproduce,
        request_approval,
        rollback,
        show_version,
        signing_keys,
    )
    from gristmill.runner import (
        ParkedKernel,
        RunRequest,
        RunResult,
        close_kernel,
        doctor,
        open_kernel,
        parked,
        resume,
        run,
        status,
        sync,
    )
    from gristmill.serving import score, serve
    from gristmill.sweeps import (
        SweepSpec,
        apply_sweep,
        list_sweeps,
        load_sweep,
        report,
        sweep,
    )
    from gristmill.workspace import initialise
    from gristmill.workspace_trust import revoke_trust, trust, trusted_folders
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "Input",
    "Metrics",
    "Output",
    "ParkedKernel",
    "Plots",
    "Project",
    "RunRequest",
    "RunResult",
    "StepChange",
    "SweepSpec",
    "__version__",
    "acknowledge",
    "alerts",
    "apply_sweep",
    "audit",
    "card",
    "champion",
    "close_kernel",
    "compare",
    "decide",
    "doctor",
    "drill_down",
    "edit_step",
    "export_dashboard",
    "gate",
    "history",
    "infer_contract",
    "initialise",
    "lint",
    "list_sweeps",
    "list_versions",
    "load_sweep",
    "mail_dashboard",
    "monitor",
    "open_kernel",
    "open_requests",
    "parked",
    "promote",
    "register",
    "register_run",
    "repair",
    "report",
    "reproduce",
    "request_approval",
    "resolve_alert",
    "resume",
    "revoke_trust",
    "rollback",
    "run",
    "runs",
    "score",
    "serve",
    "show_version",
    "signing_keys",
    "snooze",
    "status",
    "step_form",
    "sweep",
    "sync",
    "trust",
    "trusted_folders",
]


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
