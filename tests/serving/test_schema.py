"""Requests against a signature: what is taken, and what a refusal says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gristmill.errors import GristmillError, Invalid
from gristmill.predictor import Column, read_labels
from gristmill.predictor._schema import Schema
from tests.serving.conftest import row

SCHEMA = Schema(
    (
        Column("distance", "double", True),
        Column("hour", "long", True),
        Column("carrier", "string", True),
        Column("wet", "boolean", True),
        Column("age", "double", False),
    ),
    time="scheduled",
)


def body(*rows: Any) -> bytes:
    return json.dumps({"rows": list(rows)}).encode()


def test_a_row_is_read_in_the_signatures_order() -> None:
    (parsed,) = SCHEMA.rows(
        body(row(hour=7.0, age=None, request_id="x", scheduled="2013-07-01T08:00+02:00")), 10
    )
    assert parsed.values == (0.5, 7, "UA", False, None)
    assert parsed.request_id == "x"
    assert parsed.event_time == datetime(2013, 7, 1, 6, tzinfo=UTC)
    without = {k: v for k, v in row().items() if k != "age"}
    assert SCHEMA.rows(json.dumps({"row": without}).encode(), 10)[0].values[-1] is None


BAD = {
    "request.unknown-column": body(row(), row(distanse=1)),
    "request.missing-column": body(row(), {"distance": 1.0}),
    "request.null": body(row(), row(hour=None)),
    "request.type": body(row(), row(hour=7.5)),
    "request.row-type": body(row(), [1]),
    "request.time": body(row(), row(scheduled="noon")),
    "request.id": body(row(), row(request_id="")),
}


@pytest.mark.parametrize("code", BAD)
def test_a_refusal_names_the_row(code: str) -> None:
    with pytest.raises(Invalid) as caught:
        SCHEMA.rows(BAD[code], 10)
    assert caught.value.code == code
    assert "row 1" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("hour", True),
        ("hour", "7"),
        ("hour", 2**63),
        ("hour", []),
        ("distance", "far"),
        ("distance", False),
        ("carrier", 3),
        ("carrier", "\ud800"),
        ("wet", 1),
        ("wet", "true"),
        ("age", {}),
    ],
)
def test_a_wrong_type_names_the_column(column: str, value: Any) -> None:
    with pytest.raises(Invalid, match=f"'{column}'") as caught:
        SCHEMA.rows(body(row(**{column: value})), 10)
    assert caught.value.code == "request.type"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "request.json"),
        (b"{", "request.json"),
        (b"\xff\xfe", "request.json"),
        (b"[" * 100_000, "request.json"),
        (b'{"rows": [{"distance": NaN}]}', "request.json"),
        (b'{"rows": [{"distance": 1e999}]}', "request.json"),
        (b"[]", "request.shape"),
        (b'{"rows": {}}', "request.shape"),
        (b'{"rows": [], "x": 1}', "request.shape"),
        (b'{"rows": []}', "request.rows"),
        (body(*[row()] * 11), "request.rows"),
        (body(row(request_id="a"), row(request_id="a")), "request.duplicate-id"),
    ],
)
def test_a_wrong_body_is_refused(text: bytes, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        SCHEMA.rows(text, 10)
    assert caught.value.code == code


TEXT = st.text(st.sampled_from("aé\ud800 07:-T"), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*SCHEMA.names, "request_id", "scheduled", "?"]), JSON))
def test_any_json_is_taken_or_refused_cleanly(item: dict[str, Any]) -> None:
    try:
        (row,) = SCHEMA.rows(body(item), 10)
    except GristmillError as problem:
        json.dumps(problem.record())
    else:
        assert len(row.values) == len(SCHEMA.columns)
        json.dumps(row.values, allow_nan=False).encode()


def test_labels_come_one_or_many() -> None:
    one = read_labels(b'{"request_id": "a", "label": true}', 10)
    assert read_labels(b'{"labels": [{"request_id": "a", "label": true}]}', 10) == one
    for text in (b'{"labels": [{"request_id": "a"}]}', b'{"request_id": "a", "label": null}', b"1"):
        with pytest.raises(Invalid):
            read_labels(text, 10)


def test_a_type_that_cannot_be_served_is_refused_at_once() -> None:
    with pytest.raises(Invalid, match="binary"):
        Schema((Column("x", "binary", True),))
