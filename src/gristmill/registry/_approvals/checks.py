"""What must hold before an alias moves."""

from __future__ import annotations

from gristmill.errors import Conflict, Forbidden, GateFailed, Invalid
from gristmill.registry._approvals.approvals import ApprovalStatus
from gristmill.registry._gates.base import GateReport
from gristmill.registry._ledger.chain import Entry
from gristmill.registry._ledger.ledger import Writer
from gristmill.registry._policy import ModelPolicy
from gristmill.registry._versions.version import Version


def not_judged(version: Version) -> GateFailed:
    """The error for a version without a gate report."""
    return GateFailed(
        "gate.missing",
        f"{version.label} has no gate report.",
        hint=f"Run `gristmill model gate {version.model} {version.version}` first.",
    )


def require_pass(target: Version, report: GateReport | None) -> None:
    """Raise GateFailed unless there is a report that passes."""
    if report is None:
        raise not_judged(target)
    if not report.passed:
        raise GateFailed(
            "gate.failed",
            f"{target.label} did not pass its gates: {report.failures()}.",
            hint="Improve the model, or override with a reason, which the ledger keeps.",
        )


def require_current(writer: Writer, target: Version, report: GateReport) -> None:
    """Raise Conflict when the report compares with a version that no longer holds the alias."""
    alias = str(report.about["against"])
    holder, compared = writer.holder(target.model, alias), report.about["champion"]
    if holder != compared:
        raise Conflict(
            "gate.stale",
            f"{target.label} was judged when {alias} was {_who(compared)}; it is now "
            f"{_who(holder)}.",
            hint=f"Run its gates again: `gristmill model gate {target.model} {target.version}`.",
        )


def require_policy(target: Version, policy: ModelPolicy, report: Entry | None) -> None:
    """Raise GateFailed unless the report passed all that the policy in force asks for."""
    if report is None or not policy.covered_by(report.detail.get("policy")):
        raise GateFailed(
            "gate.policy",
            f"{target.label} was judged under another policy than the one in force.",
            hint=f"Run its gates again: `gristmill model gate {target.model} {target.version}`.",
        )


def require_approval(target: Version, approvals: ApprovalStatus) -> None:
    """Raise Forbidden when the policy asks for approvals that do not stand."""
    if not approvals.granted:
        raise Forbidden(
            "approval.missing",
            f"{target.label} has {approvals.sentence()}.",
            hint=f"`gristmill model request {target.model} {target.version}` asks the reviewers; "
            "they answer with `gristmill model approve`.",
        )


def require_holder(model: str, alias: str, holder: int, expected: int) -> None:
    """Raise Conflict unless version `expected` (0: nobody) holds the alias."""
    if holder != expected:
        raise Conflict(
            "alias.moved",
            f"{alias!r} of {model!r} is {_who(holder)}, not {_who(expected)}: somebody else moved "
            "it.",
            hint=f"See `gristmill model history {model}` and decide again.",
        )


def _who(version: int | None) -> str:
    return f"version {version}" if version else "nobody"


def clean_reason(reason: str) -> str:
    """The reason without spaces around it; Invalid (`reason.missing`) when nothing is left."""
    if not reason.strip():
        raise Invalid(
            "reason.missing", "the reason is empty.", hint="Give a reason; one sentence is enough."
        )
    return reason.strip()
