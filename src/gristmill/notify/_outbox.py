"""One outbox for all messages: what is still to be sent by which route, sent, and noted.

Who has messages says what there is to tell in all, every time; where it is kept what was delivered
is the caller's, too (`Deliveries`). What a route did not take is sent by the next call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gristmill.notify._routes import Message, Route, route_accepts
from gristmill.notify._sending import Delivery, grouped, send_all


class Deliveries(Protocol):
    """Keeps what was delivered."""

    def delivered(self) -> set[tuple[str, str]]:
        """Names of routes with keys of messages."""

    def note(self, route: str, keys: Sequence[str]) -> None:
        """The route took the messages with these keys."""


def undelivered(
    routes: Sequence[Route], messages: Sequence[Message], delivered: set[tuple[str, str]]
) -> list[tuple[Route, list[Message]]]:
    """What is to be sent now, by route. Pure.

    Of trouble that has ended only its end is told, and only to whom heard of it.

    Parameters
    ----------
    routes
        Where messages may go.
    messages
        All there is to tell, delivered or not.
    delivered
        Names of routes with keys of messages.
    """
    over = {m.about for m in messages if m.over}
    found = []
    for route in routes:
        heard = {m.about for m in messages if not m.over and (route.name, m.key) in delivered}
        mine = [
            m
            for m in messages
            if (route.name, m.key) not in delivered
            and (m.about in heard if m.over else m.about not in over and route_accepts(route, m))
        ]
        if mine:
            found.append((route, mine))
    return found


def deliver_messages(
    routes: Sequence[Route], messages: Sequence[Message], deliveries: Deliveries
) -> list[Delivery]:
    """Send what is pending, and note what arrived.

    A route that does not answer is a Delivery with a problem, not an error.

    Parameters
    ----------
    routes
        Where messages may go.
    messages
        All there is to tell, delivered or not.
    deliveries
        Where it is kept what was delivered.
    """
    if not routes or not messages:
        return []
    done = []
    for route, mine in undelivered(routes, messages, deliveries.delivered()):
        for group in grouped(route, mine):
            sent = send_all(route, group)
            deliveries.note(route.name, [d.message.key for d in sent if not d.problem])
            done += sent
    return done
