"""A person has one spelling, and nothing that people write hides or steers what others read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.cli import main
from gristmill.cli._out import printable
from gristmill.errors import Forbidden, Invalid
from gristmill.project import Project
from gristmill.registry import Registry, decide, gate, history, register, request_approval
from gristmill.registry._ledger.chain import Draft
from gristmill.registry._ledger.names import canonical_actor

from .conftest import SETTINGS, Models, lineage, put

GOVERNED = """
[models.delay.approvals]
required = 2
[roles]
register = ["ada@example.org"]
approve = ["Bob@Example.org", "cy"]
promote = ["ada@example.org"]
"""


@pytest.fixture
def governed(project: Project, models: Models) -> Project:
    (project.root / "gristmill.toml").write_text(SETTINGS + GOVERNED)
    project = Project.load(project.root)
    put(project, models.weak)
    register(project, "delay", lineage=lineage(author="eve"), actor="Ada@Example.ORG ")
    gate(project, "delay", 1, actor="ada@example.org")
    return project


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))
def test_the_spelling_of_a_spelling_is_itself(name: str) -> None:
    once = canonical_actor(name)
    assert canonical_actor(once) == once == canonical_actor(f"  {name} ")


def test_one_person_is_one_whatever_the_spelling(governed: Project) -> None:
    spellings = ("bob@example.org", " BOB@example.org", "\uff22ob@example.org")
    for spelling in spellings:
        status = decide(governed, "delay", 1, decision="approve", reason="read it", actor=spelling)
    assert [e.actor for e in history(governed, "delay", ["approve"])] == ["bob@example.org"] * 3
    assert status.standing.approved == ("bob@example.org",)
    assert {e.actor for e in history(governed, "delay", ["register"])} == {"ada@example.org"}


@pytest.mark.parametrize("hidden", ["\x1b[2J", "\r", "\x00", "\u202e", "\u2067"])
def test_what_screens_do_not_show_is_refused(
    governed: Project, hidden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(history(governed))
    with pytest.raises(Invalid) as refused:
        request_approval(governed, "delay", 1, reason=f"o{hidden}k", actor="ada@example.org")
    assert refused.value.code == "text.control"
    for name in (f"bob{hidden}@example.org", f"c{hidden}y"):
        with pytest.raises((Invalid, Forbidden)) as refused:
            decide(governed, "delay", 1, decision="approve", reason="read it", actor=name)
        assert refused.value.code == "text.control"
    monkeypatch.setenv("GRISTMILL_ACTOR", f"bob{hidden}x".replace("\x00", "\x01"))
    root = str(governed.root)
    assert main(["-C", root, "model", "approve", "delay", "1", "--reason", "x"]) != 0
    assert len(history(governed)) == before


def test_the_log_shows_an_entry_that_holds_them(
    governed: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gristmill.registry._ledger import ledger

    monkeypatch.setattr(ledger, "require_printable", lambda text, what: None)
    with Registry(governed).ledger.writing() as writer:
        writer.append(Draft("request", "delay", "ada@example.org", reason="a\x1b[2J\rb"))
    assert main(["-C", str(governed.root), "audit", "log"]) == 0
    shown = capsys.readouterr().out
    assert r"a\x1b[2J\rb" in shown and "\x1b" not in shown and "\r" not in shown


def test_only_control_characters_are_spelled_out() -> None:
    assert printable("Zoë 日本 👍") == "Zoë 日本 👍"
    assert printable("\x07\u202e") == r"\x07\u202e"
