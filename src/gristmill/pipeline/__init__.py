"""Steps from notebooks, the DAG between them, and what must run. Pure: values in, values out."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.pipeline._cells import INJECTED, CellChange, cell_changes, code_sources
    from gristmill.pipeline._dag import Dag, build_dag
    from gristmill.pipeline._notebook import PARAMETERS_TAG, CodeCell, Notebook, parse_notebook
    from gristmill.pipeline._plan import Plan, StepState, plan, same_value, staleness
    from gristmill.pipeline._source import (
        LINE_END,
        imported_modules,
        magics_as_calls,
        normalise_code,
        parse_cell,
    )
    from gristmill.pipeline._stages import (
        OWNER,
        SOURCES,
        STEP_FILES,
        foreign_stages,
        locked_state,
        merge_stages,
        params_path,
        source_path,
        sources_stage,
        stage_command,
        stage_of,
        step_source,
    )
    from gristmill.pipeline._step import (
        PATH_KINDS,
        PathParameter,
        StepSpec,
        declaration,
        overlaps,
        parse_step,
        step_name,
    )
    from gristmill.pipeline._value_types import (
        ANY_TYPE,
        ValueType,
        annotation_name,
        type_of_annotation,
        type_of_value,
    )
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "ANY_TYPE",
    "INJECTED",
    "LINE_END",
    "OWNER",
    "PARAMETERS_TAG",
    "PATH_KINDS",
    "SOURCES",
    "STEP_FILES",
    "CellChange",
    "CodeCell",
    "Dag",
    "Notebook",
    "PathParameter",
    "Plan",
    "StepSpec",
    "StepState",
    "ValueType",
    "annotation_name",
    "build_dag",
    "cell_changes",
    "code_sources",
    "declaration",
    "foreign_stages",
    "imported_modules",
    "locked_state",
    "magics_as_calls",
    "merge_stages",
    "normalise_code",
    "overlaps",
    "params_path",
    "parse_cell",
    "parse_notebook",
    "parse_step",
    "plan",
    "same_value",
    "source_path",
    "sources_stage",
    "stage_command",
    "stage_of",
    "staleness",
    "step_name",
    "step_source",
    "type_of_annotation",
    "type_of_value",
]
