"""A project as it is on disk now: its steps, sources and settings; dvc.yaml kept up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gristmill._door import door

if TYPE_CHECKING:
    from gristmill.workspace._index import forget_index, write_index
    from gristmill.workspace._init import initialise
    from gristmill.workspace._lineage import lineage_of, make_lineage, remember
    from gristmill.workspace._settings import (
        Amounts,
        Devices,
        StepPolicy,
        capacity,
        require_fit,
        run_settings,
        tagged,
    )
    from gristmill.workspace._sync import pipeline_text, sync
    from gristmill.workspace._workspace import (
        DEFAULT_PARAMS,
        Workspace,
        glob_prefixes,
        load_workspace,
        notebook_sections,
    )
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "DEFAULT_PARAMS",
    "Amounts",
    "Devices",
    "StepPolicy",
    "Workspace",
    "capacity",
    "forget_index",
    "glob_prefixes",
    "initialise",
    "lineage_of",
    "load_workspace",
    "make_lineage",
    "notebook_sections",
    "pipeline_text",
    "remember",
    "require_fit",
    "run_settings",
    "sync",
    "tagged",
    "write_index",
]
