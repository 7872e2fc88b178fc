"""Messages by HTTP: webhooks with a signature, Slack, Teams, PagerDuty."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from gristmill.notify._routes import Message, Route

SECONDS = 10.0
ATTEMPTS = 2
SIGNATURE = "X-Gristmill-Signature"
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"


def post(route: Route, messages: Sequence[Message]) -> str:
    """POST the messages; returns what went wrong, "" when they arrived. Follows no redirects."""
    address = os.environ.get(route.url, "") if route.url else PAGERDUTY
    if urlsplit(address).scheme not in ("http", "https"):
        return f"the environment variable {route.url} does not hold an http address"
    secret = os.environ.get(route.secret, "") if route.secret else ""
    if route.secret and not secret:
        return f"the environment variable {route.secret} does not hold a secret"
    body = json.dumps(payload(route, messages, secret), sort_keys=True).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "gristmill"}
    if secret and route.kind == "webhook":
        mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers[SIGNATURE] = f"sha256={mac}"
    opener = urllib.request.build_opener(_NoRedirect)
    problem = ""
    for attempt in range(ATTEMPTS):
        request = urllib.request.Request(address, body, headers, method="POST")  # noqa: S310
        try:
            with opener.open(request, timeout=SECONDS):
                return ""
        except urllib.error.HTTPError as error:
            problem = f"answered {error.code}"
            if error.code < 500 and error.code != 429:
                return problem
        except (OSError, ValueError) as error:
            problem = f"did not answer: {getattr(error, 'reason', error)}"
        if attempt + 1 < ATTEMPTS:
            time.sleep(0.5)
    return problem


def payload(route: Route, messages: Sequence[Message], secret: str) -> dict[str, Any]:
    """What the kind of receiver understands. Pure."""
    if route.kind == "slack":
        return {"text": "\n".join(_plain_in_slack(m.text) for m in messages)}
    if route.kind == "teams":
        blocks = [
            {"type": "TextBlock", "text": _plain_in_teams(m.text), "wrap": True} for m in messages
        ]
        card = {"type": "AdaptiveCard", "version": "1.4", "body": blocks}
        kind = "application/vnd.microsoft.card.adaptive"
        return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}
    first = messages[0]
    if route.kind == "pagerduty":
        return {
            "routing_key": secret,
            "event_action": "resolve" if first.over else "trigger",
            "dedup_key": first.about,
            "payload": {
                "summary": first.text[:1024],
                "source": str(first.record.get("model", "gristmill")),
                "severity": first.severity,
                "custom_details": first.record,
            },
        }
    return first.record


def _plain_in_slack(text: str) -> str:
    """Text from data or models, in which nobody is mentioned and nothing linked: Slack's control
    sequences begin with `<` (api.slack.com/reference/surfaces/formatting, "Escaping text")."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain_in_teams(text: str) -> str:
    """The same for Teams, where `[text](address)` links and `<at>` mentions."""
    return text.replace("<", "\u2039").replace(">", "\u203a").replace("](", "] (")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A signed message goes where the settings say and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None
