"""Requests, decisions and moves go out by the routes that alerts take.

Which route heard of which entry is kept beside the ledger, so machines that share it tell a thing
once. What a route did not take is tried again by the next verb, for a week.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from gristmill.notify.routes import Message, compose, read_routes, wanted
from gristmill.notify.sending import Delivery, send
from gristmill.registry.ledger import utc_now

if TYPE_CHECKING:
    from gristmill.registry.chain import Entry
    from gristmill.registry.store import Registry

WORDS = {
    "request": "{actor} asks for a decision on {name}",
    "approve": "{actor} approved {name}",
    "reject": "{actor} rejected {name}",
    "promote": "{actor} promoted {name} to {alias}, in place of {before}",
    "rollback": "{actor} gave {alias} back to {name}, in place of {before}",
}
KEPT = timedelta(days=7)

log = logging.getLogger(__name__)


def message_of(entry: Entry) -> Message:
    """What an entry has to tell. Pure."""
    text = WORDS[entry.action].format(
        actor=entry.actor,
        name=f"{entry.model} version {entry.version}",
        alias=entry.alias,
        before=f"version {entry.before}" if entry.before else "nobody",
    )
    about = {
        "model": entry.model,
        "version": entry.version,
        "action": entry.action,
        "actor": entry.actor,
        "reason": entry.reason,
        "report": entry.detail.get("report"),
        "at": entry.at.isoformat(),
    }
    return compose(f"ledger/{entry.hash[:16]}", "warning", f"{text}: {entry.reason}", about)


def tell(registry: Registry) -> list[Delivery]:
    """Send what no route was told yet. A route that does not answer stops nothing: it is logged."""
    routes = read_routes(registry.project)
    if not routes:
        return []
    told, since, done = registry.ledger.told(), utc_now() - KEPT, []
    for entry in registry.ledger.entries():
        if entry.action not in WORDS or entry.at < since:
            continue
        message = message_of(entry)
        for route in routes:
            if (route.name, message.key) in told or not wanted(route, entry.model, message):
                continue
            problem = send(route, message)
            if problem:
                log.warning("%s was not told that %s: %s", route.name, message.text, problem)
            else:
                with registry.ledger.writing() as writer:
                    writer.tell(route.name, message.key)
            done.append(Delivery(route.name, message, problem))
    return done
