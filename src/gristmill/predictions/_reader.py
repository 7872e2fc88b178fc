"""Reading the prediction log: windows of predictions with the labels that came, through DuckDB.

One rule says what a request and its label are, wherever the log is read: a request id that was sent
again is one request, with its first answer (`first_answers`), and of its labels the last that
arrived counts (`last_labels`). First and last are by time of receipt, then by file, then by line,
so the order in which files are read decides nothing. A line without a request id is damaged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import Invalid
from gristmill.predictions._paths import feedback_directory, predictions_directory
from gristmill.project import Project

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

PREDICTION = {
    "request_id": "VARCHAR",
    "time": "TIMESTAMPTZ",
    "event_time": "TIMESTAMPTZ",
    "model": "VARCHAR",
    "version": "BIGINT",
    "features": "JSON",
    "prediction": "JSON",
    "latency_ms": "DOUBLE",
}
FEEDBACK = {"request_id": "VARCHAR", "time": "TIMESTAMPTZ", "label": "JSON"}
RECEIVED = "coalesce(epoch_us(coalesce(time, event_time)), 0)"
RECEIVED_LABEL = "coalesce(epoch_us(time), 0)"
NUMBERS = {"BIGINT", "UBIGINT", "HUGEINT", "DOUBLE"}


@dataclass(frozen=True)
class Predictions:
    """Predictions of a window, ordered by `moment`, one for each request id.

    `rows` has request_id, time (receipt), event_time, moment (event time, else receipt), model,
    version, prediction, latency_ms, label and label_time (missing while no label came), times in
    UTC; `features` has a column for each feature, on the same index. `torn` lines were cut short by
    a death and left out; `orphans` are labelled request ids without any prediction.
    """

    rows: pd.DataFrame
    features: pd.DataFrame
    torn: int
    orphans: int


def read_log(
    project: Project, model: str, start: datetime | None = None, end: datetime | None = None
) -> Predictions:
    """The predictions with start <= moment < end; naive bounds are UTC, None is unbounded.

    A request id that was sent again counts once, with its first prediction; of several labels
    the last one counts.
    """
    import duckdb

    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        attach_log(connection, project, model)
        window = "(? IS NULL OR moment >= ?) AND (? IS NULL OR moment < ?)"
        low, high = _aware(start), _aware(end)
        connection.execute(
            f"CREATE TEMP TABLE chosen AS SELECT * FROM labelled WHERE {window} "  # noqa: S608
            "ORDER BY moment, request_id",
            [low, low, high, high],
        )
        columns = "request_id, time, event_time, moment, model, version, latency_ms, label_time"
        typed = f"{_typed(connection, 'prediction')}, {_typed(connection, 'label')}"
        rows = connection.sql(f"SELECT {columns}, {typed} FROM chosen").df()  # noqa: S608
        return Predictions(
            rows,
            _features(connection, rows.index),
            torn=_one(connection, "SELECT torn FROM counts"),
            orphans=_one(connection, "SELECT orphans FROM counts"),
        )


def attach_log(connection: duckdb.DuckDBPyConnection, project: Project, model: str) -> None:
    """Give a DuckDB connection the views `labelled` (predictions with labels) and `counts`.

    Parameters
    ----------
    connection
        Its time zone is UTC.
    project
        The project that declares the model.
    model
        The model's name.
    """
    predictions = _source(predictions_directory(project, model), PREDICTION)
    feedback = _source(feedback_directory(project, model), FEEDBACK)
    connection.execute(f"CREATE TEMP VIEW prediction_lines AS {predictions}")
    connection.execute(f"CREATE TEMP VIEW feedback_lines AS {feedback}")
    last = last_labels("(SELECT * FROM feedback_lines WHERE label IS NOT NULL)")
    connection.execute(
        f"CREATE TEMP VIEW labels AS SELECT request_id, label, time AS label_time FROM ({last})"  # noqa: S608
    )
    first = first_answers("(SELECT * FROM prediction_lines WHERE request_id IS NOT NULL)")
    connection.execute(f"""
        CREATE TEMP VIEW labelled AS
        SELECT p.*, coalesce(p.event_time, p.time) AS moment, l.label, l.label_time
        FROM ({first}) AS p LEFT JOIN labels AS l USING (request_id)""")  # noqa: S608
    connection.execute("""
        CREATE TEMP VIEW counts AS
        SELECT (SELECT count(*) FROM prediction_lines WHERE request_id IS NULL)
             + (SELECT count(*) FROM feedback_lines WHERE request_id IS NULL) AS torn,
               (SELECT count(*) FROM labels WHERE request_id NOT IN (
                    SELECT request_id FROM prediction_lines WHERE request_id IS NOT NULL)
               ) AS orphans""")


def first_answers(lines: str) -> str:
    """A query for the line of each request that counts.

    Parameters
    ----------
    lines
        A table or a query in parentheses, with columns `request_id`, `received`, `file`, `line`.
    """
    return (
        f"SELECT * FROM {lines} QUALIFY row_number() OVER "  # noqa: S608
        "(PARTITION BY request_id ORDER BY received, file, line) = 1"
    )


def last_labels(lines: str) -> str:
    """A query for the label of each request that counts.

    Parameters
    ----------
    lines
        A table or a query in parentheses, with columns `request_id`, `received`, `file`, `line`,
        of lines that have a label.
    """
    return (
        f"SELECT * FROM {lines} WHERE request_id IS NOT NULL QUALIFY row_number() OVER "  # noqa: S608
        "(PARTITION BY request_id ORDER BY received DESC, file DESC, line DESC) = 1"
    )


def log_files(directory: Path) -> list[Path]:
    """The files of a log that hold anything, by name.

    Parameters
    ----------
    directory
        The log.
    """
    return sorted(p for p in directory.glob("*.jsonl") if p.stat().st_size)


def _source(directory: Path, columns: dict[str, str]) -> str:
    """A query over the directory's lines; what is no whole line becomes a row of nulls.

    `received` is in microseconds since 1970, `line` counts through all files in their order.
    """
    received = RECEIVED if "event_time" in columns else RECEIVED_LABEL
    files = log_files(directory)
    if not files:
        nothing = ", ".join(f"NULL::{kind} AS {name}" for name, kind in columns.items())
        nothing += ", 0::BIGINT AS received, '' AS file, 0::BIGINT AS line"
        return f"SELECT {nothing} WHERE false"
    names = ", ".join("'" + str(name).replace("'", "''") + "'" for name in files)
    kinds = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
    return (
        f"SELECT * EXCLUDE (filename), {received} AS received, "  # noqa: S608
        "parse_filename(filename) AS file, row_number() OVER () AS line "
        f"FROM read_json([{names}], format = 'newline_delimited', "
        f"ignore_errors = true, filename = true, columns = {{{kinds}}})"
    )


def _typed(connection: duckdb.DuckDBPyConnection, column: str) -> str:
    """An expression of `column` as boolean, double or string, whichever holds all its values."""
    kinds = {
        str(kind)
        for (kind,) in connection.execute(
            f"SELECT DISTINCT json_type({column}) FROM chosen WHERE {column} IS NOT NULL"  # noqa: S608
        ).fetchall()
    }
    if kinds == {"BOOLEAN"}:
        return f"CAST({column} AS BOOLEAN) AS {column}"
    if kinds <= NUMBERS:
        return f"TRY_CAST({column} AS DOUBLE) AS {column}"
    return f"json_extract_string({column}, '$') AS {column}"


def _features(connection: duckdb.DuckDBPyConnection, index: Any) -> pd.DataFrame:
    import pandas as pd

    structure = _one(connection, "SELECT json_group_structure(features) FROM chosen")
    if structure in (None, '"NULL"'):
        return pd.DataFrame(index=index)
    quoted = str(structure).replace("'", "''")
    features: pd.DataFrame = connection.sql(
        f"SELECT unnest(from_json(features, '{quoted}')) FROM chosen"  # noqa: S608
    ).df()
    return features


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    return connection.execute(query).fetchall()[0][0]


def _aware(time: datetime | None) -> datetime | None:
    if time is not None and not isinstance(time, datetime):
        raise Invalid(
            "window.bound", f"{time!r} is not a datetime.", hint="Pass a datetime or None."
        )
    return time.replace(tzinfo=UTC) if time is not None and time.tzinfo is None else time
