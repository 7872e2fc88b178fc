"""Two runs side by side: what differs in parameters, metrics, cells and lineage. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gristmill.pipeline.plan import same
from gristmill.pipeline.source import normalise
from gristmill.runs.record import RunRecord


@dataclass(frozen=True)
class Change:
    """A value before and after, None where one run lacks it; `delta` for numbers."""

    before: Any
    after: Any
    delta: float | None = None


@dataclass(frozen=True)
class CellChange:
    """A changed cell: its index in each notebook's code cells from 0 (None: added or removed) and
    the lines of a unified diff without heading."""

    before: int | None
    after: int | None
    lines: tuple[str, ...]


@dataclass(frozen=True)
class RunDiff:
    """What differs between two runs; everything equal is left out.

    `params` and `metrics` are keyed `step.name`; `cells` by step; `unknown` are steps whose code
    differs but whose cells are kept nowhere; `lineage` holds commit, environment, `step: path`
    hashes of data and project modules; `statuses` by step.
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
        elif found := cell_changes(before, after):
            changed[step] = found
    lineage = _changes(_lineage(one), _lineage(other))
    present = _changes(dict.fromkeys(one.steps, "there"), dict.fromkeys(other.steps, "there"))
    return RunDiff(one.run, other.run, params, metrics, changed, tuple(unknown), lineage, present)


def _by_step(run: RunRecord) -> dict[str, float]:
    return {f"{s}.{n}": v for s, r in run.steps.items() for n, v in r.metrics.items()}


def _lineage(run: RunRecord) -> dict[str, Any]:
    """Where a run comes from, flat; a file that several steps read stands once."""
    found: dict[str, Any] = {"commit": run.commit, "environment": run.environment}
    if run.dirty:
        found["commit"] = f"{run.commit} with uncommitted changes"
    written = {path for step in run.steps.values() for path in step.outputs}
    for step in run.steps.values():
        found |= {f"module {path}": digest for path, digest in step.modules.items()}
        found |= {f"data {p}": digest for p, digest in step.inputs.items() if p not in written}
        found |= {f"data {p}": digest for p, digest in step.outputs.items()}
    return found


def _changes(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Change]:
    keys = list(dict.fromkeys([*one, *other]))
    return {
        k: Change(one.get(k), other.get(k))
        for k in keys
        if (k in one) != (k in other) or not same(one[k], other[k])
    }


def _delta(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else after - before


def cell_changes(before: Sequence[str], after: Sequence[str]) -> tuple[CellChange, ...]:
    """Cells that differ in what they do; comments and layout alone are no change.

    Cells are matched by their normalised code. Cells replaced one for one are shown as a diff of
    their text, others as added and removed.
    """
    old, new = [normalise(c) for c in before], [normalise(c) for c in after]
    found = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        for one, other in _pairs(old[i1:i2], new[j1:j2]):
            i = None if one is None else i1 + one
            j = None if other is None else j1 + other
            a = [] if i is None else before[i].splitlines()
            b = [] if j is None else after[j].splitlines()
            lines = tuple(difflib.unified_diff(a, b, lineterm="", n=2))[2:]
            found.append(CellChange(i, j, lines))
    return tuple(found)


def _pairs(old: Sequence[str], new: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Join each new cell with the old one it most resembles, in order; the rest stand alone."""
    pairs: list[tuple[int | None, int | None]] = []
    at = 0
    for j, text in enumerate(new):
        ratios = [
            difflib.SequenceMatcher(None, old[i], text, autojunk=False).ratio()
            for i in range(at, len(old))
        ]
        best = max(range(len(ratios)), key=ratios.__getitem__, default=-1)
        lone = len(old) == len(new) == 1
        if best < 0 or (ratios[best] < 0.4 and not lone):
            pairs.append((None, j))
            continue
        pairs += [(i, None) for i in range(at, at + best)]
        pairs.append((at + best, j))
        at += best + 1
    return pairs + [(i, None) for i in range(at, len(old))]
