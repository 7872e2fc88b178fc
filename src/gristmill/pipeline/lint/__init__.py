"""Rules for notebooks. Pure: a notebook's text in, findings out."""

from gristmill.pipeline.lint.finding import RULES, Finding, LintSettings
from gristmill.pipeline.lint.rules import lint_notebook

__all__ = ["RULES", "Finding", "LintSettings", "lint_notebook"]
