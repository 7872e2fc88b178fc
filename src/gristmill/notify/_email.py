"""Messages and reports by e-mail."""

from __future__ import annotations

import hashlib
import os
import smtplib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from email.message import EmailMessage
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

from gristmill.notify._routes import Message, Route

SECONDS = 20.0


def send_email(route: Route, messages: Sequence[Message]) -> str:
    """One e-mail with all messages; returns what went wrong, "" when the server took it."""
    owners = [o for m in messages for o in m.owners]
    first = messages[0]
    model = first.record.get("model", "")
    subject = (
        first.text.splitlines()[0] if len(messages) == 1 else f"{model}: {len(messages)} messages"
    )
    text = "\n\n".join(m.text for m in messages) + "\n"
    keys = " ".join(m.key for m in messages)
    return send_report(route, subject, text, owners=owners, key=keys)


def send_report(
    route: Route,
    subject: str,
    text: str,
    *,
    owners: Sequence[str] = (),
    key: str,
    attachments: Sequence[tuple[str, str, bytes]] = (),
) -> str:
    """Send an e-mail.

    Parameters
    ----------
    route
        A route of kind `email`.
    subject, text
        What it says.
    owners
        Addresses that `owner` in the route's `to` stands for.
    key
        Its identity, of which the Message-ID is made: sent twice, it is seen to be the same.
    attachments
        (file name, MIME type, content) of each.

    Returns
    -------
    str
        What went wrong, "" when the server took it.
    """
    receivers = recipients(route, owners)
    if not receivers:
        return "it has no receiver: set `owner` of the model, or addresses in `to` of the route"
    mail = EmailMessage()
    mail["From"], mail["To"] = route.sender, ", ".join(receivers)
    mail["Subject"] = " ".join(subject.split())[:200]
    digest = hashlib.sha256(f"{route.name} {key}".encode()).hexdigest()[:32]
    mail["Message-ID"] = f"<{digest}@gristmill>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    for name, kind, content in attachments:
        major, _, minor = kind.partition("/")
        mail.add_attachment(content, maintype=major, subtype=minor, filename=name)
    return _submit(route, mail)


def address_of(name: str) -> str:
    """The address in `Ada <ada@example.org>`, as git writes authors; other names as they are.

    Parameters
    ----------
    name
        A person.
    """
    return parseaddr(name)[1] if "<" in name else name


def recipients(route: Route, owners: Sequence[str]) -> list[str]:
    """Addresses, each once: `owner` in `to` stands for the owners that are addresses. Pure."""
    addresses: list[str] = []
    for name in route.to:
        for address in map(address_of, owners) if name == "owner" else (name,):
            if "@" in address and address not in addresses:
                addresses.append(address)
    return addresses


def _submit(route: Route, mail: EmailMessage) -> str:
    address = urlsplit(os.environ.get(route.url, ""))
    if address.scheme not in ("smtp", "smtps") or not address.hostname:
        return f"the environment variable {route.url} does not hold an smtp address"
    secure = ssl.create_default_context()
    server: smtplib.SMTP | None = None
    try:
        port = address.port or (465 if address.scheme == "smtps" else 25)
        if address.scheme == "smtps":
            server = smtplib.SMTP_SSL(address.hostname, port, timeout=SECONDS, context=secure)
        else:
            server = smtplib.SMTP(address.hostname, port, timeout=SECONDS)
            server.ehlo()
            if server.has_extn("starttls"):
                server.starttls(context=secure)
        if address.username:
            if address.scheme == "smtp" and not server.has_extn("auth"):
                return "the mail server does not offer encryption, so the password was not sent"
            server.login(unquote(address.username), unquote(address.password or ""))
        refused = server.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        return f"the mail server did not take it: {error}"
    finally:
        if server is not None:
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
    return f"refused: {', '.join(refused)}" if refused else ""
