"""Altered files, an edited ledger, moves behind its back, crashes between any two writes."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from gristmill.errors import Conflict, Forbidden, Unavailable
from gristmill.project import Project
from gristmill.registry import Registry, audit, gate, promote, register
from gristmill.registry import champion as champion_promotion
from gristmill.registry._ledger.chain import Draft, canonical, sha256
from gristmill.registry._ledger.ledger import Ledger
from gristmill.registry._ledger.postgres import PostgresConnection, PostgresStore
from gristmill.registry._ledger.sql import Connection, Store
from gristmill.registry._ledger.sqlite import SqliteConnection, SqliteStore
from gristmill.serving._served_model import ServedModel
from gristmill.serving._settings import published

from ..postgres import Server
from .conftest import Models, fails_with, lineage, put, store_at


def champion(project: Project, models: Models) -> int:
    put(project, models.weak)
    number = register(project, "delay", lineage=lineage()).version
    gate(project, "delay", number)
    promote(project, "delay", number, reason="first")
    return number


def messages(project: Project) -> str:
    return "\n".join(p.message for p in audit(project).problems)


@pytest.mark.parametrize("where", ["store", "copy"])
def test_a_swapped_model_file_does_not_load(project: Project, models: Models, where: str) -> None:
    champion(project, models)
    registry = Registry(project)
    version = registry.version("delay", "champion")
    copy = registry.fetch(version)
    folder = copy
    if where == "store":
        shutil.rmtree(copy)
        folder = next((project.state / "artifacts").rglob("MLmodel")).parent
    for file in models.strong.iterdir():
        shutil.copy(file, folder / file.name)
    with fails_with("model.altered"):
        registry.load(version)
    with pytest.raises(Forbidden):
        promote(project, "delay", version.version, alias="x", reason="r", override=True)


def test_an_added_file_and_a_link_are_noticed(project: Project, models: Models) -> None:
    champion(project, models)
    registry = Registry(project)
    copy = registry.fetch(registry.version("delay", 1))
    (copy / "sitecustomize.py").write_text("print('hello')")
    with pytest.raises(Forbidden):
        registry.fetch(registry.version("delay", 1))


def chain(store: Store, entries: int = 5) -> Ledger:
    ledger = Ledger(store)
    for number in range(1, entries + 1):
        with ledger.writing() as writer:
            writer.append(
                Draft("promote", "m", "ada", version=number, alias="champion", after=number)
            )
    return ledger


@contextmanager
def administrator(store: SqliteStore | PostgresStore) -> Iterator[Connection]:
    """Somebody with all rights on the database and without anybody's key."""
    if isinstance(store, SqliteStore):
        with closing(sqlite3.connect(store.path)) as db, db:
            yield SqliteConnection(db)
    else:
        with psycopg.connect(store._url, autocommit=True) as db:
            yield PostgresConnection(db)


def edit(db: Connection) -> None:
    db.execute("UPDATE entry SET body = replace(body, 'ada', 'eve') WHERE seq = 3")


def edit_and_rehash(db: Connection) -> None:
    """What an attacker without keys can do: mend every hash from the edited entry on."""
    prev = None
    for seq, body in list(db.execute("SELECT seq, body FROM entry ORDER BY seq")):
        record = json.loads(body)
        if seq == 3:
            record["reason"] = "looks fine"
        if prev and seq > 3:
            record["prev"] = prev
        text = canonical(record)
        prev = sha256(text)
        db.execute("UPDATE entry SET body = ?, hash = ? WHERE seq = ?", (text, prev, seq))


def remove(db: Connection) -> None:
    db.execute("DELETE FROM entry WHERE seq = 2")


def remove_and_renumber(db: Connection) -> None:
    db.execute("DELETE FROM entry WHERE seq = 2")
    db.execute("UPDATE entry SET seq = seq - 1 WHERE seq > 2")


def swap(db: Connection) -> None:
    db.execute("UPDATE entry SET seq = 99 WHERE seq = 2")
    db.execute("UPDATE entry SET seq = 2 WHERE seq = 3")
    db.execute("UPDATE entry SET seq = 3 WHERE seq = 99")


def unsign(db: Connection) -> None:
    db.execute("UPDATE entry SET signature = '' WHERE seq = 4")


@pytest.mark.parametrize(
    "attack", [edit, edit_and_rehash, remove, remove_and_renumber, swap, unsign]
)
def test_tampering_with_the_chain_shows(
    tmp_path: Path, ledger_url: str, attack: Callable[[Connection], None]
) -> None:
    store = store_at(ledger_url, tmp_path)
    ledger = chain(store)
    assert ledger.verify() == []
    refusals = (sqlite3.IntegrityError, psycopg.errors.RaiseException)
    with pytest.raises(refusals, match="append-only"), administrator(store) as db:
        attack(db)
    on = " ON entry" if isinstance(store, PostgresStore) else ""
    with administrator(store) as db:
        db.execute(f"DROP TRIGGER entry_kept{on}")
        db.execute(f"DROP TRIGGER entry_fixed{on}")
        attack(db)
    assert ledger.verify() != []


def test_another_key_cannot_sign_for_an_actor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRISTMILL_KEYS", str(tmp_path / "keys"))
    store = SqliteStore(tmp_path / "ledger.db")
    ledger = chain(store)
    monkeypatch.setenv("GRISTMILL_KEYS", str(tmp_path / "other"))
    with fails_with("key.unknown"):
        chain(store, 1)
    assert len(ledger.entries()) == 5


def test_the_clock_set_back_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRISTMILL_KEYS", str(tmp_path / "keys"))
    store = SqliteStore(tmp_path / "ledger.db")
    ledger = chain(store)
    for back, fine in ((timedelta(seconds=20), True), (timedelta(hours=1), False)):
        late = Ledger(store, clock=lambda back=back: datetime.now(UTC) - back)
        if fine:
            with late.writing() as writer:
                writer.append(Draft("gate", "m", "ada"))
        else:
            with pytest.raises(Conflict, match="clock"), late.writing() as writer:
                writer.append(Draft("gate", "m", "ada"))
    times = [e.at for e in ledger.entries()]
    assert times == sorted(times)
    assert ledger.verify() == []


def test_on_postgresql_no_machine_s_clock_counts(
    tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRISTMILL_KEYS", str(tmp_path / "keys"))
    store = PostgresStore(postgres.database())
    for clock in (datetime(2001, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)):
        with Ledger(store, clock=lambda clock=clock: clock).writing() as writer:
            written = writer.append(Draft("gate", "m", "ada")).at
        assert abs(written - datetime.now(UTC)) < timedelta(seconds=30)


def test_the_ledger_comes_back_when_postgresql_does(
    tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRISTMILL_KEYS", str(tmp_path / "keys"))
    ledger = chain(PostgresStore(postgres.database()), 2)
    with pytest.raises(Unavailable, match="repeating"), ledger.writing() as writer:
        writer.append(Draft("gate", "m", "ada"))
        postgres.stop()
    threading.Timer(1.0, postgres.start).start()
    assert len(ledger.entries()) == 2
    with ledger.writing() as writer:
        writer.append(Draft("gate", "m", "ada"))
    assert [e.seq for e in ledger.entries()] == [1, 2, 3]
    assert ledger.verify() == []


def test_an_alias_moved_in_mlflow_is_reported_and_not_believed(
    project: Project, models: Models
) -> None:
    champion(project, models)
    put(project, models.noise)
    second = register(project, "delay", lineage=lineage()).version
    registry = Registry(project)
    registry.client.set_registered_model_alias("delay", "champion", str(second))
    assert registry.version("delay", "champion").version == 1
    assert "moved outside Gristmill" in messages(project)


def test_an_edited_promotion_is_not_followed(project: Project, models: Models) -> None:
    """Neither served nor loaded nor rolled back to; what the alias named before goes on serving."""
    champion(project, models)
    put(project, models.noise)
    register(project, "delay", lineage=lineage())
    following = ServedModel(project, "delay", published(project, "delay"))
    following.start()
    with closing(sqlite3.connect(project.state / "ledger.db")) as db, db:
        db.execute("DROP TRIGGER entry_fixed")
        db.execute(
            "UPDATE entry SET body = replace(body, '\"to\":1', '\"to\":2') "
            'WHERE body LIKE \'%"action":"promote"%\''
        )
    assert Registry(project).ledger.aliases("delay") == {"champion": 2}
    for ask in (Registry(project).version, lambda m, _: champion_promotion(project, m)):
        with fails_with("ledger.forged"):
            ask("delay", "champion")
    following.refresh(0.0)
    assert following.current().version == 1
    assert following.state.problem is not None
    assert "signed" in following.state.problem["message"]


def test_cutting_the_end_of_the_ledger_shows_against_mlflow(
    project: Project, models: Models
) -> None:
    champion(project, models)
    with closing(sqlite3.connect(project.state / "ledger.db")) as db, db:
        db.execute("DROP TRIGGER entry_kept")
        db.execute("DELETE FROM entry WHERE seq = (SELECT MAX(seq) FROM entry)")
    assert Registry(project).ledger.verify() == []
    assert "cut off or rewritten" in messages(project)


def test_history_survives_deletion_in_mlflow(project: Project, models: Models) -> None:
    champion(project, models)
    registry = Registry(project)
    registry.client.delete_registered_model("delay")
    kept = champion_promotion(project, "delay")
    assert kept is not None
    assert kept.metrics["roc_auc"] == 0.8
    assert "MLflow no longer has the model 'delay'" in messages(project)


@pytest.mark.kill
@pytest.mark.parametrize(
    ("verb", "ledger_url"),
    [
        ("register", "sqlite"),
        ("promote", "sqlite"),
        ("promote", "postgresql"),
        ("rollback", "sqlite"),
    ],
    indirect=["ledger_url"],
)
def test_a_crash_between_any_two_writes_is_mended(
    project: Project, models: Models, verb: str, ledger_url: str
) -> None:
    """Either it happened or it did not; what was left is finished; doing it again is safe."""
    remote = ledger_url.startswith("postgres")
    champion(project, models)
    if verb != "register":
        put(project, models.strong)
        register(project, "delay", lineage=lineage("second"))
    if verb == "rollback":
        promote(project, "delay", 2, reason="r", override=True)
    command = [sys.executable, "-m", "tests.registry.crashing", str(project.root), verb]
    done = subprocess.run(
        command + (ledger_url.rsplit("/", 1) if remote else []),
        check=False,
        cwd=Path(__file__).parents[2],
        timeout=600,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    attempts = [json.loads(line) for line in done.stdout.splitlines()]
    assert [a["died"] for a in attempts] == [True] * (len(attempts) - 1) + [False]
    assert len(attempts) > (8 if verb == "register" else 4), done.stderr
    before, after = {"register": (1, 1), "promote": (1, 2), "rollback": (2, 1)}[verb]
    for attempt in attempts:
        result = attempt["outcome"]
        assert result["problems"] == [], done.stderr
        assert result["aliases"] == result["mlflow"]
        assert result["aliases"]["champion"] in (before, after)
        assert result["then"]["champion"] == after
        assert result["then"]["versions"] == 2
    assert attempts[0]["outcome"]["aliases"]["champion"] == before
    assert attempts[-1]["outcome"]["aliases"]["champion"] == after
