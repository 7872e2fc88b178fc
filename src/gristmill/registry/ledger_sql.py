"""The ledger's tables and the queries on them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from gristmill.registry.chain import Entry, Problem, check_chain, entry_of

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
CREATE TRIGGER IF NOT EXISTS entry_kept BEFORE DELETE ON entry
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS entry_fixed BEFORE UPDATE ON entry
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
"""


def statements(script: str) -> Iterator[str]:
    """Single statements of a script: sqlite3's executescript would commit the transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def select(connection: sqlite3.Connection, rest: str, values: Any = ()) -> list[Entry]:
    """Entries that `rest`, which is never input, picks with `values`."""
    query = f"SELECT body, hash, signature FROM entry {rest}"  # noqa: S608 - `rest` is never input
    return [entry_of(*row) for row in connection.execute(query, values)]


def moves_of(connection: sqlite3.Connection, model: str, alias: str) -> list[Entry]:
    """Moves of an alias, oldest first."""
    return select(
        connection,
        "WHERE model = ? AND alias = ? AND action IN ('promote', 'rollback') ORDER BY seq",
        (model, alias),
    )


def last_move(
    connection: sqlite3.Connection, model: str, alias: str, at: datetime | None = None
) -> Entry | None:
    """The last move of an alias, up to the aware time `at` when given; None without one."""
    entries = (
        entry_of(*row)
        for row in connection.execute(
            "SELECT body, hash, signature FROM entry WHERE model = ? AND alias = ? "
            "AND action IN ('promote', 'rollback') ORDER BY seq DESC",
            (model, alias),
        )
    )
    return next((e for e in entries if at is None or e.at <= at), None)


def held_aliases(connection: sqlite3.Connection, model: str) -> dict[str, int]:
    """Alias to version, of the last move of each alias."""
    rows = connection.execute(
        "SELECT alias, json_extract(body, '$.to') FROM entry WHERE seq IN (SELECT MAX(seq) FROM "
        "entry WHERE model = ? AND alias IS NOT NULL AND action IN ('promote', 'rollback') "
        "GROUP BY alias)",
        (model,),
    )
    return {alias: version for alias, version in rows if version}


def first_key(connection: sqlite3.Connection, actor: str) -> tuple[str, ...]:
    row = connection.execute(
        "SELECT json_extract(body, '$.key') FROM entry "
        "WHERE json_extract(body, '$.actor') = ? ORDER BY seq LIMIT 1",
        (actor,),
    ).fetchone()
    return tuple(row or ())


def pending(connection: sqlite3.Connection) -> list[Entry]:
    return select(
        connection,
        "WHERE seq IN (SELECT MAX(e.seq) FROM entry e LEFT JOIN projection p "
        "ON p.model = e.model AND p.alias = e.alias WHERE e.action IN ('promote', 'rollback') "
        "GROUP BY e.model, e.alias HAVING MAX(e.seq) > COALESCE(MAX(p.seq), 0)) ORDER BY seq",
    )


def verify(connection: sqlite3.Connection, trusted: Mapping[str, Sequence[str]]) -> list[Problem]:
    rows = connection.execute("SELECT seq, body, hash, signature FROM entry ORDER BY seq")
    documents = dict(connection.execute("SELECT digest, text FROM document"))
    return check_chain(rows, documents, trusted)
