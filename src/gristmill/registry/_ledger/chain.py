"""The ledger's entries as values: one spelling, one hash, one check of the chain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gristmill.registry._ledger.keys import holds

GENESIS = "0" * 64


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: Any) -> str:
    """JSON with one spelling: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


@dataclass(frozen=True)
class Draft:
    """An entry before it has a place in the chain.

    `before` and `after` are the versions that held the alias; `digest` is the model's; `document`
    is text to keep with the entry, which then carries its digest as `evidence`.
    """

    action: str
    model: str
    actor: str
    version: int | None = None
    alias: str | None = None
    before: int | None = None
    after: int | None = None
    reason: str = ""
    digest: str | None = None
    document: str | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    def entry(self, *, seq: int, at: datetime, key: str, prev: str) -> Entry:
        """This draft in its place, without hash and signature."""
        evidence = None if self.document is None else sha256(self.document)
        own = {k: v for k, v in vars(self).items() if k != "document"}
        return Entry(
            **own, seq=seq, at=at, evidence=evidence, key=key, prev=prev, hash="", signature=""
        )


@dataclass(frozen=True)
class Entry:
    """One line of the ledger. `before` and `after` are written `from` and `to`."""

    seq: int
    at: datetime
    actor: str
    action: str
    model: str
    version: int | None
    alias: str | None
    before: int | None
    after: int | None
    reason: str
    digest: str | None
    evidence: str | None
    detail: dict[str, Any]
    key: str
    prev: str
    hash: str
    signature: str

    def record(self) -> dict[str, Any]:
        return {**body_of(self), "hash": self.hash, "signature": self.signature}


@dataclass(frozen=True)
class Problem:
    """Something that does not hold. `seq` is the entry where it shows, None for the registry."""

    seq: int | None
    message: str


def check_chain(
    rows: Iterable[tuple[int, str, str, str]],
    documents: Mapping[str, str],
    trusted: Mapping[str, Sequence[str]],
) -> list[Problem]:
    """Every break in `rows` of (seq, body, hash, signature), sorted by seq, and in `documents`.

    `trusted` maps an actor to the public keys that are theirs; an actor it does not name has the
    key of their first entry.
    """
    problems: list[Problem] = []
    prev, at = GENESIS, datetime.min.replace(tzinfo=UTC)
    keys: dict[str, Sequence[str]] = dict(trusted)

    def found(what: str) -> None:
        problems.append(Problem(seq, f"entry {seq} {what}."))

    for expected, (seq, body, digest, signature) in enumerate(rows, 1):
        if sha256(body) != digest:
            found("was edited: its hash does not fit")
        try:
            entry = entry_of(body, digest, signature)
        except (KeyError, TypeError, ValueError) as error:
            found(f"cannot be read: {error}")
            prev = digest
            continue
        if not holds(entry.key, digest, signature):
            found(f"was not signed by the key it names for {entry.actor}")
        if entry.key not in keys.setdefault(entry.actor, (entry.key,)):
            found(f"was signed by a key that is not {entry.actor}'s")
        if seq != expected or entry.seq != seq:
            found(f"stands where {expected} belongs")
        if entry.prev != prev:
            found("does not follow the entry before it")
        if entry.at < at:
            found("is older than the entry before it")
        if entry.evidence and entry.evidence not in documents:
            found("has lost its document")
        prev, at = digest, entry.at
    edited = [digest for digest, text in documents.items() if sha256(text) != digest]
    return problems + [Problem(None, f"document {digest[:12]} was edited.") for digest in edited]


def body_of(entry: Entry) -> dict[str, Any]:
    """What is hashed, as a record."""
    return {
        "seq": entry.seq,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "model": entry.model,
        "version": entry.version,
        "alias": entry.alias,
        "from": entry.before,
        "to": entry.after,
        "reason": entry.reason,
        "digest": entry.digest,
        "evidence": entry.evidence,
        "detail": entry.detail,
        "key": entry.key,
        "prev": entry.prev,
    }


def entry_of(body: str, digest: str, signature: str) -> Entry:
    """The entry whose canonical body is `body`."""
    values = json.loads(body)
    values["before"], values["after"] = values.pop("from"), values.pop("to")
    values["at"] = datetime.fromisoformat(values["at"])
    return Entry(**values, hash=digest, signature=signature)
