"""Runs pipelines: notebooks on kernels, steps in parallel, DVC and MLflow kept true."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.runner._kernels.doctor import doctor
    from gristmill.runner._kernels.parked import ParkedKernel, ParkedKernels
    from gristmill.runner._lock import end_orphans, project_lock
    from gristmill.runner._notebook.execute import strip_ansi
    from gristmill.runner._notebook.grammars import skip_grammar_import
    from gristmill.runner._request import RunRequest, RunResult
    from gristmill.runner._resume import close_kernel, open_console, open_kernel, parked, resume
    from gristmill.runner._run import plan_run, run, run_name
    from gristmill.runner._status import check_request, status, sync
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "ParkedKernel",
    "ParkedKernels",
    "RunRequest",
    "RunResult",
    "check_request",
    "close_kernel",
    "doctor",
    "end_orphans",
    "open_console",
    "open_kernel",
    "parked",
    "plan_run",
    "project_lock",
    "resume",
    "run",
    "run_name",
    "skip_grammar_import",
    "status",
    "strip_ansi",
    "sync",
]
