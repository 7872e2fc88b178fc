"""A new MLflow database is a copy of an empty one that was migrated once."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gristmill.tracking import _database as database


def place(path: Path) -> str:
    with closing(sqlite3.connect(path)) as opened:
        assert opened.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        (location,) = opened.execute("SELECT artifact_location FROM experiments").fetchone()
    return str(location)


def test_it_is_migrated_once_and_a_home_without_room_only_costs_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = tmp_path / "a" / "mlflow.db"
    database.create(first)
    (kept,) = (tmp_path / "cache" / "gristmill").iterdir()

    migrated: list[Path] = []
    monkeypatch.setattr(database, "_migrate", migrated.append)
    second = tmp_path / "b" / "mlflow.db"
    database.create(second)
    assert migrated == []
    for path in (first, second):
        assert place(path) == f"{(path.parent / 'artifacts').as_uri()}/0"
        assert list(path.parent.iterdir()) == [path]

    monkeypatch.setattr(database, "_migrate", lambda path: shutil.copyfile(kept, path))
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    third = tmp_path / "c" / "mlflow.db"
    database.create(third)
    assert place(third) == f"{(third.parent / 'artifacts').as_uri()}/0"
