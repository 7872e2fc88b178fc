"""Gate reports as the ledger keeps them."""

from __future__ import annotations

import json
from typing import NamedTuple

from gristmill.errors import Forbidden
from gristmill.registry._gates.base import GateReport
from gristmill.registry._ledger.chain import sha256
from gristmill.registry._versions.store import Registry
from gristmill.registry._versions.version import Version


class StoredReport(NamedTuple):
    """A gate report and the digest that the ledger names it by."""

    digest: str
    report: GateReport


def report_of(registry: Registry, version: Version) -> StoredReport | None:
    """The last gate report on the version's bytes, None without one.

    Raises Forbidden when the entry or the report was altered.
    """
    entries = registry.ledger.entries(version.model, "gate", version.version)
    fitting = [e for e in entries if e.digest == version.digest and e.evidence]
    if not fitting:
        return None
    registry.ledger.require_sound(fitting[-1])
    digest = str(fitting[-1].evidence)
    text = registry.ledger.document(digest)
    if sha256(text) != digest:
        raise Forbidden("gate.altered", f"the gate report {digest[:12]} was edited.")
    return StoredReport(digest, GateReport.from_record(json.loads(text)))
