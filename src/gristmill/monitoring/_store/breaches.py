"""Rows of the log that break the model's contract: counted by hour, told by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gristmill.drawing import format_percent

if TYPE_CHECKING:
    import pyarrow as pa

    from gristmill.monitoring._store.feed import Lines
    from gristmill.registry import Contract


@dataclass(frozen=True)
class Breach:
    """A rule of the contract that `rows` of a window break, in a column ("" for one over several),
    with the value of one of them."""

    column: str
    rule: str
    rows: int
    example: str

    @property
    def text(self) -> str:
        many = "s" if self.rows != 1 else ""
        name = self.column or "columns together"
        return f"{name}: {self.rule} ({self.rows:,} row{many}, for instance {self.example})"


def broken(contract: Contract, lines: Lines, sign: int = 1) -> pa.Table:
    """What lines of one version add to the table `broken`; with `sign` -1, what they take out.

    Only rules on rows count: one on a column as a whole (its mean, say) would be asked of whatever
    part of the log was read at once.
    """
    import pandas as pd
    import pyarrow as pa

    columns: dict[str, Any] = dict(lines.numbers)
    columns |= {k: v.to_pandas().astype(object) for k, v in lines.texts.items()}
    columns_of_rows: dict[str, list[Any]] = {
        k: [] for k in ("hour", "item", "rule", "n", "example")
    }
    for each in contract.broken(pd.DataFrame(columns)):
        hours, n = np.unique(lines.hour[each.rows], return_counts=True)
        columns_of_rows["hour"] += hours.tolist()
        columns_of_rows["n"] += (sign * n).tolist()
        for name, value in (("item", each.column), ("rule", each.rule), ("example", each.example)):
            columns_of_rows[name] += [value] * hours.size
    size = len(columns_of_rows["hour"])
    types = {"hour": pa.int64(), "n": pa.int64()}
    arrays = {k: pa.array(v, types.get(k, pa.string())) for k, v in columns_of_rows.items()}
    version = int(lines.version[0]) if size else 0
    return pa.table({"version": pa.repeat(version, size), **arrays})


def breach_text(breaches: Sequence[Breach], rows: int, allowed: float) -> str:
    """Why the window breaks the contract, in words; "" when it keeps it. Pure.

    It breaks it when a rule is broken by more than the share `allowed` of its `rows`."""
    bad = [b for b in breaches if b.rows > allowed * rows]
    if not bad:
        return ""
    worst = max(b.rows for b in bad) / max(1, rows)
    rules = f"{len(bad)} rule{'s' if len(bad) != 1 else ''} of the contract broken, one by "
    return f"{rules}{format_percent(worst)} of rows. " + "; ".join(b.text for b in bad[:3])
