"""One outbox for all messages: send by each route what it has not taken yet, and note what arrived.

The caller passes all messages every time, and keeps what was delivered (`Deliveries`). What a route
did not take is sent by the next call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gristmill.notify._routes import Message, Route, route_accepts
from gristmill.notify._sending import Delivery, grouped, send_all


class Deliveries(Protocol):
    """Keeps what was delivered."""

    def delivered(self) -> set[tuple[str, str]]:
        """(route, key of a message) of what was delivered."""

    def note(self, route: str, keys: Sequence[str]) -> None:
        """The route took the messages with these keys."""


def undelivered(
    routes: Sequence[Route], messages: Sequence[Message], delivered: set[tuple[str, str]]
) -> list[tuple[Route, list[Message]]]:
    """What is still to be sent, by route. Pure.

    Of a problem that has ended only its end is sent, and only where its beginning was.

    Parameters
    ----------
    routes
        Where messages may go.
    messages
        All messages, delivered or not.
    delivered
        (route, key of a message) of what was delivered.

    Returns
    -------
    list
        A route with its messages, for each route that has some.
    """
    over = {m.about for m in messages if m.over}
    pending = []
    for route in routes:
        begun = {m.about for m in messages if not m.over and (route.name, m.key) in delivered}
        own = [
            m
            for m in messages
            if (route.name, m.key) not in delivered
            and (m.about in begun if m.over else m.about not in over and route_accepts(route, m))
        ]
        if own:
            pending.append((route, own))
    return pending


def deliver_messages(
    routes: Sequence[Route], messages: Sequence[Message], deliveries: Deliveries
) -> list[Delivery]:
    """Send what was not delivered yet, and note what arrived.

    Parameters
    ----------
    routes
        Where messages may go.
    messages
        All messages, delivered or not.
    deliveries
        Keeps what was delivered.

    Returns
    -------
    list
        What was sent; a route that did not take a message is a Delivery with a problem.
    """
    if not routes or not messages:
        return []
    sent = []
    for route, own in undelivered(routes, messages, deliveries.delivered()):
        for group in grouped(route, own):
            deliveries_of_group = send_all(route, group)
            deliveries.note(
                route.name, [d.message.key for d in deliveries_of_group if not d.problem]
            )
            sent += deliveries_of_group
    return sent
