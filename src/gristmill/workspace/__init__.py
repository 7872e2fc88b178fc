"""A project as it is on disk now: its steps, sources and settings; dvc.yaml kept up to date."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.workspace._fresh_index import forget_index, write_index
    from gristmill.workspace._init import initialise
    from gristmill.workspace._lineage import (
        lineage_of,
        make_lineage,
        recorded_lineages,
        save_lineage,
    )
    from gristmill.workspace._machine import GpuPool, capacity, require_fit
    from gristmill.workspace._parameters import DEFAULT_PARAMS, read_params_file
    from gristmill.workspace._settings import Resources, StepPolicy, run_settings, steps_with_tags
    from gristmill.workspace._sync import pipeline_text, sync
    from gristmill.workspace._workspace import Workspace, load_workspace, step_names
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "DEFAULT_PARAMS",
    "GpuPool",
    "Resources",
    "StepPolicy",
    "Workspace",
    "capacity",
    "forget_index",
    "initialise",
    "lineage_of",
    "load_workspace",
    "make_lineage",
    "pipeline_text",
    "read_params_file",
    "recorded_lineages",
    "require_fit",
    "run_settings",
    "save_lineage",
    "step_names",
    "steps_with_tags",
    "sync",
    "write_index",
]
