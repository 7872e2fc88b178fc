"""Altered files, an edited ledger, moves behind its back, crashes between any two writes."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gristmill.errors import Conflict, Forbidden
from gristmill.project import Project
from gristmill.registry import promotion
from gristmill.registry.audit import audit
from gristmill.registry.chain import Draft, canonical, sha256
from gristmill.registry.ledger import Ledger
from gristmill.registry.mlflow_store import aliases
from gristmill.registry.store import Registry

from .conftest import Models, lineage, put


def champion(project: Project, models: Models) -> int:
    put(project, models.weak)
    number = promotion.register(project, "delay", lineage=lineage()).version
    promotion.gate(project, "delay", number)
    promotion.promote(project, "delay", number, reason="first")
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
    with pytest.raises(Forbidden, match="not those that were registered"):
        registry.load(version)
    with pytest.raises(Forbidden):
        promotion.promote(project, "delay", version.version, alias="x", reason="r", override=True)


def test_an_added_file_and_a_link_are_noticed(project: Project, models: Models) -> None:
    champion(project, models)
    registry = Registry(project)
    copy = registry.fetch(registry.version("delay", 1))
    (copy / "sitecustomize.py").write_text("print('hello')")
    with pytest.raises(Forbidden):
        registry.fetch(registry.version("delay", 1))


def chain(path: Path, entries: int = 5) -> Ledger:
    ledger = Ledger(path)
    for number in range(1, entries + 1):
        with ledger.writing() as writer:
            writer.append(
                Draft("promote", "m", "ada", version=number, alias="champion", after=number)
            )
    return ledger


def edit(db: sqlite3.Connection) -> None:
    db.execute("UPDATE entry SET body = replace(body, 'ada', 'eve') WHERE seq = 3")


def edit_and_rehash(db: sqlite3.Connection) -> None:
    """What an attacker without keys can do: mend every hash from the edited entry on."""
    prev = None
    for seq, body in db.execute("SELECT seq, body FROM entry ORDER BY seq").fetchall():
        import json

        record = json.loads(body)
        if seq == 3:
            record["reason"] = "looks fine"
        if prev and seq > 3:
            record["prev"] = prev
        text = canonical(record)
        prev = sha256(text)
        db.execute("UPDATE entry SET body = ?, hash = ? WHERE seq = ?", (text, prev, seq))


def remove(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM entry WHERE seq = 2")


def remove_and_renumber(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM entry WHERE seq = 2")
    db.execute("UPDATE entry SET seq = seq - 1 WHERE seq > 2")


def swap(db: sqlite3.Connection) -> None:
    db.execute("UPDATE entry SET seq = 99 WHERE seq = 2")
    db.execute("UPDATE entry SET seq = 2 WHERE seq = 3")
    db.execute("UPDATE entry SET seq = 3 WHERE seq = 99")


def unsign(db: sqlite3.Connection) -> None:
    db.execute("UPDATE entry SET signature = '' WHERE seq = 4")


@pytest.mark.parametrize(
    "attack", [edit, edit_and_rehash, remove, remove_and_renumber, swap, unsign]
)
def test_tampering_with_the_chain_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attack: Callable[[sqlite3.Connection], None]
) -> None:
    monkeypatch.setenv("GRISTMILL_KEYS", str(tmp_path / "keys"))
    ledger = chain(tmp_path / "ledger.db")
    assert ledger.verify() == []
    with closing(sqlite3.connect(ledger.path)) as db, db:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            attack(db)
        db.execute("DROP TRIGGER entry_kept")
        db.execute("DROP TRIGGER entry_fixed")
        attack(db)
    assert ledger.verify() != []


def test_another_key_cannot_sign_for_an_actor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRISTMILL_KEYS", str(tmp_path / "keys"))
    ledger = chain(tmp_path / "ledger.db")
    monkeypatch.setenv("GRISTMILL_KEYS", str(tmp_path / "other"))
    with pytest.raises(Forbidden, match="not one that ada signs with"):
        chain(ledger.path, 1)
    assert len(ledger.entries()) == 5


def test_the_clock_set_back_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRISTMILL_KEYS", str(tmp_path / "keys"))
    chain(tmp_path / "ledger.db")
    for back, fine in ((timedelta(seconds=20), True), (timedelta(hours=1), False)):
        late = Ledger(tmp_path / "ledger.db", clock=lambda back=back: datetime.now(UTC) - back)
        if fine:
            with late.writing() as writer:
                writer.append(Draft("gate", "m", "ada"))
        else:
            with pytest.raises(Conflict, match="clock"), late.writing() as writer:
                writer.append(Draft("gate", "m", "ada"))
    times = [e.at for e in Ledger(tmp_path / "ledger.db").entries()]
    assert times == sorted(times)
    assert Ledger(tmp_path / "ledger.db").verify() == []


def test_an_alias_moved_in_mlflow_is_reported_and_not_believed(
    project: Project, models: Models
) -> None:
    champion(project, models)
    put(project, models.noise)
    second = promotion.register(project, "delay", lineage=lineage()).version
    registry = Registry(project)
    registry.client.set_registered_model_alias("delay", "champion", str(second))
    assert registry.version("delay", "champion").version == 1
    assert "moved outside Gristmill" in messages(project)


def test_cutting_the_end_of_the_ledger_shows_against_mlflow(
    project: Project, models: Models
) -> None:
    champion(project, models)
    with closing(sqlite3.connect(project.state / "ledger.db")) as db, db:
        db.execute("DROP TRIGGER entry_kept")
        db.execute("DELETE FROM entry WHERE seq = (SELECT MAX(seq) FROM entry)")
    assert Registry(project).ledger.verify() == []
    assert "was cut or remade" in messages(project)


def test_history_survives_deletion_in_mlflow(project: Project, models: Models) -> None:
    champion(project, models)
    registry = Registry(project)
    registry.client.delete_registered_model("delay")
    kept = promotion.champion(project, "delay")
    assert kept is not None
    assert kept.metrics["roc_auc"] == 0.8
    assert "MLflow has no model 'delay' any more" in messages(project)


CRASHES = {
    "before the alias": "store.set_alias = lambda *a: die()",
    "between alias and mark": "store.Registry._anchor = lambda self, entry: die()",
    "before the commit": (
        "old = ledger.Writer.append\n"
        "ledger.Writer.append = lambda self, draft: (old(self, draft), die())"
    ),
}


def crash(project: Project, patch: str, call: str) -> None:
    code = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from gristmill.project import Project\n"
        "from gristmill.registry import ledger, promotion, store\n"
        "from tests.registry.conftest import lineage\n"
        "def die():\n    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"{patch}\nproject = Project.load(Path({str(project.root)!r}))\n{call}\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=root, timeout=120)
    assert done.returncode == -9


@pytest.mark.parametrize("moment", CRASHES)
def test_a_crash_in_a_promotion_is_mended(project: Project, models: Models, moment: str) -> None:
    put(project, models.weak)
    promotion.register(project, "delay", lineage=lineage())
    promotion.gate(project, "delay", 1)
    crash(project, CRASHES[moment], "promotion.promote(project, 'delay', 1, reason='r')")
    registry = Registry(project)
    happened = moment != "before the commit"
    assert registry.ledger.aliases("delay") == ({"champion": 1} if happened else {})
    if moment == "before the alias":
        assert aliases(registry.client, "delay") == {}
    assert messages(project) == ""
    again = promotion.promote(project, "delay", 1, reason="again")
    assert again.changed is not happened
    assert aliases(registry.client, "delay") == {"champion": 1}
    assert messages(project) == ""


@pytest.mark.parametrize("moment", ["before mlflow", "before the ledger"])
def test_a_crash_in_a_registration_is_mended(project: Project, models: Models, moment: str) -> None:
    put(project, models.weak)
    patch = {
        "before mlflow": "store.create_version = lambda *a: die()",
        "before the ledger": "store._enter = lambda *a: die()",
    }[moment]
    call = "promotion.register(project, 'delay', lineage=lineage())"
    crash(project, patch, call)
    assert Registry(project).versions("delay") == []
    assert promotion.register(project, "delay", lineage=lineage()).version == 1
    assert [v.version for v in Registry(project).versions("delay")] == [1]
    assert messages(project) == ""
