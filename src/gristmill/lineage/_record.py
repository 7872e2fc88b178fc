"""Lineage as a value: everything that made a model version, and nothing invented."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gristmill.errors import Invalid


@dataclass(frozen=True)
class Lineage:
    """Where a run's results come from.

    `commit` is the full git hash and `dirty` whether tracked source files differed from it;
    `inputs` and `outputs` map paths relative to the root to DVC hashes (md5, `.dir` for a
    directory); `params` are the step's resolved parameters; `source` is the digest of its
    normalised code and imported modules, `environment` that of the lock file; `notebook` and
    `executed` are the source and executed notebooks; `author` is git's user or the
    login name; `undeclared` maps files that the run opened without declaring them to read or
    write. An unknown value is None, never a guess.
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
        """The parts without which a version cannot be made again, sorted."""
        needed = ("commit", "source", "environment", "notebook", "author")
        absent = [name for name in needed if not getattr(self, name)]
        absent += [name for name in ("outputs",) if not getattr(self, name)]
        return tuple(sorted(absent))

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, default=str)

    @classmethod
    def from_json(cls, text: str) -> Lineage:
        try:
            return cls(**json.loads(text))
        except (TypeError, ValueError) as error:
            raise Invalid("lineage.unreadable", f"not a lineage record: {error}") from error
