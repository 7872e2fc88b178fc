"""Sweeps: many runs of one pipeline with other parameters, in parallel, each in a double."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.sweeps._apply import apply_sweep
    from gristmill.sweeps._reports import report
    from gristmill.sweeps._run import require_new_name, sweep
    from gristmill.sweeps._spec import METHODS, SweepSpec, check_sweep, read_spec
    from gristmill.sweeps._state import (
        Sweep,
        Trial,
        TrialState,
        is_running,
        list_sweeps,
        load_sweep,
        sweep_directory,
        sweep_names,
    )
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "METHODS",
    "Sweep",
    "SweepSpec",
    "Trial",
    "TrialState",
    "apply_sweep",
    "check_sweep",
    "is_running",
    "list_sweeps",
    "load_sweep",
    "read_spec",
    "report",
    "require_new_name",
    "sweep",
    "sweep_directory",
    "sweep_names",
]
