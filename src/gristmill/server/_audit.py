"""`gristmill/audit`: does the ledger hold, who did what, and which keys the actor signs with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.registry import audit, history, signing_keys
from gristmill.server._handlers import ApiRequest, Route
from gristmill.server._schema import AuditProblem, AuditView


def verify(request: ApiRequest) -> AuditView:
    """The number of ledger entries and the problems that the audit reports."""
    result = audit(request.project)
    problems = tuple(AuditProblem(p.seq, p.message) for p in result.problems)
    return AuditView(result.entries, problems)


def entries(request: ApiRequest) -> list[dict[str, Any]]:
    """The ledger's entries as `gristmill audit log --json` prints them."""
    actions = [word for word in request.query.get("actions", "").split(",") if word]
    return [
        e.record() for e in history(request.project, request.query.get("model") or None, actions)
    ]


def keys(request: ApiRequest) -> Mapping[str, Sequence[str]]:
    """The public keys of the current actor, by actor."""
    return signing_keys(request.project)


ROUTES = [
    Route("GET", "audit", verify),
    Route("GET", "audit/log", entries, query=("model", "actions")),
    Route("GET", "audit/keys", keys),
]
