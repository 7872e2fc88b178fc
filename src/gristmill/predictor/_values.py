"""JSON values read as the types of a model signature. Pure.

A wrong value raises TypeError, ValueError or OverflowError; its text, if any, says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

LIMITS = {"integer": 2**31, "long": 2**63}


def read_time(value: Any) -> datetime:
    """An ISO 8601 string as an aware time in UTC; without a zone it is taken as UTC.

    Parameters
    ----------
    value
        A JSON value.

    Raises
    ------
    TypeError, ValueError, OverflowError
        It is not such a string.
    """
    if not isinstance(value, str):
        raise TypeError
    time = datetime.fromisoformat(value)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def _single(value: Any) -> float:
    number = _number(value)
    if abs(number) > 3.4028235e38:
        raise ValueError("it is out of range")
    return number


def _whole(kind: str) -> Callable[[Any], int]:
    limit = LIMITS[kind]

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError
        if value != int(value):
            raise ValueError("it has a fraction")
        if not -limit <= value < limit:
            raise ValueError("it is out of range")
        return int(value)

    return read


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode("utf-8")
    return value


READERS: Mapping[str, Callable[[Any], Any]] = {
    "boolean": _boolean,
    "integer": _whole("integer"),
    "long": _whole("long"),
    "float": _single,
    "double": _number,
    "string": _string,
    "datetime": read_time,
}
