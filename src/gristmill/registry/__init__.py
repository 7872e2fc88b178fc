"""Model versions: registered with evidence, judged by gates, promoted and rolled back by ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gristmill._door import door

if TYPE_CHECKING:
    from gristmill.registry._approvals.approvals import ApprovalStatus
    from gristmill.registry._approvals.review import (
        decide,
        is_author,
        open_requests,
        request_approval,
        status_of,
    )
    from gristmill.registry._audit import audit
    from gristmill.registry._card.card import card, card_sections
    from gristmill.registry._card.text import Section, card_block
    from gristmill.registry._compare.comparison import Pair, VersionComparison, compare
    from gristmill.registry._compare.curves import point_at
    from gristmill.registry._compare.disagreement import Disagreement
    from gristmill.registry._compare.page import (
        cells_section,
        comparison_page,
        comparison_summary,
        interval_text,
        made_section,
        metric_verdict,
        metrics_section,
        version_names,
        where_section,
    )
    from gristmill.registry._contract import Contract, infer_contract, load_contract
    from gristmill.registry._gates.base import (
        FAIL,
        INCONCLUSIVE,
        PASS,
        Evidence,
        GateReport,
        GateResult,
        Subject,
    )
    from gristmill.registry._gates.reports import StoredReport, report_of
    from gristmill.registry._gates.scoring import model_outputs, truth_labels
    from gristmill.registry._gates.statistics import METRIC_NAMES, Comparison, paired_difference
    from gristmill.registry._ledger.chain import Draft, Entry
    from gristmill.registry._promotion import (
        CHAMPION,
        NO_VERSION,
        Candidate,
        Promotion,
        alias_history,
        candidates,
        champion,
        gate,
        promote,
        register,
        register_run,
        register_tree,
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
    from gristmill.registry._roles import (
        ROLE_VERBS,
        current_actor,
        is_allowed,
        require_any_role,
        require_reader,
        require_role,
    )
    from gristmill.registry._settings import ModelSettings, model_settings
    from gristmill.registry._versions.store import Registry
    from gristmill.registry._versions.version import HOLDOUT, REFERENCE, Version
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "CHAMPION",
    "FAIL",
    "HOLDOUT",
    "INCONCLUSIVE",
    "METRIC_NAMES",
    "NO_VERSION",
    "PASS",
    "REFERENCE",
    "ROLE_VERBS",
    "ApprovalStatus",
    "Candidate",
    "Comparison",
    "Contract",
    "Disagreement",
    "Draft",
    "Entry",
    "Evidence",
    "GateReport",
    "GateResult",
    "ModelSettings",
    "Pair",
    "Promotion",
    "Registry",
    "Section",
    "StoredReport",
    "Subject",
    "Version",
    "VersionComparison",
    "VersionHistory",
    "alias_history",
    "audit",
    "candidates",
    "card",
    "card_block",
    "card_sections",
    "cells_section",
    "champion",
    "compare",
    "comparison_page",
    "comparison_summary",
    "current_actor",
    "decide",
    "gate",
    "history",
    "infer_contract",
    "interval_text",
    "is_allowed",
    "is_author",
    "list_versions",
    "load_contract",
    "made_section",
    "metric_verdict",
    "metrics_section",
    "model_outputs",
    "model_settings",
    "open_requests",
    "paired_difference",
    "point_at",
    "promote",
    "register",
    "register_run",
    "register_tree",
    "report_of",
    "reproduce",
    "request_approval",
    "require_any_role",
    "require_reader",
    "require_role",
    "rollback",
    "show_version",
    "signing_keys",
    "status_of",
    "truth_labels",
    "version_names",
    "where_section",
]
