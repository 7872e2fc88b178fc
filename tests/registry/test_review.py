"""Roles and approvals: nobody promotes alone, and what was approved is what is promoted."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.errors import Forbidden, GateFailed
from gristmill.project import Project
from gristmill.registry import (
    Entry,
    Registry,
    champion,
    gate,
    open_requests,
    promote,
    register,
    request_approval,
    status_of,
)
from gristmill.registry import (
    decide as decide_review,
)
from gristmill.registry._approvals.approvals import Policy, approval_status
from gristmill.registry._ledger.chain import Draft
from gristmill.registry._ledger.ledger import Ledger

from ..postman import Postman, postman
from .conftest import SETTINGS, Models, fails_with, lineage, put

GOVERNED = (
    SETTINGS
    + """
[models.delay.approvals]
required = 2
days = 3
[roles]
register = ["ada"]
approve = ["ada", "bob", "cy", "dee", "eve@example.org"]
promote = ["pat"]
override = []
"""
)


@pytest.fixture
def governed(project: Project, models: Models) -> Project:
    (project.root / "gristmill.toml").write_text(GOVERNED)
    project = Project.load(project.root)
    put(project, models.weak)
    register(project, "delay", lineage=lineage(author="Eve <Eve@Example.org>"), actor="ada")
    gate(project, "delay", 1, actor="ada")
    return project


__all__ = ["postman"]


def decide(project: Project, actor: str, decision: str = "approve") -> None:
    decide_review(project, "delay", 1, decision=decision, reason="read it", actor=actor)


def test_two_others_approve_and_a_third_promotes(governed: Project) -> None:
    request_approval(governed, "delay", 1, reason="please", actor="ada")
    assert [e.version for e in open_requests(governed)] == [1]
    decide(governed, "bob")
    with pytest.raises(Forbidden, match="1 of 2 approvals by bob"):
        promote(governed, "delay", 1, reason="go", actor="pat")
    decide(governed, "bob")
    with pytest.raises(Forbidden, match="1 of 2"):
        promote(governed, "delay", 1, reason="go", actor="pat")
    decide(governed, "cy")
    assert open_requests(governed) == []
    done = promote(governed, "delay", 1, reason="go", actor="pat")
    assert done.changed
    assert done.entry.detail["approvals"] == ["bob", "cy"]


def test_who_may_not_is_refused(governed: Project) -> None:
    with fails_with("role.missing"):
        register(governed, "delay", lineage=lineage("x"), actor="bob")
    with fails_with("role.missing"):  # what is registered already
        register(governed, "delay", lineage=lineage(author="Eve <Eve@Example.org>"), actor="bob")
    with fails_with("approval.author"):
        decide(governed, "ada")
    with pytest.raises(Forbidden, match=r"eve@example\.org made delay"):  # git's author
        decide(governed, "eve@example.org")
    with fails_with("role.missing"):
        decide(governed, "pat")
    with fails_with("role.missing"):
        promote(governed, "delay", 1, reason="go", actor="bob")
    with fails_with("role.missing"):
        promote(governed, "delay", 1, reason="go", actor="pat", override=True)


def test_a_rejection_stops_it_until_it_is_taken_back(governed: Project) -> None:
    for actor in ("bob", "cy"):
        decide(governed, actor)
    decide(governed, "dee", "reject")
    with pytest.raises(Forbidden, match="rejected by dee"):
        promote(governed, "delay", 1, reason="go", actor="pat")
    decide(governed, "dee")
    assert promote(governed, "delay", 1, reason="go", actor="pat").changed


def test_a_new_report_voids_approvals(governed: Project) -> None:
    for actor in ("bob", "cy"):
        decide(governed, actor)
    gate(governed, "delay", 1, actor="ada")
    assert status_of(Registry(governed), Registry(governed).version("delay", 1)).granted
    text = (governed.root / "gristmill.toml").read_text().replace("value = 0.6", "value = 0.5")
    (governed.root / "gristmill.toml").write_text(text)
    changed = Project.load(governed.root)
    gate(changed, "delay", 1, actor="ada")
    with pytest.raises(Forbidden, match="void \\(of another gate report\\)"):
        promote(changed, "delay", 1, reason="go", actor="pat")


def test_an_approval_of_a_report_that_was_replaced_is_a_conflict(governed: Project) -> None:
    with fails_with("approval.report"):
        decide_review(
            governed, "delay", 1, decision="approve", reason="r", report="0" * 12, actor="bob"
        )


def test_nothing_is_approved_unjudged(governed: Project) -> None:
    register(governed, "delay", lineage=lineage("other"), actor="ada")
    with pytest.raises(GateFailed):
        decide_review(governed, "delay", 2, decision="approve", reason="r", actor="bob")


def test_a_replayed_approval_is_refused(governed: Project) -> None:
    """Bob's entry copied behind his rejection, with everything an attacker can recompute."""
    import sqlite3
    from contextlib import closing
    from dataclasses import replace

    from gristmill.registry._ledger.chain import body_of, canonical, sha256

    decide(governed, "bob")
    decide(governed, "bob", "reject")
    ledger = Registry(governed).ledger
    entries = ledger.entries()
    old = next(e for e in entries if e.action == "approve")
    body = canonical(body_of(replace(old, seq=len(entries) + 1, prev=entries[-1].hash)))
    with closing(sqlite3.connect(governed.state / "ledger.db")) as db, db:
        db.execute(
            "INSERT INTO entry (seq, body, hash, signature) VALUES (?, ?, ?, ?)",
            (len(entries) + 1, body, sha256(body), old.signature),
        )
    with fails_with("ledger.forged"):
        decide(governed, "cy")
    with fails_with("ledger.forged"):
        promote(governed, "delay", 1, reason="go", actor="pat")
    assert ledger.verify() != []


def test_every_face_meets_the_same_roles(
    governed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading and deploying are refused too, before anything is read or started."""
    from gristmill.cli import main
    from gristmill.serving._serve import serving

    settings = governed.root / "gristmill.toml"
    settings.write_text(
        settings.read_text().replace("override = []", 'override = []\nread = ["ada"]')
    )
    project = Project.load(governed.root)
    monkeypatch.setenv("GRISTMILL_ACTOR", "eve")
    with fails_with("role.missing"):
        Registry(project)
    assert main(["-C", str(project.root), "audit", "log"]) == Forbidden.exit_code
    monkeypatch.setenv("GRISTMILL_ACTOR", "ada")
    assert main(["-C", str(project.root), "audit", "log"]) == 0
    with fails_with("role.missing"), serving(project, "delay", port=0):
        pass
    with fails_with("role.missing"):
        gate(project, "delay", 1, actor="eve")


def test_requests_and_decisions_are_told_once(
    governed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[dict[str, Any]] = []
    status = [503]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if status[0] == 200:
                heard.append(json.loads(body))
            self.send_response(status[0])
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    settings = governed.root / "gristmill.toml"
    settings.write_text(settings.read_text() + '[[alerts.routes]]\nname = "ops"\nurl = "OPS_URL"\n')
    project = Project.load(governed.root)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setenv("OPS_URL", f"http://127.0.0.1:{server.server_port}/")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        request_approval(project, "delay", 1, reason="please", actor="ada")
        status[0] = 200
        decide(project, "bob")
        decide(project, "cy")
        promote(project, "delay", 1, reason="go", actor="pat")
        server.shutdown()
    assert [(h["action"], h["actor"], h["reason"]) for h in heard] == [
        ("request", "ada", "please"),
        ("approve", "bob", "read it"),
        ("approve", "cy", "read it"),
        ("promote", "pat", "go"),
    ]
    assert heard[0]["text"] == "ada asks for a decision on delay version 1: please"
    assert len({h["key"] for h in heard}) == 4


@pytest.mark.parametrize(
    ("decision", "face"), [("approve", "cli"), ("reject", "cli"), ("approve", "python")]
)
def test_a_repair_that_waits_goes_on_when_it_was_decided(
    governed: Project,
    models: Models,
    decision: str,
    face: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from gristmill.cli import main
    from gristmill.monitoring import read_repairs
    from gristmill.monitoring._repair.resume import resume
    from gristmill.monitoring._repairs import ACTOR, Journal, journal_path

    settings = governed.root / "gristmill.toml"
    listed = settings.read_text().replace('promote = ["pat"]', f'promote = ["pat", "{ACTOR}"]')
    settings.write_text(listed.replace('register = ["ada"]', f'register = ["ada", "{ACTOR}"]'))
    project = Project.load(governed.root)
    for actor in ("bob", "cy"):
        decide(project, actor)
    promote(project, "delay", 1, reason="go", actor="pat")
    put(project, models.strong)
    register(project, "delay", lineage=lineage("again"), actor=ACTOR)
    assert gate(project, "delay", 2, actor=ACTOR).passed
    request_approval(project, "delay", 2, reason="repair v1-1", actor=ACTOR)
    now = datetime.now(UTC)
    journal = Journal(journal_path(project, "delay"), "v1-1", now)
    journal.write("began", champion=1, alerts=[], trigger="drift", start="a", end="b")
    journal.write("registered", version=2)
    journal.write("waiting", summary="waits")
    assert resume(project, "delay") is None
    for actor in ("bob", "cy"):
        monkeypatch.setenv("GRISTMILL_ACTOR", actor)
        if face == "cli":
            assert main(["-C", str(project.root), "model", decision, "2", "--reason", "so"]) == 0
        else:
            followed = decide_review(project, "delay", 2, decision=decision, reason="so")
            assert len(followed.consequences) == (actor == "cy")
    (repair,) = read_repairs(project, "delay")
    holder = champion(project, "delay")
    assert holder is not None
    assert (repair.outcome, holder.version) == (
        ("promoted", 2) if decision == "approve" else ("kept", 1)
    )
    if face == "cli":
        assert f"Repair v1-1 is {repair.outcome}" in capsys.readouterr().out


def test_setting_the_clock_back_does_not_revive_an_approval(governed: Project) -> None:
    decide(governed, "bob")
    registry = Registry(governed)
    version = registry.version("delay", 1)
    early, late = datetime.now(UTC) - timedelta(days=30), datetime.now(UTC) + timedelta(days=4)
    assert status_of(registry, version, early).approved == ("bob",)
    assert status_of(registry, version, late).approved == ()
    future = Ledger(registry.ledger.store, clock=lambda: late)
    with future.writing() as writer:
        writer.append(Draft("gate", "delay", "ada", version=1))
    assert status_of(registry, version, early).approved == ()


NOW = datetime(2026, 11, 21, tzinfo=UTC)
DECISION = st.tuples(
    st.sampled_from("abcd"),
    st.sampled_from(["approve", "reject"]),
    st.sampled_from(["m", "other"]),
    st.sampled_from(["r", "other"]),
    st.integers(0, 6),
)


def entry(seq: int, actor: str, action: str, digest: str, report: str, days: int) -> Entry:
    draft = Draft(action, "m", actor, version=1, digest=digest, detail={"report": report})
    return draft.entry(seq=seq, at=NOW - timedelta(days=days), key="", prev="")


@given(st.lists(DECISION, max_size=12), st.integers(1, 3))
def test_approvals_are_granted_only_for_what_was_seen(
    made: list[tuple[str, str, str, str, int]], required: int
) -> None:
    made.sort(key=lambda d: -d[4])
    result = approval_status(
        [entry(i, *d) for i, d in enumerate(made)],
        digest="m",
        report="r",
        authors={"a"},
        policy=Policy(required, days=3),
        now=NOW,
        may=lambda actor: actor != "d",
    )
    last = {d[0]: d for d in made}
    good = {a for a, d in last.items() if d[1:4] == ("approve", "m", "r") and d[4] <= 3} - {*"ad"}
    against = {a for a, d in last.items() if d[1:4] == ("reject", "m", "r") and d[4] <= 3} - {*"ad"}
    assert set(result.approved) == good
    assert set(result.rejected) == against
    assert result.granted == (len(good) >= required and not against)


def test_a_person_of_two_spellings_is_one() -> None:
    spelt = ("bob@example.org", "Bob <Bob@example.org>", "Ada <ada@example.org>")
    result = approval_status(
        [entry(i, name, "approve", "m", "r", 0) for i, name in enumerate(spelt)],
        digest="m",
        report="r",
        authors={"ada@example.org"},
        policy=Policy(2),
        now=NOW,
        may=lambda _: True,
    )
    assert result.approved == (spelt[1],)
    assert not result.granted


def test_cli_asks_and_decides(
    governed: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gristmill.cli import main

    at = ["-C", str(governed.root), "model"]

    def by(actor: str, *arguments: str) -> int:
        monkeypatch.setenv("GRISTMILL_ACTOR", actor)
        return main([*at, *arguments])

    assert by("ada", "request", "--reason", "ready") == 0
    assert by("ada", "approve", "--reason", "mine") == Forbidden.exit_code
    assert by("bob", "waiting") == 0
    assert "ready" in capsys.readouterr().out
    assert by("bob", "approve", "delay", "1", "--reason", "fine") == 0
    assert by("pat", "promote", "--reason", "go") == Forbidden.exit_code
    assert "1 of 2 approvals by bob" in capsys.readouterr().err
    assert by("cy", "approve", "1", "--reason", "fine") == 0
    assert by("pat", "promote", "--reason", "go") == 0
    assert by("pat", "show") == 0
    assert "2 of 2 approvals by bob, cy" in capsys.readouterr().out


def test_reviewers_and_authors_are_told_by_mail(
    project: Project, models: Models, postman: Postman
) -> None:
    """A model without an owner; a mail server that does not take the request at first."""
    settings = project.root / "gristmill.toml"
    route = '[[alerts.routes]]\nname = "mail"\nkind = "email"\nurl = "SMTP_URL"\n'
    roles = (
        '[roles]\nregister = ["ada@example.org"]\n'
        'approve = ["bo@example.org", "ada@example.org"]\npromote = ["pat"]\n'
    )
    link = '[alerts]\nlink = "https://hub.example.org/toy"\n'
    settings.write_text(settings.read_text() + link + route + roles)
    project = Project.load(project.root)
    put(project, models.weak)
    register(project, "delay", lineage=lineage(), actor="ada@example.org")
    gate(project, "delay", 1, actor="ada@example.org")
    assert postman.taken == []
    postman.busy = True
    request_approval(project, "delay", 1, reason="please", actor="ada@example.org")
    assert postman.taken == []
    postman.busy = False
    put(project, models.noise)
    (project.root / "metrics.json").write_text('{"roc_auc": 0.5}')
    register(
        project, "delay", lineage=lineage(author="Eve <eve@example.org>"), actor="ada@example.org"
    )
    gate(project, "delay", 2, actor="ada@example.org")
    receivers = {to for mail in postman.taken for to in mail["To"].split(", ")}
    assert receivers == {"bo@example.org", "eve@example.org"}
    text = "".join(mail.get_content() for mail in postman.taken)
    assert "gristmill model approve delay 1" in text
    assert "https://hub.example.org/toy" in text
