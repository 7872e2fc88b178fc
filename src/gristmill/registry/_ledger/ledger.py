"""Who registered, judged and moved which model version, when and why: append-only, hash-chained.

In an SQLite file, or in PostgreSQL by URL. Each entry's `hash` is the sha256 of its body, the actor
signs it, and the body carries the hash of the entry before: an edit, a removal in the middle or a
reordering breaks the chain, and making the chain anew needs everybody's key. Documents (version
records, gate reports) lie beside the entries under their own sha256. The ledger is the truth about
aliases; MLflow's aliases are a projection of it, and `projection` says how far that got.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from gristmill.errors import Conflict, Forbidden, Invalid, NotFound
from gristmill.project import SETTINGS, Project
from gristmill.records import parse_table
from gristmill.registry._ledger import sql
from gristmill.registry._ledger.chain import (
    GENESIS,
    Draft,
    Entry,
    Problem,
    body_of,
    canonical,
    entry_of,
    sha256,
)
from gristmill.registry._ledger.keys import Signer, holds
from gristmill.registry._ledger.keys import signer as load_signer
from gristmill.registry._ledger.postgres import PostgresStore
from gristmill.registry._ledger.sql import Connection, Store
from gristmill.registry._ledger.sqlite import SqliteStore

T = TypeVar("T")
SKEW = timedelta(seconds=60)
URL = "GRISTMILL_LEDGER_URL"


@dataclass(frozen=True)
class LedgerSettings:
    """The `[ledger]` table: `sqlite:///FILE` (relative to the root) or `postgresql://HOST/DB`.

    GRISTMILL_LEDGER_URL overrides it. Passwords belong there or in ~/.pgpass.
    """

    url: str = "sqlite:///.gristmill/ledger.db"


def store_of(project: Project) -> Store:
    """Where the project keeps its ledger. Raises Invalid for an address of another kind."""
    settings = parse_table(LedgerSettings, project.table("ledger"), f"{SETTINGS} [ledger]")
    url = os.environ.get(URL) or settings.url
    scheme, _, rest = url.partition("://")
    if scheme in ("postgresql", "postgres"):
        return PostgresStore(url)
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return SqliteStore(project.root / rest[1:])
    raise Invalid(
        "ledger.url",
        f"the ledger cannot be kept at {scheme}://...",
        hint="sqlite:///FILE or postgresql://USER@HOST/DATABASE.",
    )


def utc_now() -> datetime:
    return datetime.now(UTC)


class Writer:
    """What may be done while the ledger's write lock is held."""

    def __init__(
        self, connection: Connection, now: datetime, trusted: Mapping[str, Sequence[str]]
    ) -> None:
        self._connection = connection
        self._now = now
        self._trusted = trusted

    def holder(self, model: str, alias: str) -> int | None:
        """The version that holds `alias`, None when nobody does."""
        entry = sql.last_move(self._connection, model, alias)
        return entry.after if entry else None

    def moves(self, model: str, alias: str) -> list[Entry]:
        return sql.moves_of(self._connection, model, alias)

    def append(self, draft: Draft) -> Entry:
        """Chain `draft` to the last entry.

        Raises Conflict when the clock is more than a minute behind the last entry's; within that
        minute the entry takes the last entry's time, so that time never runs backwards.
        """
        row = self._connection.execute(
            "SELECT body, hash FROM entry ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        seq, prev, at = 1, GENESIS, self._now
        if row:
            last = json.loads(row[0])
            last_at = datetime.fromisoformat(last["at"])
            if at < last_at - SKEW:
                raise Conflict(
                    "ledger.clock",
                    f"this machine's clock says {at:%Y-%m-%d %H:%M:%S}Z, but the last entry was "
                    f"written at {last_at:%Y-%m-%d %H:%M:%S}Z.",
                    hint="Set the clock; the ledger takes no entry from the past.",
                )
            seq, prev, at = last["seq"] + 1, row[1], max(at, last_at)
        signer = load_signer(draft.actor)
        self._require_key(signer)
        if draft.document is not None:
            self._connection.execute(
                "INSERT INTO document VALUES (?, ?) ON CONFLICT (digest) DO NOTHING",
                (sha256(draft.document), draft.document),
            )
        text = canonical(body_of(draft.entry(seq=seq, at=at, key=signer.public, prev=prev)))
        digest = sha256(text)
        signature = signer.sign(digest)
        self._connection.execute(
            "INSERT INTO entry (seq, body, hash, signature) VALUES (?, ?, ?, ?)",
            (seq, text, digest, signature),
        )
        return entry_of(text, digest, signature)

    def intents(self) -> dict[str, Draft]:
        """Registrations begun and not yet written down, by the location of their files."""
        rows = self._connection.execute("SELECT location, draft FROM intent ORDER BY location")
        return {location: Draft(**json.loads(text)) for location, text in rows}

    def intend(self, location: str, draft: Draft) -> None:
        self._connection.execute(
            "INSERT INTO intent VALUES (?, ?)", (location, canonical(vars(draft)))
        )

    def settle(self, location: str) -> None:
        self._connection.execute("DELETE FROM intent WHERE location = ?", (location,))

    def tell(self, route: str, message: str) -> None:
        """Note that the route was told the message."""
        self._connection.execute(
            "INSERT INTO delivery VALUES (?, ?) ON CONFLICT (route, message) DO NOTHING",
            (route, message),
        )

    def _require_key(self, signer: Signer) -> None:
        keys = self._trusted.get(signer.actor)
        if keys is None:
            keys = sql.first_key(self._connection, signer.actor) or (signer.public,)
        if signer.public not in keys:
            raise Forbidden(
                "key.unknown",
                f"the key here ({signer.public}) is not one that {signer.actor} signs with.",
                hint="Use the first machine's key file, or list both keys under [roles.keys].",
            )


class Ledger:
    """The ledger in `store`, which the first entry creates.

    `trusted` maps actors to their public keys; others are held to the key of their first entry.
    """

    def __init__(
        self,
        store: Store,
        trusted: Mapping[str, Sequence[str]] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.store = store
        self._trusted = trusted or {}
        self._clock = clock

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Hold the write lock; what was appended is durable when the block ends without error.

        Raises Unavailable when another writer keeps the lock for a minute.
        """
        with self.store.writing() as connection:
            yield Writer(connection, connection.now() or self._clock(), self._trusted)

    def project(self, apply: Callable[[Entry], None]) -> int:
        """Call `apply` for the last move of each alias that MLflow has not got yet.

        The write lock is held meanwhile, so an older move never overwrites a newer one. Returns how
        many were applied. `apply` must be repeatable: a crash after it repeats it.
        """
        done = 0
        with self.writing() as writer:
            connection = writer._connection
            for entry in sql.pending(connection):
                apply(entry)
                connection.execute(
                    "INSERT INTO projection VALUES (?, ?, ?) "
                    "ON CONFLICT (model, alias) DO UPDATE SET seq = excluded.seq",
                    (entry.model, entry.alias, entry.seq),
                )
                done += 1
        return done

    def told(self) -> set[tuple[str, str]]:
        """(route, message) of what was delivered."""

        def query(connection: Connection) -> set[tuple[str, str]]:
            return {(r, m) for r, m in connection.execute("SELECT route, message FROM delivery")}

        return self._read(query) or set()

    def unsettled(self) -> bool:
        """Whether a registration was begun and is not yet written down."""
        return bool(self._read(lambda c: c.execute("SELECT 1 FROM intent").fetchone()))

    def behind(self) -> bool:
        """Whether MLflow lacks a move."""
        return bool(self._read(sql.pending))

    def entries(
        self, model: str | None = None, action: str | None = None, version: int | None = None
    ) -> list[Entry]:
        """Entries in order, only those of the given model, action and version."""
        wanted = {"model": model, "action": action, "version": version}
        given = {k: v for k, v in wanted.items() if v is not None}
        where = " AND ".join(f"{k} = ?" for k in given) or "TRUE"
        return (
            self._read(lambda c: sql.select(c, f"WHERE {where} ORDER BY seq", list(given.values())))
            or []
        )

    def documented(
        self, model: str, action: str, version: int | None = None
    ) -> list[tuple[Entry, str]]:
        """As `entries`, each with its document; entries without one are left out."""
        return self._read(lambda c: sql.documented(c, model, action, version)) or []

    def holder(self, model: str, alias: str, at: datetime | None = None) -> Entry | None:
        """The move that gave `alias` to the version holding it now, or at the aware time `at`."""
        return self._read(lambda c: sql.last_move(c, model, alias, at))

    def aliases(self, model: str) -> dict[str, int]:
        """Alias to version, for the aliases that a version holds now."""
        return self._read(lambda c: sql.held_aliases(c, model)) or {}

    def document(self, digest: str) -> str:
        row = self._read(
            lambda c: c.execute("SELECT text FROM document WHERE digest = ?", (digest,)).fetchone()
        )
        if row is None:
            raise NotFound("ledger.document", f"the ledger holds no document {digest[:12]}.")
        return str(row[0])

    def verify(self) -> list[Problem]:
        """Every break of the chain, empty when it holds. Removal of the last entries alone
        shows only against an anchor kept elsewhere (`registry.audit`)."""
        return self._read(lambda c: sql.verify(c, self._trusted)) or []

    def require_sound(self, entry: Entry) -> None:
        """Raises Forbidden unless the entry is as its actor signed it, by a key of theirs."""
        keys: Sequence[str] | None = self._trusted.get(entry.actor)
        if keys is None:
            keys = self._read(lambda c: sql.first_key(c, entry.actor)) or ()
        digest = sha256(canonical(body_of(entry)))
        signed = digest == entry.hash and holds(entry.key, entry.hash, entry.signature)
        if not signed or entry.key not in keys:
            raise Forbidden(
                "ledger.forged",
                f"entry {entry.seq} of the ledger is not as {entry.actor} signed it.",
                hint="`gristmill audit verify` shows what was altered.",
            )

    def _read(self, query: Callable[[Connection], T]) -> T | None:
        """The query's result, None while no entry was ever written."""
        with self.store.reading() as connection:
            return None if connection is None else query(connection)
