"""Requests, decisions and moves are sent by the routes that alerts take.

Which route took which message is kept beside the ledger, so machines that share it send each once.
What a route did not take is tried again by the next verb, for a week.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from gristmill.notify import (
    Delivery,
    Message,
    address_of,
    alert_settings,
    compose_message,
    deliver_messages,
    read_routes,
)
from gristmill.registry._approvals.approvals import person
from gristmill.registry._ledger.ledger import utc_now
from gristmill.registry._roles import Roles
from gristmill.registry._settings import model_settings
from gristmill.registry._versions.origins import parameters

if TYPE_CHECKING:
    from gristmill.project import Project
    from gristmill.registry._ledger.chain import Entry
    from gristmill.registry._ledger.ledger import Ledger
    from gristmill.registry._versions.store import Registry
    from gristmill.registry._versions.version import Version

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


def message_of_entry(entry: Entry, receivers: Sequence[str], details: str = "") -> Message:
    """The message about an entry, for whom it concerns. Pure."""
    if entry.action in MOVED:
        move = move_sentence(entry.model, entry.alias or "", entry.version, entry.before)
        text = f"{move}, {MOVED[entry.action]} by {entry.actor}"
    elif entry.action == "gate":
        text = f"the gates of {entry.model} version {entry.version} do not pass"
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
    text = f"{text}: {entry.reason}" if entry.reason else text
    key = f"ledger/{entry.hash[:16]}"
    message = compose_message(key, "warning", text, about, owners=receivers)
    return replace(message, text=f"{text}\n{details}") if details else message


def _is_told(entry: Entry) -> bool:
    failed = entry.action == "gate" and entry.detail.get("verdict") != "pass"
    return failed or entry.action in REVIEWED or entry.action in MOVED


def _receivers(
    project: Project, entry: Entry, versions: Mapping[tuple[str, int | None], Version]
) -> tuple[str, ...]:
    """Addresses of those whom an entry concerns: a request the reviewers with an address, all else
    the owner and the author.

    """
    version = versions.get((entry.model, entry.version))
    declared = entry.model in project.models
    owner = model_settings(project, entry.model).owner if declared else ""
    author = version.author if version else ""
    if entry.action == "request":
        makers = {person(name) for name in (author, entry.actor)}
        reviewers = [n for n in Roles.of(project).approve if "@" in n and person(n) not in makers]
        if reviewers:
            return tuple(address_of(name) for name in reviewers)
    return tuple(dict.fromkeys(address_of(name) for name in (owner, author) if name))


def _details(
    project: Project, entry: Entry, versions: Mapping[tuple[str, int | None], Version]
) -> str:
    """Of a request: what changed since the champion, where to look, and how to decide."""
    version = versions.get((entry.model, entry.version))
    if entry.action != "request" or version is None:
        return ""
    others = (v for (model, _), v in versions.items() if model == entry.model)
    champion = next((v for v in others if "champion" in v.aliases), None)
    lines = []
    if champion is not None and champion.version != version.version:
        lines.append(f"Changed since version {champion.version}, the champion:")
        values = (
            (champion.metrics, version.metrics),
            (
                parameters(champion.origins),
                parameters(version.origins),
            ),
        )
        for before, after in values:
            lines += [
                f"  {name}: {before.get(name)} -> {after.get(name)}"
                for name in sorted({*before, *after})
                if before.get(name) != after.get(name)
            ]
    link = alert_settings(project).link
    name = f"{entry.model} {entry.version}"
    lines += [f"See {link}"] if link else []
    lines.append(f"Decide: `gristmill model approve {name} --reason ...`, or `reject`.")
    return "\n".join(lines)


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
    entries = [e for e in registry.ledger.entries() if e.at >= since and _is_told(e)]
    if not entries:
        return []
    project = registry.project
    versions: dict[tuple[str, int | None], Version] = {
        (v.model, v.version): v for v in registry.versions()
    }
    messages = [
        message_of_entry(e, _receivers(project, e, versions), _details(project, e, versions))
        for e in entries
    ]
    sent = deliver_messages(routes, messages, _LedgerDeliveries(registry.ledger))
    for each in sent:
        if each.problem:
            log.warning(
                "the route %s did not take %r: %s", each.route, each.message.text, each.problem
            )
    return sent
