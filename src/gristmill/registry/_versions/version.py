"""A model version as a value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gristmill.lineage import Lineage

REFERENCE = "reference.parquet"
HOLDOUT = "holdout.parquet"
"""Evidence: what a version was trained on, and the rows it is judged by."""


@dataclass(frozen=True)
class Version:
    """A registered model version.

    `digest` is the model directory's (`digest.directory_digest`); `evidence` maps the names
    of files kept with the version to their sha256; `source` is the step that made the model;
    `location` is the folder of its files among the run's artifacts; `aliases` are those it holds
    now.
    """

    model: str
    version: int
    run_id: str
    digest: str
    metrics: Mapping[str, float]
    params: Mapping[str, Any]
    lineage: Lineage
    created: datetime
    author: str
    source: str
    location: str
    evidence: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "version": self.version,
            "run_id": self.run_id,
            "digest": self.digest,
            "metrics": dict(self.metrics),
            "params": dict(self.params),
            "lineage": json.loads(self.lineage.to_json()),
            "created": self.created.isoformat(),
            "author": self.author,
            "source": self.source,
            "location": self.location,
            "evidence": dict(self.evidence),
            "aliases": list(self.aliases),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any], aliases: tuple[str, ...]) -> Version:
        changed = {
            "lineage": Lineage(**record["lineage"]),
            "created": datetime.fromisoformat(record["created"]),
            "aliases": aliases,
        }
        return cls(**{**record, **changed})
