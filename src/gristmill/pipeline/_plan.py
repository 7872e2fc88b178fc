"""What must run, and why: each step compared with what `dvc.lock` recorded of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.pipeline._dag import Dag
from gristmill.pipeline._step import overlaps

ABSENT = "absent"


@dataclass(frozen=True)
class StepState:
    """What decides whether a step is fresh.

    Attributes
    ----------
    cmd
        The command of its DVC stage.
    inputs
        Content hash by path; None for a file that is absent.
    params
        Parameter values by name.
    outputs
        Content hash by path; None for a file that is absent.
    source
        Which of `inputs` is the step's code.
    environment
        Which of `inputs` is the environment's lock file, "" when there is none.
    """

    cmd: str
    inputs: Mapping[str, str | None]
    params: Mapping[str, Any]
    outputs: Mapping[str, str | None]
    source: str = ""
    environment: str = ""


@dataclass(frozen=True)
class Decision:
    """Whether a step runs.

    Attributes
    ----------
    run
        Whether it does.
    reasons
        Every reason; none for a fresh step.
    """

    run: bool
    reasons: tuple[str, ...] = ()

    @property
    def why(self) -> str:
        """The reasons as one text."""
        return "; ".join(self.reasons) if self.reasons else "nothing changed"


@dataclass(frozen=True)
class Plan:
    """What a run would do.

    Attributes
    ----------
    decisions
        A decision for each selected step, in an order that respects the DAG.
    """

    decisions: Mapping[str, Decision] = field(default_factory=dict)

    @property
    def stale(self) -> tuple[str, ...]:
        """The steps that run, in order."""
        return tuple(n for n, d in self.decisions.items() if d.run)


def staleness(
    current: StepState, locked: StepState | None, pending: Iterable[str] = ()
) -> Decision:
    """Compare a step with its record.

    Parameters
    ----------
    current
        The step as it is now.
    locked
        What `dvc.lock` recorded; None for a step that has not run.
    pending
        Inputs about to be written again, which are not compared.

    Returns
    -------
    Decision
        Whether it is stale, and why.
    """
    if locked is None:
        return Decision(True, ("it has not run yet",))
    reasons: list[str] = []
    if locked.cmd != current.cmd:
        reasons.append("its notebook was moved")
    awaited = set(pending)
    for path in sorted({*current.inputs, *locked.inputs} - awaited):
        reasons += _input_change(path, current, locked)
    for name in sorted({*current.params, *locked.params}):
        before, after = locked.params.get(name, ABSENT), current.params.get(name, ABSENT)
        if not same_value(before, after):
            reasons.append(f"parameter {name}: {before} -> {after}")
    for path in sorted({*current.outputs, *locked.outputs}):
        before, after = locked.outputs.get(path), current.outputs.get(path)
        if path not in locked.outputs:
            reasons.append(f"output {path} is new")
        elif path in current.outputs and after is None:
            reasons.append(f"output {path} is missing")
        elif path in current.outputs and before != after:
            reasons.append(f"output {path} was changed by something else")
    return Decision(bool(reasons), tuple(reasons))


def _input_change(path: str, current: StepState, locked: StepState) -> list[str]:
    before, after = locked.inputs.get(path), current.inputs.get(path)
    if before == after:
        return []
    if path == current.source:
        return ["its code changed"]
    if path in {current.environment, locked.environment}:
        return [f"the environment changed ({path})"]
    if path not in locked.inputs:
        return [f"input {path} is new"]
    if path not in current.inputs:
        return [f"input {path} is no longer read"]
    if after is None:
        return [f"input {path} is missing"]
    return [f"input {path} changed"]


def same_value(one: Any, other: Any) -> bool:
    """Equality that tells True from 1 but not 1.0 from 1, as JSON and YAML carry them.

    Parameters
    ----------
    one, other
        Values as JSON or YAML give them.

    Returns
    -------
    bool
        Whether they are the same.
    """
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_value, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_value(v, other[k]) for k, v in one.items())
    return bool(one == other)


def plan(
    dag: Dag,
    current: Mapping[str, StepState],
    locked: Mapping[str, StepState],
    *,
    targets: Iterable[str] = (),
    only: bool = False,
    force: bool = False,
) -> Plan:
    """Decide for every step whether it must run.

    A step also runs when one that it needs does. Once that one has run, the scheduler asks
    `staleness` again, so an unchanged result stops the chain.

    Parameters
    ----------
    dag
        The steps.
    current
        Every step as it is now.
    locked
        What `dvc.lock` recorded of the steps that have run.
    targets
        The steps to run, with what they need; all of them when empty.
    only
        Leave out what the targets need.
    force
        Run fresh steps too.

    Returns
    -------
    Plan
        A decision for each selected step.
    """
    selected = set(targets)
    if not selected:
        selected = set(dag.steps)
    elif not only:
        selected |= dag.ancestors(selected)
    decisions: dict[str, Decision] = {}
    for name in dag.steps:
        if name not in selected:
            continue
        upstream = sorted(n for n in dag.needs[name] if decisions.get(n, Decision(False)).run)
        if force:
            decisions[name] = Decision(True, ("forced",))
            continue
        own_change = staleness(current[name], locked.get(name), awaited_inputs(dag, name, upstream))
        reasons = (*own_change.reasons, *(f"{n} runs first" for n in upstream))
        decisions[name] = Decision(bool(reasons), reasons)
    return Plan(decisions)


def awaited_inputs(dag: Dag, name: str, upstream: Iterable[str]) -> set[str]:
    """The inputs of a step that the steps `upstream` write."""
    written = [o.path for n in upstream for o in dag.steps[n].outputs]
    return {p for p in dag.steps[name].inputs if any(overlaps(p, w) for w in written)}
