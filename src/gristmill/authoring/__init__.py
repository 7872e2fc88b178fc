"""The step editor and lint, over files and open documents."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.authoring._completion import Completion, complete_path
    from gristmill.authoring._editor import StepChange, StepForm, edit_step, step_edits, step_form
    from gristmill.authoring._form.edits import Edit
    from gristmill.authoring._lint import lint, lint_settings, require_clean_notebooks
    from gristmill.authoring._rules.finding import Finding, Severity
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "Completion",
    "Edit",
    "Finding",
    "Severity",
    "StepChange",
    "StepForm",
    "complete_path",
    "edit_step",
    "lint",
    "lint_settings",
    "require_clean_notebooks",
    "step_edits",
    "step_form",
]
