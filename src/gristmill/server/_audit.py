"""`gristmill/audit`: does the ledger hold, who did what, and which keys the actor signs with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.registry import audit, history, signing_keys
from gristmill.server._handlers import ApiRequest, Route
from gristmill.server._schema import AuditProblem, AuditView


def verify(asked: ApiRequest) -> AuditView:
    result = audit(asked.project)
    problems = tuple(AuditProblem(p.seq, p.message) for p in result.problems)
    return AuditView(result.entries, problems)


def entries(asked: ApiRequest) -> list[dict[str, Any]]:
    """The ledger's entries as `gristmill audit log --json` prints them."""
    actions = [word for word in asked.query.get("actions", "").split(",") if word]
    return [e.record() for e in history(asked.project, asked.query.get("model") or None, actions)]


def keys(asked: ApiRequest) -> Mapping[str, Sequence[str]]:
    return signing_keys(asked.project)


ROUTES = [
    Route("GET", "audit", verify),
    Route("GET", "audit/log", entries, query=("model", "actions")),
    Route("GET", "audit/keys", keys),
]
