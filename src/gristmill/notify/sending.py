"""Messages on their way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.notify.email import send_email
from gristmill.notify.http import post
from gristmill.notify.routes import Message, Route

GROUPED = ("slack", "teams", "email")  # a person reads these: one message for all there is to tell


@dataclass(frozen=True)
class Delivery:
    """A message for a route; `problem` is why it did not arrive, "" when it did."""

    route: str
    message: Message
    problem: str = ""


def send(route: Route, message: Message) -> str:
    """Send one message; returns what went wrong, "" when it arrived."""
    return send_all(route, [message])[0].problem


def send_all(route: Route, messages: Sequence[Message]) -> list[Delivery]:
    """Send messages of one model, grouped into one where a person reads them."""
    groups = [list(messages)] if route.kind in GROUPED and messages else [[m] for m in messages]
    done = []
    for group in groups:
        problem = send_email(route, group) if route.kind == "email" else post(route, group)
        done += [Delivery(route.name, m, problem) for m in group]
    return done
