"""Gate reports as the ledger keeps them."""

from __future__ import annotations

import json

from gristmill.errors import Forbidden
from gristmill.registry._gates.base import GateReport
from gristmill.registry._ledger.chain import Entry, sha256
from gristmill.registry._ledger.ledger import LedgerReader
from gristmill.registry._versions.store import Registry
from gristmill.registry._versions.version import Version


def report_entry(ledger: LedgerReader, version: Version) -> Entry | None:
    """The entry of the last gate report on the version's bytes, None when there is none.

    Raises Forbidden (`ledger.forged`) when the entry was altered.
    """
    entries = [
        e
        for e in ledger.entries(version.model, "gate", version.version)
        if e.digest == version.digest and e.evidence
    ]
    if not entries:
        return None
    ledger.require_sound(entries[-1])
    return entries[-1]


def report_of(registry: Registry, version: Version) -> GateReport | None:
    """The last gate report on a version's bytes.

    Parameters
    ----------
    registry
        The registry that has the version.
    version
        The version that was judged.

    Returns
    -------
    GateReport | None
        The report with its digest; None when no gate has judged these bytes.

    Raises
    ------
    Forbidden
        `ledger.forged` or `gate.altered`: the entry or the report was altered.
    """
    entry = report_entry(registry.ledger, version)
    if entry is None:
        return None
    digest = str(entry.evidence)
    text = registry.ledger.document(digest)
    if sha256(text) != digest:
        raise Forbidden(
            "gate.altered",
            f"the gate report {digest[:12]} in the ledger was edited.",
            hint="`gristmill audit verify` shows what was altered; restore a backup of the ledger.",
        )
    return GateReport.from_record(json.loads(text), digest)
