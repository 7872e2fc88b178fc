"""Evidently's report on a window, drawn with our verdicts. Only a process of its own imports this.

Evidently would judge the rows that it is given by its own tests. Here each column's test is ours,
as the window's kept report has it, so that both say the same; Evidently draws, and summarises what
we do not look at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gristmill.monitoring._statistics.drift import Column, ColumnDrift
from gristmill.monitoring._statistics.sketch import OTHER, Binning, factorize
from gristmill.monitoring._store.profile import PREDICTION

if TYPE_CHECKING:
    import pandas as pd

METHOD = "gristmill"


def drawn_columns(
    columns: Sequence[Column], judged: Mapping[str, ColumnDrift], sides: Sequence[pd.DataFrame]
) -> list[Column]:
    """Those that were judged and have a value on both sides: Evidently refuses the others."""
    return [
        c
        for c in columns
        if c.name in judged and all(c.name in s and s[c.name].notna().any() for s in sides)
    ]


def page(
    columns: Sequence[Column],
    judged: Mapping[str, ColumnDrift],
    reference: pd.DataFrame,
    window: pd.DataFrame,
    *,
    alpha: float,
    share: float,
) -> str:
    """The report as an HTML document. `judged` maps a column to what the monitor said of it, by
    `alpha`; the window has drifted when more than `share` of its features have."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift
    from evidently.presets import DataDriftPreset, DataSummaryPreset

    _register(judged)
    kinds = {c.name: c.binning.kind for c in columns}
    features = [n for n in kinds if n != PREDICTION]
    names = {"number": [n for n, k in kinds.items() if k == "number"],
             "category": [n for n, k in kinds.items() if k == "category"]}  # fmt: skip
    metrics: list[Any] = []
    if features:
        moved = sum(judged[n].drifted for n in features) / len(features)
        # Evidently says drift from this share on, we say it above
        above = math.nextafter(share, 1) if moved == share else share
        metrics.append(
            DataDriftPreset(columns=features, method=METHOD, threshold=alpha, drift_share=above)
        )
    if PREDICTION in kinds:
        metrics.append(ValueDrift(column=PREDICTION, method=METHOD, threshold=alpha))
    metrics.append(DataSummaryPreset(columns=list(kinds)))
    definition = DataDefinition(
        numerical_columns=names["number"], categorical_columns=names["category"]
    )
    sides = [
        Dataset.from_pandas(_prepared(s, columns), data_definition=definition)
        for s in (window, reference)
    ]
    return str(Report(metrics, include_tests=False).run(*sides).get_html_str(as_iframe=False))


def size(drift: ColumnDrift) -> float:
    """The share of rows that moved or went missing: Evidently ranks columns by their score."""
    return round(drift.distances.largest, 4)


def _register(judged: Mapping[str, ColumnDrift]) -> None:
    from evidently.legacy.calculations.stattests.registry import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

    def ours(_: Any, window: pd.Series[Any], __: Any, ___: float) -> tuple[float, bool]:
        drift = judged[str(window.name)]
        return size(drift), drift.drifted

    test = StatTest(
        name=METHOD,
        display_name="Gristmill, share moved",
        allowed_feature_types=[ColumnType.Numerical, ColumnType.Categorical],
    )
    register_stattest(test, ours)


def _prepared(side: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Categories by the names that the monitor counts, numbers as such."""
    import pandas as pd

    return pd.DataFrame({
        c.name: side[c.name].astype("float64")
        if c.binning.kind == "number"
        else pd.Series(_words(c.binning, side[c.name]), index=side.index, dtype=object)
        for c in columns
    })  # fmt: skip


def _words(binning: Binning, values: Any) -> list[str | None]:
    codes, names = factorize(values.to_numpy(dtype=object))
    counted = [n if n is None or n in binning.places else OTHER for n in names]
    return [counted[i] for i in codes]
