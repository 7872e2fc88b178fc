"""Values as records and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.errors import Invalid
from gristmill.records import from_record, parse_table, to_record


@dataclass(frozen=True)
class Inner:
    name: str
    value: float | None = None


@dataclass(frozen=True)
class Outer:
    at: datetime
    inner: tuple[Inner, ...] = ()
    named: Mapping[str, Inner] = field(default_factory=dict)
    count: int = 3
    flag: bool = False


inner = st.builds(Inner, st.text(), st.none() | st.floats(allow_nan=False, allow_infinity=False))
times = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(
    lambda t: t.replace(tzinfo=UTC)
)
outer = st.builds(
    Outer, times, st.lists(inner).map(tuple), st.dictionaries(st.text(), inner),
    st.integers(-(2**53), 2**53), st.booleans(),
)  # fmt: skip


@given(outer)
def test_a_record_is_json_and_gives_the_value_again(value: Outer) -> None:
    assert from_record(Outer, json.loads(json.dumps(to_record(value)))) == value


def test_a_record_has_the_defaults_of_what_was_read() -> None:
    value = from_record(Outer, {"at": "2026-01-01T00:00:00+00:00"})
    assert to_record(value)["count"] == 3
    value = from_record(Outer, {"at": "2026-01-01T00:00:00+00:00", "inner": [{"name": "a"}]})
    assert to_record(value)["inner"] == ({"name": "a", "value": None},)
    assert parse_table(Inner, {"name": "a"}, "here") == Inner("a")


def test_numbers_of_numpy_and_paths_are_plain() -> None:
    assert to_record({"a": np.float64(0.5), "b": Path("x/y")}) == {"a": 0.5, "b": "x/y"}
    with pytest.raises(TypeError):
        to_record(object())


@pytest.mark.parametrize(
    ("table", "code", "place"),
    [
        ({"name": 1}, "settings.type", "name"),
        ({"name": "a", "value": True}, "settings.type", "value"),
        ({"value": 1.0}, "settings.missing-key", "name"),
        ({"name": "a", "vlaue": 1}, "settings.unknown-key", "vlaue"),
    ],
)
def test_a_wrong_table_names_the_key_and_the_next_step(
    table: dict[str, object], code: str, place: str
) -> None:
    with pytest.raises(Invalid) as caught:
        parse_table(Inner, table, "gristmill.toml [inner]")
    assert caught.value.code == code
    assert "gristmill.toml [inner]" in caught.value.message
    assert place in caught.value.message
    assert caught.value.hint


def test_a_damaged_record_says_where_and_what_next() -> None:
    with pytest.raises(Invalid) as caught:
        from_record(Outer, {"at": "soon"}, "state.json")
    assert (caught.value.code, "state.json" in caught.value.message) == ("record.invalid", True)
    assert caught.value.hint
