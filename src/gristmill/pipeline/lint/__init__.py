"""Rules for notebooks. Pure: a notebook's text in, findings out.

Reading, checking and judging are steps of their own, because names are checked by another program,
for all notebooks at once: `read_draft`, `build_program`, then `lint_notebook` with what it said.
"""

from gristmill.pipeline.lint.finding import RULES, Finding, LintSettings
from gristmill.pipeline.lint.names import PREDEFINED, Diagnostic, PythonSource, build_program
from gristmill.pipeline.lint.rules import Draft, lint_notebook, read_draft

__all__ = [
    "PREDEFINED",
    "RULES",
    "Diagnostic",
    "Draft",
    "Finding",
    "LintSettings",
    "PythonSource",
    "build_program",
    "lint_notebook",
    "read_draft",
]
