"""Lineage as a value: everything that made a model version, and nothing invented."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.errors import Invalid
from gristmill.records import from_record, to_record


@dataclass(frozen=True)
class Lineage:
    """Where a run's results come from. An unknown value is None, never a guess.

    Attributes
    ----------
    project
        The project's name.
    step
        The step's name.
    run
        The run's id.
    commit
        The full git hash.
    dirty
        Whether tracked source files differed from the commit.
    branch
        The git branch.
    remote
        The address of git's remote `origin`, without credentials.
    inputs, outputs
        DVC hashes (md5, `.dir` for a directory) by path relative to the root.
    params
        The step's resolved parameters.
    source
        The digest of its normalised code and imported modules.
    environment
        The digest of the environment's lock file.
    environment_file
        That file, relative to the root.
    python
        The version of Python.
    notebook
        The source notebook, relative to the root.
    executed
        The executed notebook, relative to the root.
    author
        Git's user, or the login name, of whoever ran the step.
    undeclared
        Files that the run opened without declaring them: read or write, by path.
    """

    project: str
    step: str
    run: str | None
    commit: str | None
    dirty: bool | None
    branch: str | None
    remote: str | None
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None
    environment: str | None = None
    environment_file: str | None = None
    python: str | None = None
    notebook: str | None = None
    executed: str | None = None
    author: str | None = None
    undeclared: Mapping[str, str] = field(default_factory=dict)

    def missing(self) -> tuple[str, ...]:
        """The parts without which a version cannot be reproduced, sorted."""
        needed = ("commit", "source", "environment", "notebook", "author", "run")
        absent = [name for name in needed if not getattr(self, name)]
        absent += [name for name in ("outputs",) if not getattr(self, name)]
        return tuple(sorted(absent))

    def to_json(self) -> str:
        """The record as JSON text."""
        return json.dumps(to_record(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Lineage:
        """The record that `to_json` wrote.

        Parameters
        ----------
        text
            JSON.

        Raises
        ------
        Invalid
            `lineage.unreadable`.
        """
        try:
            return from_record(cls, json.loads(text), "lineage")
        except (ValueError, Invalid) as error:
            raise Invalid("lineage.unreadable", f"not a lineage record: {error}") from error
