"""Two runs side by side: what differs in parameters, metrics, cells and lineage. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gristmill.pipeline import CellChange, cell_changes, same_value
from gristmill.runs._record import RunRecord


@dataclass(frozen=True)
class Change:
    """A value in two runs.

    Attributes
    ----------
    before, after
        The value in each run, None where a run lacks it.
    delta
        The difference of two numbers.
    """

    before: Any
    after: Any
    delta: float | None = None


@dataclass(frozen=True)
class RunDiff:
    """What differs between two runs; everything equal is left out.

    Attributes
    ----------
    one, other
        The names of the runs.
    params, metrics
        By `step.name`.
    cells
        Changed cells by step.
    unknown
        Steps whose code differs but whose cells are kept nowhere.
    lineage
        Commit, environment, and hashes of data and of project modules.
    steps
        Steps that only one of the runs has.
    """

    one: str
    other: str
    params: Mapping[str, Change] = field(default_factory=dict)
    metrics: Mapping[str, Change] = field(default_factory=dict)
    cells: Mapping[str, tuple[CellChange, ...]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    lineage: Mapping[str, Change] = field(default_factory=dict)
    steps: Mapping[str, Change] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        kinds = (self.params, self.metrics, self.cells, self.unknown, self.lineage, self.steps)
        return not any(kinds)


def changed_steps(one: RunRecord, other: RunRecord) -> list[str]:
    """Steps of both runs whose code or imported modules differ."""
    return [s for s in one.steps if s in other.steps and _sources_differ(one, other, s)]


def _sources_differ(one: RunRecord, other: RunRecord, step: str) -> bool:
    return one.steps[step].source != other.steps[step].source


def compare(
    one: RunRecord,
    other: RunRecord,
    cells: Mapping[str, tuple[Sequence[str] | None, Sequence[str] | None]],
) -> RunDiff:
    """`cells` has the code cells of each changed step in both runs, None where unknown."""
    params = _changes(one.flat_params(), other.flat_params())
    metrics = {
        k: Change(c.before, c.after, _delta(c.before, c.after))
        for k, c in _changes(_by_step(one), _by_step(other)).items()
    }
    changed: dict[str, tuple[CellChange, ...]] = {}
    unknown = []
    for step, (before, after) in cells.items():
        if before is None or after is None:
            unknown.append(step)
        elif changes := cell_changes(before, after):
            changed[step] = changes
    lineage = _changes(_lineage(one), _lineage(other))
    present = _changes(dict.fromkeys(one.steps, "present"), dict.fromkeys(other.steps, "present"))
    return RunDiff(one.run, other.run, params, metrics, changed, tuple(unknown), lineage, present)


def _by_step(run: RunRecord) -> dict[str, float]:
    return {f"{s}.{n}": v for s, r in run.steps.items() for n, v in r.metrics.items()}


def _lineage(run: RunRecord) -> dict[str, Any]:
    """What a run was made from, flat; a file that several steps read is there once."""
    lineage: dict[str, Any] = {"commit": run.commit, "environment": run.environment}
    if run.dirty:
        lineage["commit"] = f"{run.commit} with uncommitted changes"
    written = {path for step in run.steps.values() for path in step.outputs}
    for step in run.steps.values():
        lineage |= {f"module {path}": digest for path, digest in step.modules.items()}
        lineage |= {f"data {p}": digest for p, digest in step.inputs.items() if p not in written}
        lineage |= {f"data {p}": digest for p, digest in step.outputs.items()}
    return lineage


def _changes(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Change]:
    keys = list(dict.fromkeys([*one, *other]))
    return {
        k: Change(one.get(k), other.get(k))
        for k in keys
        if (k in one) != (k in other) or not same_value(one[k], other[k])
    }


def _delta(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before
