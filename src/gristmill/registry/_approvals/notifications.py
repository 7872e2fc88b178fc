"""Requests, decisions and moves are sent by the routes that alerts take.

Which route took which message is kept beside the ledger, so machines that share it send each once.
What a route did not take is tried again by the next verb, for a week.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from gristmill.notify import Delivery, Message, compose_message, deliver_messages, read_routes
from gristmill.registry._ledger.ledger import utc_now

if TYPE_CHECKING:
    from gristmill.registry._ledger.chain import Entry
    from gristmill.registry._ledger.ledger import Ledger
    from gristmill.registry._versions.store import Registry

REVIEWED = {
    "request": "{actor} asks for a decision on {name}",
    "approve": "{actor} approved {name}",
    "reject": "{actor} rejected {name}",
}
MOVED = {"promote": "promoted", "rollback": "rolled back"}
RETRIED_FOR = timedelta(days=7)

log = logging.getLogger(__name__)


def move_sentence(
    model: str, alias: str, version: int | None, before: int | None, *, changed: bool = True
) -> str:
    """A move of an alias in words, without a full stop, the same everywhere. Pure.

    Parameters
    ----------
    model, alias
        The alias of which model.
    version
        Who holds it now.
    before
        Who held it, None for nobody.
    changed
        False when `version` held it already.
    """
    if not changed:
        return f"{alias} of {model} is version {version} already"
    return f"{alias} of {model} is version {version} (was {_holder(before)})"


def _holder(version: int | None) -> str:
    return f"version {version}" if version else "nobody"


def message_of_entry(entry: Entry) -> Message:
    """The message about an entry. Pure."""
    if entry.action in MOVED:
        move = move_sentence(entry.model, entry.alias or "", entry.version, entry.before)
        text = f"{move}, {MOVED[entry.action]} by {entry.actor}"
    else:
        name = f"{entry.model} version {entry.version}"
        text = REVIEWED[entry.action].format(actor=entry.actor, name=name)
    about = {
        "model": entry.model,
        "version": entry.version,
        "action": entry.action,
        "actor": entry.actor,
        "reason": entry.reason,
        "report": entry.detail.get("report"),
        "at": entry.at.isoformat(),
    }
    return compose_message(f"ledger/{entry.hash[:16]}", "warning", f"{text}: {entry.reason}", about)


class _LedgerDeliveries:
    """Deliveries kept beside the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def delivered(self) -> set[tuple[str, str]]:
        return self._ledger.delivered()

    def note(self, route: str, keys: Sequence[str]) -> None:
        if keys:
            with self._ledger.writing() as writer:
                for key in keys:
                    writer.note_delivery(route, key)


def send_notifications(registry: Registry) -> list[Delivery]:
    """Send what was not delivered yet; a route that does not answer is logged and stops nothing."""
    routes = read_routes(registry.project)
    if not routes:
        return []
    since = utc_now() - RETRIED_FOR
    messages = [
        message_of_entry(entry)
        for entry in registry.ledger.entries()
        if (entry.action in REVIEWED or entry.action in MOVED) and entry.at >= since
    ]
    sent = deliver_messages(routes, messages, _LedgerDeliveries(registry.ledger))
    for each in sent:
        if each.problem:
            log.warning(
                "the route %s did not take %r: %s", each.route, each.message.text, each.problem
            )
    return sent
