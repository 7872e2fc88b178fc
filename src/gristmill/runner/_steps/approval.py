"""Steps that begin only when people have agreed: `[steps.NAME] approval = "MODEL"`.

Who is asked, and what an answer is worth, is known to a room above, which registers itself as an
entry point of the group GROUP. What waits is noted, so that `resume` asks for the same run again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, cast

from gristmill.errors import Invalid, Unavailable
from gristmill.files import write_atomic
from gristmill.pipeline import Dag, Plan, overlaps
from gristmill.project import SETTINGS, Project
from gristmill.records import from_record, to_record
from gristmill.workspace import StepPolicy

GROUP = "gristmill.approval"
FILE = "waiting.json"


class Approver(Protocol):
    """What an entry point of GROUP loads."""

    def check(self, project: Project, model: str) -> str:
        """The model's path by the project's settings.

        Raises NotFound or Invalid when nobody could ever decide on it.
        """

    def require(self, project: Project, model: str, step: str, run: str) -> str:
        """Who approved the model as it is in the project now, as a clause for the step's reason.

        Raises Waiting while they have not, after asking them; GateFailed when the gates or a person
        said no.
        """


def approver() -> Approver:
    """Raises Unavailable when no room above is installed."""
    for point in entry_points(group=GROUP):
        return cast(Approver, point.load())
    raise Unavailable(
        "approval.nobody",
        "Nothing is installed that asks people for a decision.",
        hint="Reinstall gristmill: its entry points are missing.",
    )


def check_approvals(
    project: Project, dag: Dag, policies: Mapping[str, StepPolicy], steps: Iterable[str]
) -> None:
    """Raises Invalid or NotFound when the decision that a step waits for could not come, or would
    be on a model that the run has not made by then."""
    for step in steps:
        model = policies[step].approval
        if not model:
            continue
        path = approver().check(project, model)
        ancestors = dag.ancestors([step])
        if not any(overlaps(path, o.path) for n in ancestors for o in dag.steps[n].outputs):
            raise Invalid(
                "approval.order",
                f"{step} waits for a decision on {model}, but no step before it writes {path}.",
                hint=f"Declare `Input` = {path!r} in its notebook, or correct `approval` in "
                f"{SETTINGS} [steps.{step}].",
            )


def without_approvals(plan: Plan, dag: Dag, policies: Mapping[str, StepPolicy]) -> Plan:
    """The plan for a double of the project, which asks nobody: steps that wait for people, and
    what needs them, are left out."""
    waiting = {step for step in dag.steps if policies[step].approval}
    left_out = waiting | dag.descendants(waiting)
    return Plan({s: d for s, d in plan.decisions.items() if s not in left_out})


@dataclass(frozen=True)
class WaitingRun:
    """A run that ended because `steps` wait for a decision.

    `request` is its `RunRequest.selection()`.
    """

    run: str
    steps: tuple[str, ...]
    request: Mapping[str, Any]


def waiting_run(project: Project) -> WaitingRun | None:
    """The run that waits for a decision, None when none does."""
    try:
        text = _path(project).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return from_record(WaitingRun, json.loads(text), str(_path(project)))


def note_waiting(
    project: Project,
    run: str,
    request: Mapping[str, Any],
    waiting: Sequence[str],
    decided: Iterable[str],
) -> None:
    """Keep what a run that waits was asked for; forget an earlier one whose steps this run came to
    (`decided`)."""
    if waiting:
        record = to_record(WaitingRun(run, tuple(waiting), request))
        write_atomic(_path(project), json.dumps(record))
        return
    earlier = waiting_run(project)
    if earlier is not None and set(earlier.steps) & set(decided):
        _path(project).unlink()


def _path(project: Project) -> Path:
    return project.state / FILE
