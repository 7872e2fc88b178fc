"""What a request must look like: rows checked against the columns of a model's signature. Pure.

A column the signature calls optional had missing values in the training example; there, and only
there, null or absence is taken as missing. Whole numbers and booleans cannot be missing.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gristmill.errors import Invalid
from gristmill.predictor._values import READERS, read_time

REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+=@-]{0,127}")
MISSABLE = {"float", "double", "string", "datetime"}


@dataclass(frozen=True)
class Column:
    """A column of a model's signature.

    Attributes
    ----------
    name
        Its name.
    type
        MLflow's name of its type.
    required
        False when it had missing values in the training example.
    """

    name: str
    type: str
    required: bool

    @property
    def missable(self) -> bool:
        """Whether a row may lack it."""
        return not self.required and self.type in MISSABLE


@dataclass(frozen=True)
class Row:
    """A row that was checked.

    Attributes
    ----------
    values
        A value for each column of the schema, in its order.
    request_id
        The caller's name for it, if there is one.
    event_time
        When what it is about happens, aware, if the row says so.
    """

    values: tuple[Any, ...]
    request_id: str | None = None
    event_time: datetime | None = None


@dataclass(frozen=True)
class Label:
    """The true value for a prediction that was made under `request_id`."""

    request_id: str
    label: bool | int | float | str


@dataclass(frozen=True)
class Schema:
    """What a request to a model must look like.

    Attributes
    ----------
    columns
        The signature's columns.
    time
        The event-time column; "" for none.
    names
        Of the columns.
    """

    columns: tuple[Column, ...]
    time: str = ""
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(c.name for c in self.columns))
        for column in self.columns:
            if column.type not in READERS:
                types = ", ".join(sorted(READERS))
                raise Invalid(
                    "serving.signature",
                    f"column {column.name!r} of the signature has the type {column.type}, "
                    "which cannot be served.",
                    hint=f"Types that can be served: {types}.",
                )

    def rows(self, body: bytes, limit: int) -> list[Row]:
        """The rows of a /predict body, `{"rows": [{...}]}` or `{"row": {...}}`.

        Parameters
        ----------
        body
            The body.
        limit
            The most rows that it may have.

        Raises
        ------
        Invalid
            `request.*`, naming row (from 0) and column.
        """
        items = _items(body, "rows", "row", limit)
        rows = [self.row(item, index) for index, item in enumerate(items)]
        seen: dict[str, int] = {}
        for index, row in enumerate(rows):
            if row.request_id is None:
                continue
            if row.request_id in seen:
                raise Invalid(
                    "request.duplicate-id",
                    f"rows {seen[row.request_id]} and {index} have the same request_id.",
                    hint="Give each row its own, or none: the service makes one.",
                )
            seen[row.request_id] = index
        return rows

    def row(self, item: Any, index: int) -> Row:
        """One row, checked.

        Parameters
        ----------
        item
            A JSON object.
        index
            Its number, for messages.

        Raises
        ------
        Invalid
            `request.*`, naming row and column.
        """
        if not isinstance(item, dict):
            raise Invalid(
                "request.row-type",
                f"row {index} is {_json(item)}, not an object.",
                hint='A row is {"column": value, ...}.',
            )
        names = set(self.names)
        for name in item:
            if name not in names and name not in ("request_id", self.time):
                raise self._unknown(name, index)
        given = item.get("request_id") if "request_id" not in names else None
        event = item.get(self.time) if self.time else None
        return Row(
            tuple(_value(column, item, index) for column in self.columns),
            None if given is None else _request_id(given, index),
            None if event is None else _time(event, f"row {index}, column {self.time!r}"),
        )

    def _unknown(self, name: str, index: int) -> Invalid:
        close = difflib.get_close_matches(name, self.names, 1)
        return Invalid(
            "request.unknown-column",
            f"row {index}, column {name!r}: the model has no such column.",
            hint=f"Did you mean {close[0]!r}?" if close else f"It has: {', '.join(self.names)}.",
        )


def read_labels(body: bytes, limit: int) -> list[Label]:
    """The labels of a /feedback body, `{"labels": [...]}` or one `{"request_id", "label"}`.

    Parameters
    ----------
    body
        The body.
    limit
        The most labels that it may have.

    Raises
    ------
    Invalid
        `request.*` or `feedback.*`, naming the label (from 0).
    """
    labels = []
    for index, item in enumerate(_items(body, "labels", None, limit)):
        if not isinstance(item, dict) or set(item) != {"request_id", "label"}:
            raise Invalid(
                "feedback.shape",
                f"label {index} is not an object with exactly request_id and label.",
                hint='{"labels": [{"request_id": "...", "label": true}]}',
            )
        label = item["label"]
        if not isinstance(label, bool | int | float | str):
            raise Invalid(
                "feedback.label",
                f"label {index} is {_json(label)}, which is not a label.",
                hint="A label is true, false, a number or a string.",
            )
        labels.append(Label(_request_id(item["request_id"], index), label))
    return labels


def _items(body: bytes, many: str, one: str | None, limit: int) -> list[Any]:
    shape = f'{{"{many}": [{{...}}]}}'
    try:
        value = json.loads(body, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Invalid(
            "request.json", f"the body is not JSON: {error}", hint=f"Send {shape}."
        ) from error
    items = None
    if isinstance(value, dict):
        if set(value) == {many} and isinstance(value[many], list):
            items = value[many]
        elif one is not None and set(value) == {one}:
            items = [value[one]]
        elif one is None and many not in value:
            items = [value]
    if items is None:
        raise Invalid("request.shape", f"the body is not {shape}.", hint="Send that key only.")
    if not 1 <= len(items) <= limit:
        raise Invalid(
            "request.rows",
            f"the body has {len(items)} {many}; it may have 1 to {limit}.",
            hint="Split it, or use `gristmill score` for a file.",
        )
    return list(items)


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON number; send null for a missing value")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text} is too large")
    return number


def _value(column: Column, item: Mapping[str, Any], index: int) -> Any:
    value = item.get(column.name)
    if value is None:
        if column.missable:
            return None
        if column.name not in item:
            raise Invalid(
                "request.missing-column",
                f"row {index}, column {column.name!r} is missing.",
                hint=f"Send a {column.type}.",
            )
        raise Invalid(
            "request.null",
            f"row {index}, column {column.name!r} is null, but the model was trained without "
            "missing values there.",
            hint="Send a value, or train with an example that has missing values in this column.",
        )
    try:
        return READERS[column.type](value)
    except (TypeError, ValueError, OverflowError) as error:
        raise Invalid(
            "request.type",
            f"row {index}, column {column.name!r} is {_json(value)}, not {column.type}"
            + (f": {error}." if str(error) else "."),
            hint="The service's /model shows each column's type.",
        ) from error


def _json(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _request_id(value: Any, index: int) -> str:
    if isinstance(value, str) and REQUEST_ID.fullmatch(value):
        return value
    raise Invalid(
        "request.id",
        f"row {index}: request_id is {_json(value)}, which is not allowed.",
        hint="Use 1 to 128 letters, digits or . _ : / + = @ -, beginning with a letter or digit.",
    )


def _time(value: Any, where: str) -> datetime:
    try:
        return read_time(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise Invalid(
            "request.time",
            f"{where} is {_json(value)}, not a time.",
            hint='ISO 8601, for example "2013-07-01T06:15:00Z"; without a zone it is UTC.',
        ) from error


def from_signature(signature: Any, time: str) -> Schema:
    """The schema of an MLflow signature. Raises Invalid when it has no named, flat columns."""
    inputs: Sequence[Any] = signature.inputs if signature is not None and signature.inputs else ()
    columns = [
        Column(str(c.name), str(getattr(c.type, "name", c.type)), bool(c.required))
        for c in inputs
        if getattr(c, "name", None) is not None and hasattr(c, "required")
    ]
    if not columns or len(columns) != len(inputs):
        raise Invalid(
            "serving.signature",
            "the model has no signature with named columns.",
            hint="Save it with signature=mlflow.models.infer_signature(features, predictions), "
            "features being a data frame.",
        )
    return Schema(tuple(columns), time)
