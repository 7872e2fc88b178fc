"""What follows from a decision: packages above listen, by entry points of the group GROUP.

So a decision has the same consequences from every face: each calls `decide` and shows what it
returns.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol, cast

from gristmill.errors import GristmillError
from gristmill.project import Project
from gristmill.registry._approvals.approvals import ApprovalStatus
from gristmill.registry._ledger.chain import Entry

GROUP = "gristmill.decisions"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Decision:
    """A decision and what followed from it.

    Attributes
    ----------
    entry
        The decision in the ledger.
    standing
        Which approvals of the version stand now.
    consequences
        A sentence for each listener that did something.
    """

    entry: Entry
    standing: ApprovalStatus
    consequences: tuple[str, ...] = ()

    def sentence(self) -> str:
        """The decision, which approvals stand now, and what followed, in sentences."""
        entry = self.entry
        first = f"{entry.model} version {entry.version}: {entry.action} by {entry.actor}; "
        return " ".join((f"{first}{self.standing.sentence()}.", *self.consequences))


class Listener(Protocol):
    """What an entry point of GROUP loads."""

    def __call__(self, project: Project, entry: Entry, standing: ApprovalStatus) -> str:
        """Act on a decision that was written down; what was done, "" when nothing was."""


def announce(project: Project, entry: Entry, standing: ApprovalStatus) -> Decision:
    """Let every listener act on a decision. One that fails undoes nothing: what went wrong is a
    consequence, too.

    Parameters
    ----------
    project
        Where it was decided.
    entry
        The decision in the ledger.
    standing
        The approvals of the version, this decision among them.
    """
    consequences = []
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        try:
            sentence = cast(Listener, point.load())(project, entry, standing)
        except GristmillError as error:
            sentence = f"{point.name}: {error.message}"
        except Exception as error:
            log.exception("%s failed on a decision", point.name)
            sentence = f"{point.name} failed: {type(error).__name__}: {error}"
        if sentence:
            consequences.append(sentence)
    return Decision(entry, standing, tuple(consequences))
