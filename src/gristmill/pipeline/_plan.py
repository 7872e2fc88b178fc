"""What must run, and why: the present compared with what the lock file recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.pipeline._dag import Dag
from gristmill.pipeline._step import overlaps

ABSENT = "absent"


@dataclass(frozen=True)
class StepState:
    """A step's command, content hashes by path (None: absent) and parameter values.

    `source` and `environment` name which of `inputs` is the step's code and which the
    environment's lock file.
    """

    cmd: str
    inputs: Mapping[str, str | None]
    params: Mapping[str, Any]
    outputs: Mapping[str, str | None]
    source: str = ""
    environment: str = ""


@dataclass(frozen=True)
class Decision:
    """Whether a step runs, with every reason; a fresh step has none."""

    run: bool
    reasons: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        return "; ".join(self.reasons) if self.reasons else "nothing changed"


@dataclass(frozen=True)
class Plan:
    """A decision for each wanted step, in an order that respects the DAG."""

    decisions: Mapping[str, Decision] = field(default_factory=dict)

    @property
    def stale(self) -> tuple[str, ...]:
        return tuple(n for n, d in self.decisions.items() if d.run)


def staleness(now: StepState, locked: StepState | None, pending: Iterable[str] = ()) -> Decision:
    """Compare a step with its record; `pending` are inputs about to be written again."""
    if locked is None:
        return Decision(True, ("it has not run yet",))
    reasons: list[str] = []
    if locked.cmd != now.cmd:
        reasons.append("its notebook was moved")
    awaited = set(pending)
    for path in sorted({*now.inputs, *locked.inputs} - awaited):
        reasons += _input_change(path, now, locked)
    for name in sorted({*now.params, *locked.params}):
        before, after = locked.params.get(name, ABSENT), now.params.get(name, ABSENT)
        if not same_value(before, after):
            reasons.append(f"parameter {name}: {before} -> {after}")
    for path in sorted({*now.outputs, *locked.outputs}):
        before, after = locked.outputs.get(path), now.outputs.get(path)
        if path not in locked.outputs:
            reasons.append(f"output {path} is new")
        elif path in now.outputs and after is None:
            reasons.append(f"output {path} is missing")
        elif path in now.outputs and before != after:
            reasons.append(f"output {path} was changed by something else")
    return Decision(bool(reasons), tuple(reasons))


def _input_change(path: str, now: StepState, locked: StepState) -> list[str]:
    before, after = locked.inputs.get(path), now.inputs.get(path)
    if before == after:
        return []
    if path == now.source:
        return ["its code changed"]
    if path in {now.environment, locked.environment}:
        return [f"the environment changed ({path})"]
    if path not in locked.inputs:
        return [f"input {path} is new"]
    if path not in now.inputs:
        return [f"input {path} is no longer read"]
    if after is None:
        return [f"input {path} is missing"]
    return [f"input {path} changed"]


def same_value(one: Any, other: Any) -> bool:
    """Equality that tells True from 1 but not 1.0 from 1, as JSON and YAML carry them."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_value(v, other[k]) for k, v in one.items())
    return bool(one == other)


def plan(
    dag: Dag,
    now: Mapping[str, StepState],
    locked: Mapping[str, StepState],
    *,
    targets: Iterable[str] = (),
    only: bool = False,
    force: bool = False,
) -> Plan:
    """Decide for every step, or for `targets` and what they need (`only`: without that).

    A step also runs when one it needs does; once that one has run, the scheduler asks `judge`
    again, so an unchanged result stops the chain.
    """
    wanted = set(targets)
    if not wanted:
        wanted = set(dag.steps)
    elif not only:
        wanted |= dag.ancestors(wanted)
    decisions: dict[str, Decision] = {}
    for name in dag.steps:
        if name not in wanted:
            continue
        upstream = sorted(n for n in dag.needs[name] if decisions.get(n, Decision(False)).run)
        if force:
            decisions[name] = Decision(True, ("forced",))
            continue
        found = staleness(now[name], locked.get(name), awaited_inputs(dag, name, upstream))
        reasons = (*found.reasons, *(f"{n} runs first" for n in upstream))
        decisions[name] = Decision(bool(reasons), reasons)
    return Plan(decisions)


def awaited_inputs(dag: Dag, name: str, upstream: Iterable[str]) -> set[str]:
    """The inputs of a step that the steps `upstream` write."""
    written = [o.path for n in upstream for o in dag.steps[n].outputs]
    return {p for p in dag.steps[name].inputs if any(overlaps(p, w) for w in written)}
