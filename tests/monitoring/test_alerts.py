"""What people do with alerts, and how alerts reach them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gristmill.cli import main
from gristmill.errors import Conflict, Forbidden, Invalid, NotFound
from gristmill.files import read_journal
from gristmill.monitoring import acknowledge, alerts, monitor, resolve_alert, snooze
from gristmill.monitoring._alerts.alerts import fold, journal_path, next_records, writing
from gristmill.monitoring._alerts.notifications import alert_messages
from gristmill.notify import Message, Route
from gristmill.notify._http import payload
from gristmill.notify._sending import send_all

from ..postman import Postman, postman
from .conftest import World
from .test_repair import window
from .world import MODEL

__all__ = ["postman"]

JULY = datetime(2013, 7, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def test_the_life_of_an_alert(
    world: World, postman: Postman, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (world.root / "gristmill.toml").read_text()
    text = text.replace("[models.delay]\n", '[models.delay]\nowner = "ops@example.org"\n')
    text = text.replace('window = "month"', 'window = "month"\nowners = {temp = "sky@example.org"}')
    text += '\n[alerts]\nescalate = "3d"\n[[alerts.routes]]\nname = "mail"\nkind = "email"\n'
    text += 'url = "SMTP_URL"\n'
    (world.root / "gristmill.toml").write_text(text)
    world.month(6)
    postman.busy = True
    failed = monitor(world.project, MODEL, now=JULY).sent
    assert failed and all("451" in d.problem for d in failed)
    postman.busy = False
    sent = monitor(world.project, MODEL, now=JULY).sent
    assert [d.message.key for d in sent] == [d.message.key for d in failed]
    (mail,) = postman.taken
    assert mail["To"] == "ops@example.org, sky@example.org"
    assert mail["Subject"] == f"delay: {len(sent)} messages"
    assert all(d.message.text in mail.get_content().replace("\r\n", "\n") for d in sent)

    by_rule = {a.rule: a for a in alerts(world.project, now=JULY)}
    weather, prediction = by_rule["quality"], by_rule["prediction"]
    assert weather.owners == ("ops@example.org", "sky@example.org")
    assert acknowledge(world.project, weather.id[:6], reason="looking", now=JULY).note == "looking"
    snooze(world.project, prediction.id, until="7d", now=JULY)
    assert [a.state(JULY) for a in alerts(world.project, now=JULY)][-1] == "snoozed"

    later = monitor(world.project, MODEL, now=JULY + 4 * DAY).sent
    assert {d.message.key for d in later} == {
        f"{a.id}/escalated" for a in by_rule.values() if a.rule not in ("quality", "prediction")
    }
    woken = monitor(world.project, MODEL, now=JULY + 11 * DAY).sent
    assert [d.message.key for d in woken] == [f"{prediction.id}/escalated"]
    assert woken[0].message.severity == "critical"

    assert main(["alerts", "resolve", weather.id, "--reason", "the season"]) == 0
    assert "resolved: the season" in capsys.readouterr().out
    with pytest.raises(Conflict, match="the season"):
        acknowledge(world.project, weather.id)
    ended = monitor(world.project, MODEL, now=JULY + 11 * DAY).sent
    assert [d.message.key for d in ended] == [f"{weather.id}/resolved"]
    assert not monitor(world.project, MODEL, now=JULY + 11 * DAY).sent
    assert main(["alerts", "--all", "--json"]) == 0
    listed = {a["id"]: a for a in json.loads(capsys.readouterr().out)}
    assert listed[weather.id]["state"] == "resolved"
    assert len({m["Message-ID"] for m in postman.taken}) == len(postman.taken)

    from gristmill.registry import Registry

    ledger = Registry(world.project).ledger
    events = [(e.detail["about"], e.detail["event"]) for e in ledger.entries(MODEL, action="alert")]
    journal = read_journal(journal_path(world.project, MODEL))
    assert sorted(events) == sorted((r["id"], r["event"]) for r in journal if r["event"] != "seen")
    assert len(events) == len(set(events)) and not ledger.verify()


def test_who_may_and_what_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.settings('[roles]\npromote = ["ada@example.org"]\n')
    world.month(6)
    monitor(world.project, MODEL, now=JULY)
    first = alerts(world.project, MODEL)[0]
    with pytest.raises(Forbidden):
        snooze(world.project, first.id, until="1d", actor="eve@example.org")
    assert acknowledge(world.project, first.id, actor="ada@example.org").acknowledged
    with pytest.raises(NotFound):
        acknowledge(world.project, "feedbeef")
    with pytest.raises(NotFound):
        alerts(world.project, "nobody")
    for until in ("0d", "9999w", JULY):
        with pytest.raises(Invalid):
            snooze(world.project, first.id, until=until, actor="ada@example.org")
    with pytest.raises(Invalid):
        resolve_alert(world.project, first.id, reason=" ", actor="ada@example.org")


def test_many_at_once_lose_nothing(world: World) -> None:
    world.month(6)
    monitor(world.project, MODEL, now=JULY)
    first = alerts(world.project, MODEL)[0]
    before = len(read_journal(journal_path(world.project, MODEL)))
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(acknowledge, world.project, first.id) for _ in range(12)]
        assert all(d.result().acknowledged for d in done)
    with writing(world.project, MODEL) as path:
        assert len(read_journal(path)) == before + 12


def test_what_is_told_is_decided_from_values_alone() -> None:
    opened = next_records(MODEL, [], [window(4, "drift")], 1, JULY, owner=["ops@example.org"])
    late = next_records(MODEL, opened, [window(4, "drift")], 1, JULY + 2 * DAY, 2 * DAY)
    assert [r["event"] for r in late] == ["escalated"]
    assert not next_records(MODEL, [*opened, *late], [], 1, JULY + 9 * DAY, 2 * DAY)
    (alert,) = fold([*opened, *late]).values()
    keys = [m.key.split("/")[1] for m in alert_messages(MODEL, "", [alert], [], JULY)]
    assert keys == ["opened", "escalated"]


def test_each_kind_of_receiver_gets_what_it_understands(monkeypatch: pytest.MonkeyPatch) -> None:
    def message(key: str, **more: Any) -> Message:
        return Message(
            key, "warning", f"about {key}", {"key": key, "model": "m"}, "trouble", **more
        )

    two = [message("a"), message("b")]
    assert payload(Route("s", kind="slack"), two, "")["text"] == "about a\nabout b"
    card = payload(Route("t", kind="teams"), two, "")["attachments"][0]["content"]
    assert [b["text"] for b in card["body"]] == ["about a", "about b"]
    page = payload(Route("p", kind="pagerduty"), [message("c", over=True)], "key")
    assert (page["event_action"], page["dedup_key"], page["routing_key"]) == (
        "resolve",
        "trouble",
        "key",
    )
    route = Route("mail", "SMTP_URL", kind="email")
    assert "has no receiver" in send_all(route, two)[0].problem
    monkeypatch.setenv("SMTP_URL", "smtp://127.0.0.1:9")
    deliveries = send_all(route, [message("a", owners=("ops@example.org",))])
    assert "did not take it" in deliveries[0].problem
