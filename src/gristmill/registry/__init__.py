"""Model versions: registered with evidence, judged by gates, promoted and rolled back by ledger."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.registry._approvals.approvals import ApprovalStatus
    from gristmill.registry._approvals.review import (
        decide,
        open_requests,
        request_approval,
        status_of,
    )
    from gristmill.registry._audit import audit
    from gristmill.registry._card.card import card, read_card
    from gristmill.registry._card.text import Card
    from gristmill.registry._compare.comparison import Pair, VersionComparison, compare
    from gristmill.registry._compare.page import comparison_page, comparison_sections
    from gristmill.registry._contract import Contract, infer_contract
    from gristmill.registry._gates.base import Evidence, GateReport, GateResult, Subject, Verdict
    from gristmill.registry._gates.reports import report_of
    from gristmill.registry._gates.scoring import model_outputs, truth_labels
    from gristmill.registry._gates.statistics import Comparison, paired_difference
    from gristmill.registry._ledger.chain import Entry
    from gristmill.registry._listing import ListedModel, list_models
    from gristmill.registry._policy import policy_notice
    from gristmill.registry._promotion import (
        CHAMPION,
        AliasMove,
        Candidate,
        candidates,
        champion,
        gate,
        promote,
        register,
        register_run,
        rollback,
    )
    from gristmill.registry._queries import (
        VersionHistory,
        history,
        list_versions,
        show_version,
        signing_keys,
    )
    from gristmill.registry._reproduce import reproduce
    from gristmill.registry._roles import Roles, current_actor
    from gristmill.registry._settings import ModelSettings, model_settings
    from gristmill.registry._versions.store import Registry
    from gristmill.registry._versions.version import Version
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "CHAMPION",
    "AliasMove",
    "ApprovalStatus",
    "Candidate",
    "Card",
    "Comparison",
    "Contract",
    "Entry",
    "Evidence",
    "GateReport",
    "GateResult",
    "ListedModel",
    "ModelSettings",
    "Pair",
    "Registry",
    "Roles",
    "Subject",
    "Verdict",
    "Version",
    "VersionComparison",
    "VersionHistory",
    "audit",
    "candidates",
    "card",
    "champion",
    "compare",
    "comparison_page",
    "comparison_sections",
    "current_actor",
    "decide",
    "gate",
    "history",
    "infer_contract",
    "list_models",
    "list_versions",
    "model_outputs",
    "model_settings",
    "open_requests",
    "paired_difference",
    "policy_notice",
    "promote",
    "read_card",
    "register",
    "register_run",
    "report_of",
    "reproduce",
    "request_approval",
    "rollback",
    "show_version",
    "signing_keys",
    "status_of",
    "truth_labels",
]
