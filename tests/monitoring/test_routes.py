"""Alerts on their way to a real HTTP receiver."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gristmill.cli import main
from gristmill.errors import Invalid
from gristmill.files import append_journal
from gristmill.monitoring import monitor
from gristmill.monitoring._settings import directory
from gristmill.notify import read_routes

from .conftest import World
from .world import MODEL

JULY = datetime(2013, 7, 1, tzinfo=UTC)
ROUTES = """
[[alerts.routes]]
name = "ops"
url = "OPS_URL"
secret = "OPS_SECRET"
[[alerts.routes]]
name = "chat"
kind = "slack"
url = "CHAT_URL"
severity = "critical"
"""


class Receiver:
    """Keeps what is posted, answers with `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.heard.append((self.path, dict(self.headers), body))
                self.send_response(outer.status)
                if outer.status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("OPS_URL", f"{receiver.address}/ops")
    monkeypatch.setenv("CHAT_URL", f"{receiver.address}/chat")
    monkeypatch.setenv("OPS_SECRET", "salt")
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def test_each_is_told_once_signed_and_again_only_when_it_failed(
    world: World, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    world.settings(ROUTES)
    world.month(6)
    assert main(["monitor", MODEL, "--now", "2013-07-01", "--dry-run"]) == 0
    assert "would notify ops (webhook): delay version 1, prediction" in capsys.readouterr().out
    assert not receiver.heard
    receiver.status = 503
    failed = monitor(world.project, MODEL, now=JULY).sent
    assert failed and all(d.problem == "answered 503" for d in failed)
    receiver.status, receiver.heard = 200, []
    sent = monitor(world.project, MODEL, now=JULY).sent
    assert {d.message.key for d in sent} == {d.message.key for d in failed}
    assert len(receiver.heard) == len(sent)
    for path, headers, body in receiver.heard:
        assert path == "/ops"
        mac = hmac.new(b"salt", body, hashlib.sha256).hexdigest()
        assert headers["X-Gristmill-Signature"] == f"sha256={mac}"
    assert {json.loads(b)["rule"] for _, _, b in receiver.heard} >= {"prediction"}
    assert not monitor(world.project, MODEL, now=JULY).sent

    world.month(7)
    began = {"repair": "v1-1", "step": "began", "at": JULY.isoformat(), "champion": 1}
    began |= {"alerts": ["x"], "trigger": "drift", "start": "2013-04-01", "end": "2013-07-01"}
    over = {"repair": "v1-1", "step": "gave-up", "at": JULY.isoformat(), "summary": "broken"}
    append_journal(directory(world.project, MODEL) / "repairs.jsonl", [began, over])
    receiver.heard = []
    monitor(world.project, MODEL, now=datetime(2013, 8, 1, tzinfo=UTC))
    received = [(p, json.loads(b)) for p, _, b in receiver.heard]
    assert ("/chat", {"text": "delay: repair v1-1 needs a person. broken"}) in received


def test_redirects_are_not_followed_and_a_dead_address_stops_nothing(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.settings(ROUTES)
    world.month(6)
    receiver.status = 302
    sent = monitor(world.project, MODEL, now=JULY).sent
    assert {d.problem for d in sent} == {"answered 302"}
    assert {p for p, *_ in receiver.heard} == {"/ops"}
    monkeypatch.setenv("OPS_URL", "http://127.0.0.1:9/")
    assert "did not answer" in monitor(world.project, MODEL, now=JULY).sent[0].problem
    monkeypatch.setenv("OPS_URL", "file:///etc/passwd")
    assert "OPS_URL" in monitor(world.project, MODEL, now=JULY).sent[0].problem


@pytest.mark.parametrize(
    "text",
    ['name = "a"\nurl = "U"\nkind = "pigeon"', 'name = "a"\nurl = "U"\nseverity = "so so"',
     'name = "a"\nurl = "U"\nwho = 1', 'name = "a"'],
)  # fmt: skip
def test_bad_routes_are_named(world: World, text: str) -> None:
    world.settings(f"\n[[alerts.routes]]\n{text}\n")
    with pytest.raises(Invalid):
        read_routes(world.project)


def test_names_from_data_mention_nobody_and_link_nowhere() -> None:
    from gristmill.notify import Route, compose_message
    from gristmill.notify._http import payload

    text = "column <!channel> <https://evil.example|here> & [here](https://evil.example) drifted"
    message = compose_message("k", "warning", text, {})
    slack = payload(Route(name="a", kind="slack", url="A"), [message], "")["text"]
    assert "<" not in slack and ">" not in slack and "&lt;!channel&gt;" in slack
    card = payload(Route(name="b", kind="teams", url="B"), [message], "")
    shown = card["attachments"][0]["content"]["body"][0]["text"]
    assert "<" not in shown and "](" not in shown and "drifted" in shown
