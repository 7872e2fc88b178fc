"""Roles and approvals: nobody promotes alone, and what was approved is what is promoted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.errors import Conflict, Forbidden, GateFailed
from gristmill.project import Project
from gristmill.registry import promotion, review
from gristmill.registry.approvals import Policy, standing
from gristmill.registry.chain import Draft, Entry
from gristmill.registry.store import Registry

from .conftest import SETTINGS, Models, lineage, put

GOVERNED = (
    SETTINGS
    + """
[models.delay.approvals]
required = 2
days = 3
[roles]
register = ["ada"]
approve = ["ada", "bob", "cy", "dee"]
promote = ["pat"]
override = []
"""
)


@pytest.fixture
def governed(project: Project, models: Models) -> Project:
    (project.root / "gristmill.toml").write_text(GOVERNED)
    project = Project.load(project.root)
    put(project, models.weak)
    promotion.register(project, "delay", lineage=lineage(author="zoe"), actor="ada")
    promotion.gate(project, "delay", 1, actor="ada")
    return project


def decide(project: Project, actor: str, decision: str = "approve") -> None:
    review.decide(project, "delay", 1, decision=decision, reason="read it", actor=actor)


def test_two_others_approve_and_a_third_promotes(governed: Project) -> None:
    review.request(governed, "delay", 1, reason="please", actor="ada")
    assert [e.version for e in review.waiting(governed)] == [1]
    decide(governed, "bob")
    with pytest.raises(Forbidden, match="1 of 2 approvals by bob"):
        promotion.promote(governed, "delay", 1, reason="go", actor="pat")
    decide(governed, "bob")
    with pytest.raises(Forbidden, match="1 of 2"):
        promotion.promote(governed, "delay", 1, reason="go", actor="pat")
    decide(governed, "cy")
    assert review.waiting(governed) == []
    done = promotion.promote(governed, "delay", 1, reason="go", actor="pat")
    assert done.changed
    assert done.entry.detail["approvals"] == ["bob", "cy"]


def test_who_may_not_is_refused(governed: Project) -> None:
    with pytest.raises(Forbidden, match="bob may not register"):
        promotion.register(governed, "delay", lineage=lineage("x"), actor="bob")
    with pytest.raises(Forbidden, match="ada made delay"):
        decide(governed, "ada")
    with pytest.raises(Forbidden, match="pat may not approve"):
        decide(governed, "pat")
    with pytest.raises(Forbidden, match="bob may not promote"):
        promotion.promote(governed, "delay", 1, reason="go", actor="bob")
    with pytest.raises(Forbidden, match="pat may not override"):
        promotion.promote(governed, "delay", 1, reason="go", actor="pat", override=True)


def test_a_rejection_stops_it_until_it_is_taken_back(governed: Project) -> None:
    for actor in ("bob", "cy"):
        decide(governed, actor)
    decide(governed, "dee", "reject")
    with pytest.raises(Forbidden, match="rejected by dee"):
        promotion.promote(governed, "delay", 1, reason="go", actor="pat")
    decide(governed, "dee")
    assert promotion.promote(governed, "delay", 1, reason="go", actor="pat").changed


def test_a_new_report_voids_approvals(governed: Project) -> None:
    for actor in ("bob", "cy"):
        decide(governed, actor)
    promotion.gate(governed, "delay", 1, actor="ada")
    assert review.standing_of(Registry(governed), Registry(governed).version("delay", 1)).granted
    text = (governed.root / "gristmill.toml").read_text().replace("value = 0.6", "value = 0.5")
    (governed.root / "gristmill.toml").write_text(text)
    changed = Project.load(governed.root)
    promotion.gate(changed, "delay", 1, actor="ada")
    with pytest.raises(Forbidden, match="void \\(of another gate report\\)"):
        promotion.promote(changed, "delay", 1, reason="go", actor="pat")


def test_an_approval_of_a_report_that_was_replaced_is_a_conflict(governed: Project) -> None:
    with pytest.raises(Conflict, match="judged again"):
        review.decide(
            governed, "delay", 1, decision="approve", reason="r", report="0" * 12, actor="bob"
        )


def test_nothing_is_approved_unjudged(governed: Project) -> None:
    promotion.register(governed, "delay", lineage=lineage("other"), actor="ada")
    with pytest.raises(GateFailed):
        review.decide(governed, "delay", 2, decision="approve", reason="r", actor="bob")


def test_a_replayed_approval_is_refused(governed: Project) -> None:
    """Bob's entry copied behind his rejection, with everything an attacker can recompute."""
    import sqlite3
    from contextlib import closing
    from dataclasses import replace

    from gristmill.registry.chain import body_of, canonical, sha256

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
    decide(governed, "cy")
    with pytest.raises(Forbidden, match="not as bob signed it"):
        promotion.promote(governed, "delay", 1, reason="go", actor="pat")
    assert ledger.verify() != []


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
    found = standing(
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
    assert set(found.approved) == good
    assert set(found.rejected) == against
    assert found.granted == (len(good) >= required and not against)


def test_cli_asks_and_decides(
    governed: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gristmill.cli import main

    at = ["-C", str(governed.root), "model"]

    def by(actor: str, *words: str) -> int:
        monkeypatch.setenv("GRISTMILL_ACTOR", actor)
        return main([*at, *words])

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
