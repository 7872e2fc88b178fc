"""The ledger in an SQLite file: the default, for one machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from gristmill.errors import Unavailable
from gristmill.registry._ledger.sql import Rows

PATIENCE = 60.0
SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
  seq INTEGER PRIMARY KEY,
  body TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  signature TEXT NOT NULL,
  model TEXT GENERATED ALWAYS AS (json_extract(body, '$.model')) VIRTUAL,
  action TEXT GENERATED ALWAYS AS (json_extract(body, '$.action')) VIRTUAL,
  version INTEGER GENERATED ALWAYS AS (json_extract(body, '$.version')) VIRTUAL,
  alias TEXT GENERATED ALWAYS AS (json_extract(body, '$.alias')) VIRTUAL);
CREATE INDEX IF NOT EXISTS entry_model ON entry (model, action, version);
CREATE INDEX IF NOT EXISTS entry_move ON entry (model, alias, seq) WHERE alias IS NOT NULL;
CREATE INDEX IF NOT EXISTS entry_actor ON entry (json_extract(body, '$.actor'), seq);
CREATE TABLE IF NOT EXISTS document (digest TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS intent (location TEXT PRIMARY KEY, draft TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS projection (
  model TEXT, alias TEXT, seq INTEGER NOT NULL, PRIMARY KEY (model, alias));
CREATE TABLE IF NOT EXISTS delivery (route TEXT, message TEXT, PRIMARY KEY (route, message));
CREATE TRIGGER IF NOT EXISTS entry_kept BEFORE DELETE ON entry
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS entry_fixed BEFORE UPDATE ON entry
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""


class SqliteConnection:
    """A transaction on an SQLite ledger."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, query: str, values: Sequence[Any] = ()) -> Rows:
        return self._connection.execute(query, values)

    def field(self, name: str) -> str:
        return f"json_extract(body, '$.{name}')"

    def now(self) -> datetime | None:
        """None: the machine's clock is the only one."""
        return None


class SqliteStore:
    """The file `path`, which the first entry creates."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def writing(self) -> Iterator[SqliteConnection]:
        """A transaction under the write lock. Raises Unavailable when it is kept for a minute."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(self._connect()) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                raise Unavailable(
                    "ledger.busy",
                    f"{self.path}: {error}.",
                    hint="Try again if another process is writing the ledger; else check that the "
                    "disk is writable.",
                ) from error
            try:
                for statement in _statements(SCHEMA):
                    connection.execute(statement)
                yield SqliteConnection(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[SqliteConnection | None]:
        """A connection to read from, None while no entry was ever written."""
        if not self.path.exists():
            yield None
            return
        try:
            with closing(self._connect()) as connection:
                ready = connection.execute(
                    "SELECT 1 FROM sqlite_master WHERE name = 'projection'"
                ).fetchone()
                yield SqliteConnection(connection) if ready else None
        except sqlite3.DatabaseError as error:
            raise Unavailable(
                "ledger.unreadable",
                f"{self.path}: {error}.",
                hint="It is damaged, or no ledger of this version: restore it from a backup.",
            ) from error

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)


def _statements(script: str) -> Iterator[str]:
    """Single statements of a script: sqlite3's executescript would commit the transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
