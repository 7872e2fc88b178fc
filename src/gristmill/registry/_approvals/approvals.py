"""Which approvals stand. Pure.

An approval is a signed ledger entry that names the model's digest and the gate report's digest.
Another model, another report, a later rejection, expiry or a lost role make it void.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr

from gristmill.registry._ledger.chain import Entry

DECISIONS = ("approve", "reject")


@dataclass(frozen=True)
class Policy:
    """The `[models.NAME.approvals]` table.

    Attributes
    ----------
    required
        How many people besides the author must approve a promotion.
    days
        How long an approval is valid.
    """

    required: int = 0
    days: float = 7.0


@dataclass(frozen=True)
class ApprovalStatus:
    """Which decisions on a version stand.

    Attributes
    ----------
    required
        How many approvals the policy asks for.
    approved, rejected
        Whose approvals and rejections stand.
    void
        Why other decisions do not count, a phrase each.
    """

    required: int
    approved: tuple[str, ...]
    rejected: tuple[str, ...]
    void: tuple[str, ...]

    @property
    def granted(self) -> bool:
        """Whether enough people approved and nobody rejected."""
        return len(self.approved) >= self.required and not self.rejected

    def sentence(self) -> str:
        """The decisions in words, without a full stop."""
        parts = [f"{len(self.approved)} of {self.required} approvals"]
        if self.approved:
            parts.append("by " + ", ".join(self.approved))
        if self.rejected:
            parts.append("rejected by " + ", ".join(self.rejected))
        return " ".join(parts) + ("; " + "; ".join(self.void) if self.void else "")


def person(name: str) -> str:
    """The person a name means: of "Ada <ada@example.org>", as git writes authors, the address.

    Lower case, so that two spellings of a name are one person.
    """
    return (parseaddr(name)[1] if "<" in name else name).casefold()


def approval_status(
    decisions: Sequence[Entry],
    *,
    digest: str,
    report: str | None,
    authors: Collection[str],
    policy: Policy,
    now: datetime,
    may: Callable[[str], bool],
) -> ApprovalStatus:
    """What the decisions on a version, oldest first, amount to at the aware time `now`.

    `digest` is the model's, `report` that of the gate report to be relied on; `authors` (as
    `person` names them) made the version and cannot approve it. The last decision of each person
    counts.
    """
    last = {person(entry.actor): entry for entry in decisions}
    approved, rejected, void = [], [], []
    for name, entry in last.items():
        actor, reason = entry.actor, ""
        if entry.digest != digest:
            reason = "of another model"
        elif entry.detail.get("report") != report:
            reason = "of another gate report"
        elif entry.at + timedelta(days=policy.days) < now:
            reason = f"older than {policy.days:g} days"
        elif name in authors:
            reason = "by the author"
        elif not may(actor):
            reason = "without the role"
        if reason:
            void.append(f"{entry.action} of {actor} is void ({reason})")
        elif entry.action == "approve":
            approved.append(actor)
        else:
            rejected.append(actor)
    return ApprovalStatus(policy.required, tuple(approved), tuple(rejected), tuple(void))
