"""Requests, decisions and moves go out by the routes that alerts take.

Which route heard of which entry is kept beside the ledger, so machines that share it tell a thing
once. What a route did not take is tried again by the next verb, for a week.
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

ASKED = {
    "request": "{actor} asks for a decision on {name}",
    "approve": "{actor} approved {name}",
    "reject": "{actor} rejected {name}",
}
MOVED = {"promote": "promoted", "rollback": "rolled back"}
KEPT = timedelta(days=7)

log = logging.getLogger(__name__)


def move_sentence(
    model: str, alias: str, version: int | None, before: int | None, *, changed: bool = True
) -> str:
    """A move of an alias in words, the same wherever it is told: without a full stop. Pure.

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
    """What an entry has to tell. Pure."""
    if entry.action in MOVED:
        move = move_sentence(entry.model, entry.alias or "", entry.version, entry.before)
        text = f"{move}, {MOVED[entry.action]} by {entry.actor}"
    else:
        name = f"{entry.model} version {entry.version}"
        text = ASKED[entry.action].format(actor=entry.actor, name=name)
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
        return self._ledger.told()

    def note(self, route: str, keys: Sequence[str]) -> None:
        if keys:
            with self._ledger.writing() as writer:
                for key in keys:
                    writer.tell(route, key)


def send_notifications(registry: Registry) -> list[Delivery]:
    """Send what no route was told yet. A route that does not answer stops nothing: it is logged."""
    routes = read_routes(registry.project)
    if not routes:
        return []
    since = utc_now() - KEPT
    messages = [
        message_of_entry(entry)
        for entry in registry.ledger.entries()
        if (entry.action in ASKED or entry.action in MOVED) and entry.at >= since
    ]
    sent = deliver_messages(routes, messages, _LedgerDeliveries(registry.ledger))
    for each in sent:
        if each.problem:
            log.warning("%s was not told that %s: %s", each.route, each.message.text, each.problem)
    return sent
