"""TODO door"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gristmill._door import door

if TYPE_CHECKING:
    from gristmill.authoring._editor import (
        Completion,
        StepChange,
        StepForm,
        complete_path,
        edit_step,
        step_edits,
        step_form,
    )
    from gristmill.authoring._form.edits import Edit
    from gristmill.authoring._lint import lint, lint_settings, require_clean_notebooks
    from gristmill.authoring._rules.finding import ERROR, OFF, RULES, Finding, LintSettings
    from gristmill.authoring._rules.names import PREDEFINED, Diagnostic, PythonSource, build_program
    from gristmill.authoring._rules.rules import Draft, lint_notebook, read_draft
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "ERROR",
    "OFF",
    "PREDEFINED",
    "RULES",
    "Completion",
    "Diagnostic",
    "Draft",
    "Edit",
    "Finding",
    "LintSettings",
    "PythonSource",
    "StepChange",
    "StepForm",
    "build_program",
    "complete_path",
    "edit_step",
    "lint",
    "lint_notebook",
    "lint_settings",
    "read_draft",
    "require_clean_notebooks",
    "step_edits",
    "step_form",
]
