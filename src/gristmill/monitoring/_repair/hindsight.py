"""Would another version have done better on what one answered?"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gristmill.errors import Invalid
from gristmill.predictions import attach_log
from gristmill.project import Project
from gristmill.registry import Comparison, Registry, paired_difference
from gristmill.serving import load_served_model

if TYPE_CHECKING:
    from gristmill.predictor import Row

MOST = 20_000


def in_hindsight(
    project: Project,
    model: str,
    served: int,
    other: int,
    since: datetime,
    metric: str,
    least: int,
) -> Comparison:
    """`other` (the comparison's challenger) against `served` (its champion) on the newest labelled
    rows that `served` answered since then, at most MOST, and that both take.

    A metric without a paired test is replaced by the mean absolute error. Raises Invalid when there
    are fewer than `least` such rows, when their labels are of one class, and for a version that
    cannot predict.
    """
    import numpy as np

    registry = Registry(project)
    models = [
        load_served_model(project, registry, registry.version(model, n)) for n in (other, served)
    ]
    accepted: list[list[Row]] = [[], []]
    labels = []
    for number, (features, label) in enumerate(_labelled(project, model, served, since)):
        try:
            both = [m.schema.row(json.loads(features), number) for m in models]
        except Invalid:
            continue
        labels.append(json.loads(label))
        for rows, row in zip(accepted, both, strict=True):
            rows.append(row)
    if len(labels) < least:
        raise Invalid(
            "repair.labels",
            f"only {len(labels)} labelled rows of version {served} since {since:%Y-%m-%d} fit both "
            f"versions; {least} are needed to show which does better.",
        )
    predictions = [
        np.asarray(m.predict(m.frame(rows))) for m, rows in zip(models, accepted, strict=True)
    ]
    return paired_difference(
        metric if metric in Comparison.METRICS else "mae", _truth(labels), *predictions
    )


def _labelled(project: Project, model: str, version: int, since: datetime) -> list[tuple[str, str]]:
    """Features and label as JSON."""
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        attach_log(connection, project, model)
        return connection.execute(
            "SELECT features, label FROM labelled WHERE version = ? AND label IS NOT NULL "
            "AND moment >= ? ORDER BY moment DESC, request_id LIMIT ?",
            [version, since, MOST],
        ).fetchall()


def _truth(labels: list[Any]) -> Any:
    """Numbers and 0/1 as floats, shape (n,); else the labels themselves."""
    import numpy as np

    number = all(isinstance(label, bool | int | float) for label in labels)
    return np.asarray(labels, dtype=np.float64 if number else object)
