"""Who registered, judged and moved which model version, when and why: append-only, hash-chained.

Each entry's `hash` is the sha256 of its body, the actor signs it, and the body carries the hash of
the entry before: an edit, a removal in the middle or a reordering breaks the chain, and making the
chain anew needs everybody's key. Documents (version records, gate reports) are kept beside the
entries under their own sha256. The ledger is the truth about aliases; MLflow's aliases are a
projection of it, and the table `projection` says how far that got.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

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
from gristmill.registry._ledger.names import canonical_actor, require_printable
from gristmill.registry._ledger.postgres import PostgresStore
from gristmill.registry._ledger.sql import Connection, Store
from gristmill.registry._ledger.sqlite import SqliteStore
from gristmill.workspace_trust import require_trust

T = TypeVar("T")
SKEW = timedelta(seconds=60)
URL = "GRISTMILL_LEDGER_URL"


@dataclass(frozen=True)
class LedgerSettings:
    """The `[ledger]` table.

    Attributes
    ----------
    url
        `sqlite:///FILE`, relative to the project's root, or `postgresql://USER@HOST/DATABASE`. The
        environment variable GRISTMILL_LEDGER_URL overrides it; passwords belong there or in
        ~/.pgpass.
    """

    url: str = "sqlite:///.gristmill/ledger.db"


def store_of(project: Project) -> Store:
    """Where the project keeps its ledger. Raises Invalid (`ledger.url`) for another kind of URL,
    Forbidden (`project.untrusted`) for one that leads out of a project that is not trusted."""
    settings = parse_table(LedgerSettings, project.table("ledger"), f"{SETTINGS} [ledger]")
    url = os.environ.get(URL) or settings.url
    scheme, _, rest = url.partition("://")
    if scheme in ("postgresql", "postgres"):
        require_trust(project.root)
        return PostgresStore(url)
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        file = project.root / rest[1:]
        if not file.resolve().is_relative_to(project.root.resolve()):
            require_trust(project.root)
        return SqliteStore(file)
    raise Invalid(
        "ledger.url",
        f"the ledger's URL begins with {scheme}://, which is not supported.",
        hint=f"Set {SETTINGS} [ledger] url, or {URL}, to sqlite:///FILE or "
        "postgresql://USER@HOST/DATABASE.",
    )


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


class LedgerReader(Protocol):
    """Entries to read: of the ledger itself, or of a snapshot of it."""

    def entries(
        self, model: str | None = None, action: str | None = None, version: int | None = None
    ) -> list[Entry]:
        """Entries in order, only those of the given model, action and version."""

    def require_sound(self, entry: Entry) -> None:
        """Raise Forbidden (`ledger.forged`) unless the entry is as its actor signed it."""


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
        """Moves of an alias, oldest first."""
        return sql.moves_of(self._connection, model, alias)

    def append(self, draft: Draft) -> Entry:
        """Chain an entry to the last one.

        Within a minute of the last entry's time the entry takes that time, so that time never runs
        backwards.

        Parameters
        ----------
        draft
            The entry without its place in the chain.

        Returns
        -------
        Entry
            The entry as it was signed and stored.

        Raises
        ------
        Conflict
            `ledger.clock`: the clock is more than a minute behind the last entry's.
        Forbidden
            `key.unknown`: the actor signed with another key before.
        Invalid
            `text.control`: the name or the reason has characters that screens do not show.
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
                    hint="Correct this machine's clock: the ledger accepts no entry from the past.",
                )
            seq, prev, at = last["seq"] + 1, row[1], max(at, last_at)
        require_printable(draft.reason, "The reason")
        draft = replace(draft, actor=canonical_actor(draft.actor))
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

    def note(
        self,
        action: str,
        model: str,
        *,
        actor: str,
        version: int | None,
        reason: str,
        detail: dict[str, Any],
    ) -> Entry:
        """Chain an entry that moves no alias: an alert, a repair.

        Parameters
        ----------
        action, model, actor, version, reason, detail
            As in the entry.

        Raises
        ------
        Conflict, Forbidden
            As `append`.
        """
        return self.append(
            Draft(action, model, actor, version=version, reason=reason, detail=detail)
        )

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

    def note_delivery(self, route: str, message: str) -> None:
        """Note that the route took the message."""
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
                f"{signer.actor} has not signed with this machine's key ({signer.public}) before.",
                hint="Copy the key file from the machine that was used first, or list both keys in "
                f"{SETTINGS} [roles.keys].",
            )


class Ledger:
    """The ledger in a store, which the first entry creates.

    Parameters
    ----------
    store
        Where it is kept.
    trusted
        Public keys by actor; others are held to the key of their first entry.
    clock
        Tells the time where the store has no clock of its own.
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

    def delivered(self) -> set[tuple[str, str]]:
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
        fields = {"model": model, "action": action, "version": version}
        given = {k: v for k, v in fields.items() if v is not None}
        where = " AND ".join(f"{k} = ?" for k in given) or "TRUE"
        return (
            self._read(lambda c: sql.select(c, f"WHERE {where} ORDER BY seq", list(given.values())))
            or []
        )

    def snapshot(self) -> LedgerSnapshot:
        """All entries and version records at one moment, by two queries however many they are."""

        def query(connection: Connection) -> LedgerSnapshot:
            entries = sql.select(connection, "ORDER BY seq")
            registrations = sql.documented(connection, None, "register", None)
            return LedgerSnapshot(entries, registrations, self._trusted)

        return self._read(query) or LedgerSnapshot([], [], self._trusted)

    def documented(
        self, model: str | None, action: str, version: int | None = None
    ) -> list[tuple[Entry, str]]:
        """As `entries`, each with its document; entries without one are left out."""
        return self._read(lambda c: sql.documented(c, model, action, version)) or []

    def holder(self, model: str, alias: str, at: datetime | None = None) -> Entry | None:
        """The move that gave `alias` to the version holding it now, or at the aware time `at`."""
        return self._read(lambda c: sql.last_move(c, model, alias, at))

    def aliases(self, model: str) -> dict[str, int]:
        """Alias to version, for the aliases that a version holds now."""
        return self.aliases_by_model(model).get(model, {})

    def aliases_by_model(self, model: str | None = None) -> dict[str, dict[str, int]]:
        """Alias to version of each model, only of `model` when it is given."""
        return self._read(lambda c: sql.aliases_by_model(c, model)) or {}

    def document(self, digest: str) -> str:
        """The text kept under a digest. Raises NotFound (`ledger.document`)."""
        row = self._read(
            lambda c: c.execute("SELECT text FROM document WHERE digest = ?", (digest,)).fetchone()
        )
        if row is None:
            raise NotFound(
                "ledger.document",
                f"the ledger has no document {digest[:12]}.",
                hint="`gristmill audit verify` shows what is missing; restore a backup.",
            )
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
        _require_signed(entry, keys)

    def _read(self, query: Callable[[Connection], T]) -> T | None:
        """The query's result, None while no entry was ever written."""
        with self.store.reading() as connection:
            return None if connection is None else query(connection)


class LedgerSnapshot:
    """The ledger at one moment, in memory: for views that ask of many versions.

    Parameters
    ----------
    entries
        Every entry, in order.
    registrations
        Entries of registrations, each with the version's record.
    trusted
        Public keys by actor; others are held to the key of their first entry.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        registrations: Sequence[tuple[Entry, str]],
        trusted: Mapping[str, Sequence[str]],
    ) -> None:
        self._by_version: dict[tuple[str, int | None], list[Entry]] = {}
        self._by_model: dict[str, list[Entry]] = {}
        self._keys: dict[str, Sequence[str]] = dict(trusted)
        for entry in entries:
            self._by_model.setdefault(entry.model, []).append(entry)
            self._by_version.setdefault((entry.model, entry.version), []).append(entry)
            self._keys.setdefault(entry.actor, (entry.key,))
        self._entries = entries
        self.registrations = registrations

    def entries(
        self, model: str | None = None, action: str | None = None, version: int | None = None
    ) -> list[Entry]:
        """Entries in order, only those of the given model, action and version."""
        if model is None:
            entries: Sequence[Entry] = self._entries
        elif version is None:
            entries = self._by_model.get(model, ())
        else:
            entries = self._by_version.get((model, version), ())
        return [
            e
            for e in entries
            if (action is None or e.action == action) and (version is None or e.version == version)
        ]

    def moves(self, model: str, alias: str) -> list[Entry]:
        """Moves of an alias, oldest first."""
        return [e for e in self.entries(model) if e.alias == alias and e.action in sql.MOVES]

    def aliases(self, model: str) -> dict[str, int]:
        """Alias to version, for the aliases that a version holds."""
        moves = [e for e in self.entries(model) if e.action in sql.MOVES]
        return {e.alias: e.after for e in moves if e.alias and e.after}

    def require_sound(self, entry: Entry) -> None:
        """Raise Forbidden (`ledger.forged`) unless the entry is as its actor signed it."""
        _require_signed(entry, self._keys.get(entry.actor, ()))


def _require_signed(entry: Entry, keys: Sequence[str]) -> None:
    digest = sha256(canonical(body_of(entry)))
    signed = digest == entry.hash and holds(entry.key, entry.hash, entry.signature)
    if not signed or entry.key not in keys:
        raise Forbidden(
            "ledger.forged",
            f"entry {entry.seq} of the ledger was altered after {entry.actor} signed it.",
            hint="`gristmill audit verify` shows what was altered.",
        )
