"""The ledger's entries as values: one spelling, one hash, one check of the chain. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

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
    prev: str
    hash: str

    def record(self) -> dict[str, Any]:
        return {**body_of(self), "hash": self.hash}


@dataclass(frozen=True)
class Problem:
    """Something that does not hold. `seq` is the entry where it shows, None for the registry."""

    seq: int | None
    message: str


def check_chain(
    rows: Iterable[tuple[int, str, str]], documents: Mapping[str, str]
) -> list[Problem]:
    """Every break in `rows` of (seq, body, hash) in the order of seq, and in the documents."""
    problems: list[Problem] = []
    prev, at = GENESIS, datetime.min.replace(tzinfo=UTC)
    for expected, (seq, body, digest) in enumerate(rows, 1):
        if sha256(body) != digest:
            problems.append(Problem(seq, f"entry {seq} was edited: its hash does not fit."))
        try:
            entry = entry_of(body, digest)
        except (KeyError, TypeError, ValueError) as error:
            problems.append(Problem(seq, f"entry {seq} cannot be read: {error}."))
            prev = digest
            continue
        if seq != expected or entry.seq != seq:
            problems.append(Problem(seq, f"entry {seq} stands where {expected} belongs."))
        if entry.prev != prev:
            problems.append(Problem(seq, f"entry {seq} does not follow the entry before it."))
        if entry.at < at:
            problems.append(Problem(seq, f"entry {seq} is older than the entry before it."))
        if entry.evidence and entry.evidence not in documents:
            problems.append(Problem(seq, f"the document of entry {seq} is gone."))
        prev, at = digest, entry.at
    problems += [
        Problem(None, f"document {digest[:12]} was edited.")
        for digest, text in documents.items()
        if sha256(text) != digest
    ]
    return problems


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
        "prev": entry.prev,
    }


def entry_of(body: str, digest: str) -> Entry:
    """The entry whose canonical body is `body`."""
    values = json.loads(body)
    values["before"], values["after"] = values.pop("from"), values.pop("to")
    values["at"] = datetime.fromisoformat(values["at"])
    return Entry(**values, hash=digest)
