"""What must hold before an alias moves."""

from __future__ import annotations

from gristmill.errors import Conflict, Forbidden, GateFailed, Invalid
from gristmill.registry._approvals.approvals import ApprovalStatus
from gristmill.registry._gates.base import PASS, GateReport
from gristmill.registry._gates.reports import StoredReport
from gristmill.registry._ledger.ledger import Writer
from gristmill.registry._versions.version import Version


def require_pass(target: Version, judged: StoredReport | None) -> None:
    """Raises GateFailed without a passing report."""
    name = f"{target.model} version {target.version}"
    again = f"`gristmill model gate {target.model} {target.version}`"
    if judged is None:
        raise GateFailed("gate.missing", f"{name} was never judged.", hint=f"Run {again}.")
    if not judged.report.passed:
        bad = "; ".join(
            f"{r.kind} {r.name}: {r.message}" for r in judged.report.results if r.verdict != PASS
        )
        raise GateFailed(
            "gate.failed",
            f"{name} did not pass its gates: {bad}.",
            hint="Improve the model, or override with a reason, which the ledger keeps.",
        )


def require_current(writer: Writer, target: Version, report: GateReport) -> None:
    """Raises Conflict when the report is against somebody who no longer holds the alias."""
    against = str(report.about["against"])
    now, then = writer.holder(target.model, against), report.about["champion"]
    if now != then:
        raise Conflict(
            "gate.stale",
            f"{target.model} version {target.version} was judged against "
            f"{_who(then)} as {against}, which is now {_who(now)}.",
            hint=f"Judge it again: `gristmill model gate {target.model} {target.version}`.",
        )


def require_approval(target: Version, approvals: ApprovalStatus) -> None:
    """Raises Forbidden when the policy asks for approvals that do not stand."""
    if not approvals.granted:
        raise Forbidden(
            "approval.missing",
            f"{target.model} version {target.version} has {approvals.sentence()}.",
            hint=f"Ask for it: `gristmill model request {target.model} {target.version}`; others "
            "then `gristmill model approve`.",
        )


def require_holder(model: str, alias: str, holder: int, wanted: int) -> None:
    """Raises Conflict unless version `wanted` (0: nobody) holds the alias."""
    if holder != wanted:
        raise Conflict(
            "alias.moved",
            f"{alias!r} of {model!r} is held by {_who(holder)}, not by {_who(wanted)}: somebody "
            "else moved it.",
            hint="Look at the history and decide again.",
        )


def _who(version: int | None) -> str:
    return f"version {version}" if version else "nobody"


def clean_reason(reason: str) -> str:
    """The reason without spaces around it; raises Invalid when nothing is left."""
    if not reason.strip():
        raise Invalid(
            "reason.missing", "a decision needs a reason.", hint="Say why in one sentence."
        )
    return reason.strip()
