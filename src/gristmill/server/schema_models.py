"""The part of the schema about models, their versions, decisions, and alerts.

Times are ISO 8601 with an offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
    """One gate's verdict: `pass`, `fail` or `cannot judge`, and a sentence."""

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
    """`decision` is request, approve or reject; `report` the digest of the report that was read."""

    version: int
    decision: str
    reason: str
    report: str = ""


@dataclass(frozen=True)
class GateRequest:
    """Judge a version."""

    version: int


@dataclass(frozen=True)
class RegisterRequest:
    """Register what lies in the project, or what the kept run `run` made."""

    run: str = ""


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
    """A model as monitoring last saw it: `status` is alert, watch, steady or unknown; `judged` the
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
