"""A mail server for tests."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest


class Postman(socketserver.ThreadingTCPServer):
    """A mail server: speaks SMTP, keeps what it takes, and refuses while `busy`."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Postbox)
        self.taken: list[EmailMessage] = []
        self.busy = False
        self.url = f"smtp://127.0.0.1:{self.server_address[1]}"


class Postbox(socketserver.StreamRequestHandler):
    server: Postman

    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                text = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    text += part[1:] if part.startswith(b"..") else part
                self.server.taken.append(message_from_bytes(text, policy=policy.default))
            if word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            refuse = word == b"MAIL" and self.server.busy
            self.wfile.write(b"451 later\r\n" if refuse else b"250 fine\r\n")


@pytest.fixture
def postman(monkeypatch: pytest.MonkeyPatch) -> Iterator[Postman]:
    with Postman() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("SMTP_URL", server.url)
        yield server
        server.shutdown()
