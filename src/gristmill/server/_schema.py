"""What travels between the server and JupyterLab; `_typescript.py` writes the same for the client.

Times are ISO 8601 with an offset. Paths named `...path` are as Jupyter's file browser names them,
null where it cannot reach them. Forms, edits and lint's findings travel as their rooms have them.

In requests of the step editor `notebook` is a path as Jupyter's file browser names it, `document`
the open notebook: `cells` (each `cell_type`, `source`, `metadata` with its tags, `execution_count`)
and `metadata`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.authoring import Completion, Edit
from gristmill.runs import FigurePair, RunDiff, RunRow


@dataclass(frozen=True)
class ErrorRecord:
    """Every error that the server replies with."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True)
class ProjectView:
    """The project of a folder; `served` is whether the file browser reaches its root, `trusted`
    whether the user said that it may run."""

    found: bool
    folder: str
    name: str = ""
    root: str = ""
    served: bool = True
    trusted: bool = True
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class InitRequest:
    """Make `folder` a project."""

    folder: str = ""
    name: str | None = None


@dataclass(frozen=True)
class FileView:
    """A file or a folder of the project: `name` relative to its root."""

    name: str
    path: str | None
    exists: bool
    folder: bool


@dataclass(frozen=True)
class StepView:
    """A step; `reasons` say why it would run, none when it is fresh."""

    name: str
    notebook: str
    path: str | None
    needs: tuple[str, ...]
    inputs: tuple[FileView, ...]
    outputs: tuple[FileView, ...]
    params: Mapping[str, Any]
    cells: int
    stale: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class ParkedView:
    """The kernel of a failed step that waits; `cell` as in the notebook, from 0; `executed`
    relative to the project's root; `at` seconds since the epoch."""

    step: str
    run: str
    cell: int
    error: str
    executed: str
    at: float


@dataclass(frozen=True)
class PipelineView:
    """The steps in the DAG's order; `missing` inputs that no step writes, with their readers;
    `sets` of parameters beside the default; `errors` by notebook of those that cannot be read."""

    project: str
    steps: tuple[StepView, ...]
    not_steps: Mapping[str, str]
    errors: Mapping[str, Mapping[str, str]]
    missing: Mapping[str, list[str]]
    sets: tuple[str, ...]
    parked: tuple[ParkedView, ...]


@dataclass(frozen=True)
class RunWanted:
    """What to run, as `gristmill run` takes it: no `targets` are all steps."""

    targets: tuple[str, ...] = ()
    only: bool = False
    force: bool = False
    keep_failed: bool = True
    params: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 0
    kernel: str = "auto"
    tags: tuple[str, ...] = ()
    keep_going: bool = True
    wait: bool = True
    pull: bool | None = None
    smoke: bool = False


@dataclass(frozen=True)
class RunAccepted:
    """The name of a run that was begun."""

    run: str


@dataclass(frozen=True)
class KernelView:
    """A parked kernel that can be connected to: its id here, the executed notebook as `RUN/FILE`,
    the index of the cell that failed."""

    id: str
    executed: str
    cell: int
    run: str


@dataclass(frozen=True)
class RunsView:
    """Runs as lines of a table, and `more` when there are others than these."""

    rows: tuple[RunRow, ...]
    more: bool


@dataclass(frozen=True)
class DiffView:
    """Two runs beside each other."""

    diff: RunDiff
    plots: tuple[FigurePair, ...]


@dataclass(frozen=True)
class SweepParameter:
    """A parameter that a sweep may try, with its value now."""

    name: str
    type: str
    value: Any


@dataclass(frozen=True)
class SweepSummary:
    """A sweep that ran or runs; `alive` is whether a process works on it."""

    name: str
    method: str
    metric: str
    total: int
    ended: int
    failed: int
    best: float | None
    params: Mapping[str, Any]
    alive: bool
    problem: str = ""


@dataclass(frozen=True)
class SweepsView:
    """What a sweep can be made of: files below `sweeps/`, parameters, `FILE:KEY` of metrics."""

    files: tuple[str, ...]
    parameters: tuple[SweepParameter, ...]
    metrics: tuple[str, ...]
    sweeps: tuple[SweepSummary, ...]


@dataclass(frozen=True)
class SweepRequest:
    """Start `name`: the file of that name when `parameters` is empty, else what is asked here.

    Values are written as on the command line: `1,2,3`, `10..100`, `0.001..1:log`. `trials` 0 is all
    of a grid, else 20.
    """

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    metric: str = ""
    maximize: bool = True
    method: str = "grid"
    trials: int = 0


@dataclass(frozen=True)
class MlflowView:
    """Where MLflow's pages are; `url` is empty while none are served. `own` is whether this server
    can serve them, on the loopback interface."""

    url: str
    own: bool


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


@dataclass(frozen=True)
class VersionView:
    """A version as a line of a table. `verdict` is that of its last gate report, "" for none;
    `approvals` a sentence, "" where the policy asks for none."""

    version: int
    aliases: tuple[str, ...]
    created: str
    author: str
    metrics: Mapping[str, float]
    commit: str
    dirty: bool
    verdict: str
    approvals: str


@dataclass(frozen=True)
class ModelView:
    """A model with its versions, the newest first. `back` is the version that a roll-back would
    make champion, null for none; `declared` whether the settings name it, `judged` the metrics
    that its gates judge."""

    name: str
    owner: str
    declared: bool
    champion: int | None
    back: int | None
    versions: tuple[VersionView, ...]
    judged: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class WaitingView:
    """A request for a decision; `mine` is whether the actor may decide, `why` else why not."""

    model: str
    version: int
    actor: str
    at: str
    reason: str
    report: str
    mine: bool
    why: str


@dataclass(frozen=True)
class ModelsView:
    """All models, what waits for a decision, who acts and which verbs they may do."""

    actor: str
    may: Mapping[str, bool]
    models: tuple[ModelView, ...]
    waiting: tuple[WaitingView, ...]


@dataclass(frozen=True)
class GateView:
    """One gate's verdict: `pass`, `fail` or `inconclusive`, and a sentence."""

    kind: str
    name: str
    verdict: str
    message: str


@dataclass(frozen=True)
class EntryView:
    """A line of the ledger."""

    seq: int
    at: str
    actor: str
    action: str
    version: int | None
    alias: str | None
    before: int | None
    after: int | None
    reason: str


@dataclass(frozen=True)
class VersionDetails:
    """One version in full; `report` is the digest of the gate report."""

    model: str
    version: int
    digest: str
    source: str
    run: str
    params: Mapping[str, Any]
    metrics: Mapping[str, float]
    missing: tuple[str, ...]
    report: str
    gates: tuple[GateView, ...]
    approvals: str
    history: tuple[EntryView, ...]


@dataclass(frozen=True)
class MoveRequest:
    """Promote `version` (`expected` must hold the alias now, 0: nobody), or roll back."""

    reason: str
    version: int | None = None
    alias: str = "champion"
    expected: int | None = None
    override: bool = False


@dataclass(frozen=True)
class DecisionRequest:
    """`decision` is approve or reject; `report` the digest of the report that was read."""

    version: int
    decision: str
    reason: str
    report: str = ""


@dataclass(frozen=True)
class GateRequest:
    """Run the gates on a version against the holder of the alias `against`."""

    version: int
    against: str = "champion"


@dataclass(frozen=True)
class RegisterRequest:
    """Register what lies in the project, or what the kept run `run` made."""

    run: str = ""


@dataclass(frozen=True)
class ApprovalRequest:
    """Ask the reviewers for a decision."""

    version: int
    reason: str


@dataclass(frozen=True)
class ReproduceRequest:
    """Make a version again; `keep` leaves the clean tree behind."""

    version: int
    keep: bool = False


@dataclass(frozen=True)
class ScoreRequest:
    """Score a file of the project; `source` and `target` are paths relative to its root."""

    source: str
    target: str
    version: str = "champion"
    log: bool = False
    checked: bool = True


@dataclass(frozen=True)
class MonitorRequest:
    """Judge the prediction log as it was at the ISO time `now` ("" the present). With another
    `window` or `start` nothing is written."""

    now: str = ""
    window: str | None = None
    start: str | None = None


@dataclass(frozen=True)
class RepairRequest:
    """Act on the open alerts as of the ISO time `now` ("" the present)."""

    now: str = ""


@dataclass(frozen=True)
class DrillDownRequest:
    """Draw the window that holds the ISO time `window`, the last one judged when null."""

    window: str | None = None


@dataclass(frozen=True)
class ExportRequest:
    """Write a model's page to `target`, .html or .pdf, relative to the project's root."""

    target: str


@dataclass(frozen=True)
class MailRequest:
    """Send a model's page by the e-mail route of that name."""

    route: str


@dataclass(frozen=True)
class SyncRequest:
    """Write dvc.yaml for a parameter set and overrides by `step.parameter`."""

    params: str | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ApplyRequest:
    """Make the parameters of trial number `trial` (from 1; null: the best) the project's."""

    trial: int | None = None


@dataclass(frozen=True)
class JobView:
    """A long verb that runs beside the requests. `state` is running, succeeded or failed;
    `progress` the last message, `error` a record as every error's, null without one."""

    job: str
    verb: str
    state: str
    progress: str = ""
    result: Any = None
    error: Mapping[str, str] | None = None


@dataclass(frozen=True)
class CardView:
    """A model card as Markdown or HTML."""

    model: str
    version: int
    text: str


@dataclass(frozen=True)
class ContractView:
    """A contract that was written: its file, and what the settings name it by."""

    path: str
    contract: str


@dataclass(frozen=True)
class AuditProblem:
    """What does not hold; `seq` is the ledger's entry where it shows, null for MLflow."""

    seq: int | None
    message: str


@dataclass(frozen=True)
class AuditView:
    """Whether the ledger holds: no `problems`."""

    entries: int
    problems: tuple[AuditProblem, ...]


@dataclass(frozen=True)
class DoctorFinding:
    """One thing that decides how kernels start here."""

    name: str
    ok: bool
    detail: str
    hint: str


@dataclass(frozen=True)
class Done:
    """What a verb did, in a sentence."""

    message: str


@dataclass(frozen=True)
class PageView:
    """A page that stands alone, to be shown without its scripts."""

    title: str
    html: str


@dataclass(frozen=True)
class AlertView:
    """What fired, on which version, why. `state` is open, acknowledged, snoozed or resolved;
    `acknowledged` by whom, `snoozed` until when; `closing` why it was resolved."""

    id: str
    model: str
    version: int
    rule: str
    severity: str
    reason: str
    first: str
    last: str
    windows: int
    opened: str
    state: str
    closing: str = ""
    acknowledged: str = ""
    snoozed: str = ""
    note: str = ""
    owners: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Watched:
    """A model as monitoring last saw it: `status` is alert, watch, stable or unknown; `judged` the
    end of the last window that could be judged, "" for none."""

    name: str
    status: str
    champion: int | None
    judged: str
    problem: str


@dataclass(frozen=True)
class AlertsView:
    """Alerts, the gravest and newest first, and every model's light."""

    alerts: tuple[AlertView, ...]
    models: tuple[Watched, ...]


@dataclass(frozen=True)
class AlertRequest:
    """Acknowledge or snooze an alert, the latter for a length such as `12h` or `7d`."""

    reason: str = ""
    until: str = ""
