"""Values as JSON records and back, and settings tables as values, by the fields of dataclasses.

One converter for everything that Gristmill keeps or reads as JSON, YAML or TOML: `msgspec` knows
dataclasses, datetimes, tuples, mappings and unions, and says where a value has the wrong type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import timedelta
from typing import Any, TypeVar

from gristmill.errors import Invalid

T = TypeVar("T")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def to_record(value: Any) -> Any:
    """A dataclass, or whatever holds some, as plain JSON values.

    Parameters
    ----------
    value
        Dataclasses, mappings, sequences, datetimes and scalars, nested in any way.

    Returns
    -------
    Any
        dicts, lists, tuples, strings and numbers; a datetime is ISO 8601.
    """
    import msgspec

    return msgspec.to_builtins(value, enc_hook=_scalar)


def _scalar(value: Any) -> Any:
    """A number of NumPy's as Python's; a path as text."""
    if hasattr(value, "item"):
        return value.item()
    if hasattr(value, "as_posix"):
        return value.as_posix()
    raise TypeError(f"{type(value).__name__} cannot be kept as JSON")


def from_record(cls: type[T], record: Any, where: str = "record") -> T:
    """A value of type `cls` from plain JSON values; the inverse of `to_record`.

    Parameters
    ----------
    cls
        A dataclass, or any type that `msgspec` knows.
    record
        What `to_record` returned, perhaps through JSON.
    where
        What the record is, for the error.

    Raises
    ------
    Invalid
        `record.invalid`, with the place of the first value that has another type.
    """
    import msgspec

    try:
        return _complete(msgspec.convert(record, cls))
    except msgspec.ValidationError as error:
        raise Invalid(
            "record.invalid",
            f"{where}: {error}",
            hint="It was edited, or another version of Gristmill wrote it: restore or remove it.",
        ) from error


def _complete(value: T) -> T:
    """The same value with every field its own: `msgspec` leaves defaults on the class, where
    neither it nor `vars` finds them when the value is written again."""
    if is_dataclass(value):
        own = vars(value)
        for field in fields(value):
            _complete(own.setdefault(field.name, getattr(value, field.name)))
    elif isinstance(value, Mapping):
        for item in value.values():
            _complete(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _complete(item)
    return value


def parse_table(cls: type[T], table: Mapping[str, Any], where: str) -> T:
    """A settings table as the dataclass `cls`.

    Parameters
    ----------
    cls
        A frozen dataclass; a field without a default is required.
    table
        The table as TOML, YAML or JSON gave it.
    where
        The file and table, for errors.

    Raises
    ------
    Invalid
        `settings.unknown-key`, `settings.missing-key` or `settings.type`, naming `where` and the
        key.
    """
    import msgspec

    fields_by_name = {f.name: f for f in fields(cls)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields_by_name:
            raise unknown_key(key, set(fields_by_name), where)
    for name, spec in fields_by_name.items():
        if name not in table and spec.default is MISSING and spec.default_factory is MISSING:
            raise Invalid(
                "settings.missing-key",
                f"{where}: the key `{name}` is missing.",
                hint=f"Add `{name} = ...`.",
            )
    try:
        return _complete(msgspec.convert(table, cls))
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at ")
        key = re.sub(r"^\$\.?", "", path.strip("`"))
        raise Invalid(
            "settings.type",
            f"{where} {key}: {text[:1].lower()}{text[1:]}.",
            hint=f"Give `{key}` a value of the expected type.",
        ) from error


def parse_duration(text: str, where: str) -> timedelta:
    """A duration as settings write it: a number and `s`, `m`, `h`, `d` or `w`.

    Parameters
    ----------
    text
        `90s`, `1.5m`, `2h`, `7d`, `52w`.
    where
        The setting, for the error.

    Raises
    ------
    Invalid
        `settings.duration`.
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*([smhdw])", text)
    try:
        if match is not None:
            return timedelta(**{UNITS[match[2]]: float(match[1])})
    except OverflowError:
        pass
    raise Invalid(
        "settings.duration",
        f"{where}: {text!r} is not a duration.",
        hint="Write a number and its unit (s, m, h, d or w), for example 90s, 30m, 12h, 7d.",
    )


def unknown_key(key: str, known: set[str], where: str) -> Invalid:
    """The error for a key that no setting has, with the nearest one that exists.

    Parameters
    ----------
    key
        The key as written.
    known
        The keys that exist there.
    where
        The file and table.
    """
    import difflib

    close = difflib.get_close_matches(key, known, 1)
    hint = f"Did you mean `{close[0]}`?" if close else f"Known keys: {', '.join(sorted(known))}."
    return Invalid("settings.unknown-key", f"{where}: unknown key `{key}`.", hint=hint)
