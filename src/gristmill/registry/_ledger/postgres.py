"""The ledger in PostgreSQL: for a team on many machines.

One writer at a time holds an advisory lock, which the server frees when the writer dies. Entries
take the server's time, so no client's clock counts. A connection is opened for each transaction and
tried again while the server restarts. Give users SELECT and INSERT on `entry` and `document`, and
everything on `intent`,
`projection` and `delivery`; whoever owns the tables creates them with the first entry.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gristmill.errors import Unavailable
from gristmill.registry._ledger.sql import Rows

if TYPE_CHECKING:
    import psycopg

LOCK = 0x67726973746D696C  # "gristmil"
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
PASSING = {None, "57P01", "57P02", "57P03", "53300", "08006", "08001"}
SCHEMA = """
CREATE TABLE entry (
  seq INTEGER PRIMARY KEY,
  body TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  signature TEXT NOT NULL,
  model TEXT GENERATED ALWAYS AS (body::jsonb ->> 'model') STORED,
  action TEXT GENERATED ALWAYS AS (body::jsonb ->> 'action') STORED,
  version INTEGER GENERATED ALWAYS AS ((body::jsonb ->> 'version')::integer) STORED,
  alias TEXT GENERATED ALWAYS AS (body::jsonb ->> 'alias') STORED);
CREATE INDEX entry_model ON entry (model, action, version);
CREATE INDEX entry_move ON entry (model, alias, seq) WHERE alias IS NOT NULL;
CREATE INDEX entry_actor ON entry ((body::jsonb ->> 'actor'), seq);
CREATE TABLE document (digest TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE intent (location TEXT PRIMARY KEY, draft TEXT NOT NULL);
CREATE TABLE projection (model TEXT, alias TEXT, seq INTEGER NOT NULL, PRIMARY KEY (model, alias));
CREATE TABLE delivery (route TEXT, message TEXT, PRIMARY KEY (route, message));
CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE TRIGGER entry_kept BEFORE DELETE OR TRUNCATE ON entry
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER entry_fixed BEFORE UPDATE ON entry
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
"""
WRITE = """
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL lock_timeout = '60s';
SET LOCAL idle_in_transaction_session_timeout = '300s';
"""


class PostgresConnection:
    """A transaction on a PostgreSQL ledger."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, query: str, values: Sequence[Any] = ()) -> Rows:
        text: Any = query.replace("?", "%s")
        return self._connection.execute(text, values or None)

    def field(self, name: str) -> str:
        return f"(body::jsonb ->> '{name}')"

    def now(self) -> datetime | None:
        row = self.execute("SELECT clock_timestamp()").fetchone()
        return None if row is None else row[0].astimezone(UTC)

    def ready(self) -> bool:
        row = self.execute("SELECT to_regclass('projection')").fetchone()
        return row is not None and row[0] is not None


class PostgresStore:
    """The database at `url` (`postgresql://...`), in the first schema of its search path."""

    def __init__(self, url: str) -> None:
        self._url = url
        parts = urlsplit(url)
        self.name = f"{parts.hostname or 'localhost'}{parts.path}"

    @contextmanager
    def writing(self) -> Iterator[PostgresConnection]:
        """A transaction under the advisory lock. Raises Unavailable when it is not to be had."""
        import psycopg

        inner = None
        try:
            with self._connect() as opened:
                inner = PostgresConnection(opened)
                inner.execute(WRITE)
                inner.execute("SELECT pg_advisory_xact_lock(?)", (LOCK,))
                if not inner.ready():
                    inner.execute(SCHEMA)
                yield inner
                opened.execute("COMMIT")
        except psycopg.errors.LockNotAvailable as error:
            raise Unavailable(
                "ledger.busy",
                f"{self.name}: another process has been writing the ledger for a minute.",
                hint="Try again; pg_stat_activity shows which process it is.",
            ) from error
        except psycopg.Error as error:
            raise self._unreadable(error) from error

    @contextmanager
    def reading(self) -> Iterator[PostgresConnection | None]:
        """One snapshot to read from, None while no entry was ever written."""
        import psycopg

        try:
            with self._connect() as opened:
                opened.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                inner = PostgresConnection(opened)
                yield inner if inner.ready() else None
        except psycopg.Error as error:
            raise self._unreadable(error) from error

    @contextmanager
    def _connect(self) -> Iterator[psycopg.Connection[Any]]:
        """An open connection; closing it undoes what was not committed. Waits for a restart."""
        try:
            import psycopg
        except ImportError as error:
            raise Unavailable(
                "ledger.driver",
                "psycopg, which a ledger in PostgreSQL needs, is not installed.",
                hint='pip install "gristmill[postgres]"',
            ) from error
        for pause in (*PAUSES, None):
            try:
                opened = psycopg.connect(self._url, autocommit=True, connect_timeout=10)
                break
            except psycopg.OperationalError as error:
                if pause is None or error.sqlstate not in PASSING:
                    raise
                time.sleep(pause)
        try:
            yield opened
        finally:
            opened.close()

    def _unreadable(self, error: psycopg.Error) -> Unavailable:
        return Unavailable(
            "ledger.unreadable",
            f"{self.name}: {str(error).strip()}",
            hint="If an entry was being written, `gristmill audit log` shows whether it was; "
            "repeating the command is safe.",
        )
