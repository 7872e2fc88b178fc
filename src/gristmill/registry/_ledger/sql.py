"""The queries on the ledger's tables, in the SQL that SQLite and PostgreSQL share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

from gristmill.registry._ledger.chain import Entry, Problem, check_chain, entry_of

MOVES = ("promote", "rollback")


class Rows(Protocol):
    """The result of a query."""

    def fetchone(self) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A transaction. Placeholders are `?`; `field` is a value in an entry's body, as SQL."""

    def execute(self, query: str, values: Sequence[Any] = ()) -> Rows: ...
    def field(self, name: str) -> str: ...
    def now(self) -> datetime | None: ...


class Store(Protocol):
    """Where the ledger is kept: one writer at a time, readers undisturbed."""

    def writing(self) -> AbstractContextManager[Connection]: ...
    def reading(self) -> AbstractContextManager[Connection | None]: ...


def select(connection: Connection, rest: str, values: Sequence[Any] = ()) -> list[Entry]:
    """Entries that `rest`, which is never input, picks with `values`."""
    query = f"SELECT body, hash, signature FROM entry {rest}"  # noqa: S608 - `rest` is never input
    return [entry_of(*row) for row in connection.execute(query, values)]


def moves_of(connection: Connection, model: str, alias: str) -> list[Entry]:
    """Moves of an alias, oldest first."""
    return select(
        connection,
        "WHERE model = ? AND alias = ? AND action IN ('promote', 'rollback') ORDER BY seq",
        (model, alias),
    )


def last_move(
    connection: Connection, model: str, alias: str, at: datetime | None = None
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


def aliases_by_model(connection: Connection, model: str | None) -> dict[str, dict[str, int]]:
    """Alias to version of each model, or of one, by the last move of each alias."""
    moves = select(
        connection,
        "WHERE seq IN (SELECT MAX(seq) FROM entry WHERE model = COALESCE(?, model) "
        "AND alias IS NOT NULL AND action IN ('promote', 'rollback') "
        "GROUP BY model, alias) ORDER BY seq",
        (model,),
    )
    aliases: dict[str, dict[str, int]] = {}
    for move in moves:
        if move.alias and move.after:
            aliases.setdefault(move.model, {})[move.alias] = move.after
    return aliases


def first_key(connection: Connection, actor: str) -> tuple[str, ...]:
    """The key of the actor's first entry, if any."""
    entries = select(
        connection, f"WHERE {connection.field('actor')} = ? ORDER BY seq LIMIT 1", (actor,)
    )
    return tuple(e.key for e in entries)


def documented(
    connection: Connection, model: str | None, action: str, version: int | None
) -> list[tuple[Entry, str]]:
    """Entries with their documents; entries without one are left out."""
    rows = connection.execute(
        "SELECT body, hash, signature, text FROM entry JOIN document "  # noqa: S608
        f"ON digest = {connection.field('evidence')} WHERE model = COALESCE(?, model) "
        "AND action = ? AND version = COALESCE(?, version) ORDER BY seq",
        (model, action, version),
    )
    return [(entry_of(*row[:3]), row[3]) for row in rows]


def pending(connection: Connection) -> list[Entry]:
    """The last move of each alias, where MLflow has not got it yet."""
    return select(
        connection,
        "WHERE seq IN (SELECT MAX(e.seq) FROM entry e LEFT JOIN projection p "
        "ON p.model = e.model AND p.alias = e.alias WHERE e.action IN ('promote', 'rollback') "
        "GROUP BY e.model, e.alias HAVING MAX(e.seq) > COALESCE(MAX(p.seq), 0)) ORDER BY seq",
    )


def verify(connection: Connection, trusted: Mapping[str, Sequence[str]]) -> list[Problem]:
    """Every break of the chain, from all rows and documents."""
    rows = connection.execute("SELECT seq, body, hash, signature FROM entry ORDER BY seq")
    documents = dict(iter(connection.execute("SELECT digest, text FROM document")))
    return check_chain(rows, documents, trusted)
