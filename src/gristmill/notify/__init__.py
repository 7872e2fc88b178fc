"""Where messages go: alerts, requests for a decision, decisions."""

from __future__ import annotations

from gristmill._door import door

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gristmill.notify._email import address_of, send_report
    from gristmill.notify._outbox import deliver_messages, undelivered
    from gristmill.notify._routes import (
        Message,
        Route,
        alert_settings,
        compose_message,
        read_routes,
    )
    from gristmill.notify._sending import Delivery
else:
    __getattr__, __dir__ = door(__name__)

__all__ = [
    "Delivery",
    "Message",
    "Route",
    "address_of",
    "alert_settings",
    "compose_message",
    "deliver_messages",
    "read_routes",
    "send_report",
    "undelivered",
]
