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
    """sha256 of the text's UTF-8 bytes, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: Any) -> str:
    """JSON with one spelling: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


@dataclass(frozen=True)
class Draft:
    """An entry before it has a place in the chain.

    Attributes
    ----------
    action
        What was done: register, gate, request, approve, reject, promote, rollback, alert, repair.
    model, version
        What it was done to.
    actor
        Who did it, and signs it.
    alias, before, after
        For a move: the alias, and the versions that held it before and after.
    reason
        Why, in the actor's words.
    digest
        The model directory's.
    document
        Text to keep with the entry, which then carries its digest as `evidence`.
    detail
        Whatever else belongs to the action, as plain JSON values.
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
    """One line of the ledger.

    Attributes
    ----------
    seq
        Its place, from 1.
    at
        When it was written, aware.
    actor, action, model, version, alias, before, after, reason, digest, detail
        As in the draft; `before` and `after` are stored as `from` and `to`.
    evidence
        sha256 of the document kept with it.
    key
        The public key that signed it.
    prev, hash, signature
        The hash of the entry before, its own, and the actor's signature of it, base64.
    """

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
        """The entry as plain JSON values."""
        return {**body_of(self), "hash": self.hash, "signature": self.signature}


@dataclass(frozen=True)
class Problem:
    """Something that does not hold.

    Attributes
    ----------
    seq
        The entry where it shows; None when it is not about one entry.
    message
        What is wrong, a sentence.
    """

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

    def add(what: str) -> None:
        problems.append(Problem(seq, f"Entry {seq} {what}."))

    for expected, (seq, body, digest, signature) in enumerate(rows, 1):
        if sha256(body) != digest:
            add("was edited: its hash does not match its text")
        try:
            entry = entry_of(body, digest, signature)
        except (KeyError, TypeError, ValueError) as error:
            add(f"cannot be read: {error}")
            prev = digest
            continue
        if not holds(entry.key, digest, signature):
            add(f"does not carry a valid signature by {entry.actor}")
        if entry.key not in keys.setdefault(entry.actor, (entry.key,)):
            add(f"was signed by a key that is not {entry.actor}'s")
        if seq != expected or entry.seq != seq:
            add(f"is where entry {expected} should be")
        if entry.prev != prev:
            add("does not follow the entry before it")
        if entry.at < at:
            add("is older than the entry before it")
        if entry.evidence and entry.evidence not in documents:
            add("lacks its document")
        prev, at = digest, entry.at
    edited = [digest for digest, text in documents.items() if sha256(text) != digest]
    return problems + [Problem(None, f"Document {digest[:12]} was edited.") for digest in edited]


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
