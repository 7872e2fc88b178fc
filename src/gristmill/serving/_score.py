"""`score`: predictions for a Parquet or CSV file of any size, a chunk in memory at a time."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import Invalid, NotFound
from gristmill.files import replacing
from gristmill.predictions import LineLog, predictions_directory
from gristmill.predictor import DTYPES, Column, LoadedModel, Row, read_time
from gristmill.project import Project, finds_project
from gristmill.serving._answering import prediction_record
from gristmill.serving._served_model import load_served_model
from gristmill.serving._tables import Sink, file_kind, reading
from gristmill.workspace_trust import require_trust

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from gristmill.registry import Contract

PREDICTION = "prediction"
REQUEST_ID = "request_id"
ARROW = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "string",
    "datetime": "timestamp[us]",
}

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Scored:
    """What `score` did.

    Attributes
    ----------
    rows
        How many rows were predicted.
    version
        By which version.
    seconds
        How long it took.
    """

    rows: int
    version: int
    seconds: float


@finds_project
def score(
    project: Project,
    model: str,
    source: Path,
    target: Path,
    *,
    version: int | str = "champion",
    log: bool = False,
    checked: bool = True,
    progress: Progress = lambda _: None,
) -> Scored:
    """Write a file with a column `prediction`, which appears when all rows are written.

    Columns that the model does not know are passed on.

    Parameters
    ----------
    project
        The project that declares the model.
    model
        The model's name.
    source, target
        Parquet or CSV files.
    version
        A version or an alias.
    log
        Whether each row gets a `request_id` and a line in the prediction log.
    checked
        Whether rows that break the model's contract stop it.
    progress
        Hears how many rows are done.

    Returns
    -------
    Scored
        How many rows, by which version, in how many seconds.

    Raises
    ------
    NotFound
        There is no such file, model or version.
    Invalid
        A value does not fit; the message names the column and the row (from 0).
    """
    from gristmill.registry import Contract, Registry, model_settings

    require_trust(project.root)
    start = time.monotonic()
    if not source.is_file():
        raise NotFound(
            "score.input",
            f"{source} does not exist.",
            hint="Give the path of a Parquet or CSV file.",
        )
    kinds = [file_kind(source), file_kind(target)]
    registry = Registry(project)
    loaded = load_served_model(project, registry, registry.version(model, version))
    contract = Contract.load(project, model_settings(project, model).contract) if checked else None
    lines = LineLog(predictions_directory(project, model)) if log else None
    rows = 0
    reported = start
    with replacing(target, durable=True) as aside:
        with reading(source, kinds[0]) as batches, Sink(aside, kinds[1]) as sink:
            for batch in batches:
                sink.write(_scored(loaded, batch, rows, lines, contract))
                rows += batch.num_rows
                if time.monotonic() - reported > 2:
                    reported = time.monotonic()
                    progress(f"{rows:,} rows, {rows / (reported - start):,.0f} a second")
        if lines is not None:
            lines.close()
    return Scored(rows, loaded.version, time.monotonic() - start)


def _scored(
    loaded: LoadedModel,
    table: pa.Table,
    start: int,
    lines: LineLog | None,
    contract: Contract | None,
) -> pa.Table:
    import pyarrow as pa

    added = [PREDICTION] if lines is None else [PREDICTION, REQUEST_ID]
    for name in added:
        if name in table.column_names:
            raise Invalid(
                "score.column-taken",
                f"the file already has a column {name!r}.",
                hint="Rename it: the result is written to a column of that name.",
            )
    began = time.perf_counter()
    received = datetime.now(UTC)
    frame = _frame(loaded, table, start)
    if contract is not None:
        contract.require(frame, f"rows {start} to {start + table.num_rows - 1}")
    values = loaded.predict(frame) if table.num_rows else []
    kind = None if values else pa.float64()
    result = table.append_column(PREDICTION, pa.array(values, type=kind))
    if lines is not None:
        ids = [secrets.token_hex(16) for _ in values]
        took = (time.perf_counter() - began) * 1000
        rows = _rows(loaded, frame, table)
        lines.append(
            [
                prediction_record(
                    loaded, i, row, value, received=received, latency_ms=round(took, 3)
                )
                for i, row, value in zip(ids, rows, values, strict=True)
            ]
        )
        result = result.append_column(REQUEST_ID, pa.array(ids, type=pa.string()))
    return result


def _frame(loaded: LoadedModel, table: pa.Table, start: int) -> pd.DataFrame:
    """The model's columns of `table`, cast to the signature's types."""
    import pandas as pd

    return pd.DataFrame({c.name: _column(c, table, start) for c in loaded.schema.columns})


def _column(column: Column, table: pa.Table, start: int) -> pd.Series:
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.name not in table.column_names:
        raise Invalid(
            "score.missing-column",
            f"column {column.name!r} is missing.",
            hint=f"The file has: {', '.join(table.column_names)}.",
        )
    values = table.column(column.name)
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    try:
        values = _cast(values, column.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise Invalid(
            "score.type",
            f"rows {start} to {start + table.num_rows - 1}, column {column.name!r}: "
            f"not {column.type}: {error}",
            hint="Correct the file, or leave these rows out.",
        ) from error
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), pa.scalar(None, values.type), values)
    if values.null_count and not column.missable:
        row = start + pc.index(pc.is_null(values), True).as_py()
        raise Invalid(
            "score.null",
            f"row {row}, column {column.name!r} is missing, but the model was trained without "
            "missing values there.",
            hint="Fill it, or train with an example that has missing values in this column.",
        )
    series: pd.Series = values.to_pandas()
    return series.astype(DTYPES[column.type]) if column.type in DTYPES else series


def _cast(values: pa.ChunkedArray, kind: str) -> pa.ChunkedArray:
    """`values` as the signature's type `kind`; text is parsed, empty text is missing.

    Raises ArrowInvalid for a value or a type that does not stand for `kind`.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import types

    given = values.type
    text = types.is_string(given) or types.is_large_string(given)
    fits = {
        "boolean": types.is_boolean(given),
        "string": text,
        "datetime": types.is_timestamp(given) or types.is_date(given),
    }.get(kind, types.is_integer(given) or types.is_floating(given))
    if not (fits or text or types.is_null(given)):
        raise pa.ArrowInvalid(f"it is of type {given}")
    if text and kind != "string":
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, given), values)
    if types.is_timestamp(given) and given.tz:
        values = values.cast(pa.timestamp("us", "UTC"))
    return values.cast(_arrow(kind))


def _arrow(kind: str) -> pa.DataType:
    import pyarrow as pa

    return pa.timestamp("us") if kind == "datetime" else pa.type_for_alias(ARROW[kind])


def _rows(loaded: LoadedModel, frame: pd.DataFrame, table: pa.Table) -> Iterator[Row]:
    """The frame's rows as they are logged, with event times when the file has them."""
    columns = [
        [
            None if missing else _plain(v)
            for v, missing in zip(frame[n], frame[n].isna(), strict=True)
        ]
        for n in loaded.schema.names
    ]
    name = loaded.schema.time
    if name and name in table.column_names:
        times = [_event(v, name) for v in table.column(name).to_pylist()]
    else:
        times = [None] * len(frame)
    for values, event in zip(zip(*columns, strict=True), times, strict=True):
        yield Row(tuple(values), event_time=event)


def _plain(value: Any) -> Any:
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime().replace(tzinfo=UTC)
    return value.item() if hasattr(value, "item") else value


def _event(value: Any, name: str) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        return read_time(value.isoformat() if hasattr(value, "isoformat") else value)
    except (TypeError, ValueError) as error:
        raise Invalid(
            "score.time",
            f"column {name!r} holds {value!r}, which is not a time.",
            hint="Write times as ISO 8601.",
        ) from error
