"""Send messages by a route, grouped where a person reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.notify._email import send_email
from gristmill.notify._http import post
from gristmill.notify._routes import Message, Route

GROUPED = ("slack", "teams", "email")  # a person reads these: one message for all


@dataclass(frozen=True)
class Delivery:
    """A message that was sent.

    Attributes
    ----------
    route
        The route's name.
    message
        The message.
    problem
        Why it did not arrive, "" when it did.
    """

    route: str
    message: Message
    problem: str = ""


def grouped(route: Route, messages: Sequence[Message]) -> list[list[Message]]:
    """Messages that go together: those of one model where a person reads them, else each alone."""
    if route.kind not in GROUPED:
        return [[m] for m in messages]
    models = dict.fromkeys(m.model for m in messages)
    return [[m for m in messages if m.model == model] for model in models]


def send_all(route: Route, messages: Sequence[Message]) -> list[Delivery]:
    """Send messages, grouped into one where a person reads them."""
    deliveries = []
    for group in grouped(route, messages):
        problem = send_email(route, group) if route.kind == "email" else post(route, group)
        deliveries += [Delivery(route.name, m, problem) for m in group]
    return deliveries
