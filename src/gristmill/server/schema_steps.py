"""The step editor's part of the schema. Form, edits and findings travel as the pipeline has them.

`notebook` is a path as Jupyter's file browser names it. `document` is the open notebook: `cells`
(each `cell_type`, `source`, `metadata` with its tags, `execution_count`) and `metadata`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.pipeline.editing.edits import Edit
from gristmill.runner.editor import Completion


@dataclass(frozen=True)
class FormRequest:
    """The form of `notebook`: of `document` when it is open, else of the file."""

    notebook: str
    document: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EditRequest:
    """A `change` (the fields of StepChange) of `document`, or without one of the file."""

    notebook: str
    change: Mapping[str, Any]
    document: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EditReply:
    """Edits in order; `written` says that the file has them already."""

    edits: tuple[Edit, ...]
    written: bool


@dataclass(frozen=True)
class PathsReply:
    """Paths that may be meant, best first."""

    paths: tuple[Completion, ...]
