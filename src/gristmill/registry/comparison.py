"""Two versions side by side: on the same rows, with intervals, and what they were made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gristmill.errors import GristmillError
from gristmill.project import Project
from gristmill.registry.scoring import gather
from gristmill.registry.settings import model_settings
from gristmill.registry.statistics import BINARY, KNOWN, THRESHOLD, Comparison, compare
from gristmill.registry.store import Registry
from gristmill.registry.version import Version

LINEAGE_PARTS = ("commit", "branch", "source", "environment", "notebook", "author")


@dataclass(frozen=True)
class SideBySide:
    """`metrics` compare `second` with `first` on `rows` rows of the second's hold-out, with 90 %
    intervals; `agreement` counts rows by who is right; the mappings hold (first, second) where
    the two differ. `trouble` says why there are no metrics."""

    first: Version
    second: Version
    rows: int
    metrics: tuple[Comparison, ...]
    agreement: Mapping[str, int]
    params: Mapping[str, tuple[Any, Any]]
    lineage: Mapping[str, tuple[Any, Any]]
    inputs: Mapping[str, tuple[Any, Any]]
    trouble: str = ""

    def record(self) -> dict[str, Any]:
        return {
            "first": self.first.version,
            "second": self.second.version,
            "rows": self.rows,
            "metrics": [asdict(m) for m in self.metrics],
            "agreement": dict(self.agreement),
            "params": dict(self.params),
            "lineage": dict(self.lineage),
            "inputs": dict(self.inputs),
            "trouble": self.trouble,
        }


def side_by_side(project: Project, model: str, first: int | str, second: int | str) -> SideBySide:
    """Compare two versions of a model. Raises NotFound, or Forbidden for altered bytes."""
    settings = model_settings(project, model)
    registry = Registry(project)
    a, b = registry.version(model, first), registry.version(model, second)
    evidence = gather(registry, settings, b, a)
    found, agreement, rows = [], {}, 0
    if evidence.truth is not None and evidence.champion is not None:
        rows = len(evidence.truth)
        binary = set(evidence.truth.tolist()) <= {0, 1}
        for metric in KNOWN if binary else set(KNOWN) - {*BINARY}:
            if binary and metric in {"mae", "rmse"}:
                continue
            try:
                found.append(
                    compare(metric, evidence.truth, evidence.challenger, evidence.champion)
                )
            except GristmillError:
                continue
        if binary:
            agreement = _agreement(evidence.truth, evidence.champion, evidence.challenger)
    mine, theirs = vars(a.lineage), vars(b.lineage)
    return SideBySide(
        a,
        b,
        rows,
        tuple(found),
        agreement,
        _differences(a.params, b.params),
        {k: (mine[k], theirs[k]) for k in LINEAGE_PARTS if mine[k] != theirs[k]},
        _differences(a.lineage.inputs, b.lineage.inputs),
        evidence.trouble,
    )


def _differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {k: (a.get(k), b.get(k)) for k in sorted({*a, *b}) if a.get(k) != b.get(k)}


def _agreement(truth: Any, first: Any, second: Any) -> dict[str, int]:
    one, two = (first >= THRESHOLD) == (truth == 1), (second >= THRESHOLD) == (truth == 1)
    return {
        "both right": int((one & two).sum()),
        "only the first right": int((one & ~two).sum()),
        "only the second right": int((~one & two).sum()),
        "both wrong": int((~one & ~two).sum()),
    }
