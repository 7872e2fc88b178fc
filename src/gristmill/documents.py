"""A project's YAML, TOML, JSON and notebooks, read within bounds of size, depth and expansion.

A project may come from a stranger: a file that would take all memory, all time or the process
itself to read (libyaml ends it at deep nesting) is refused before it is parsed.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import IO, Any

from gristmill.errors import Invalid

TOML_BYTES = 256 << 10
YAML_BYTES = 16 << 20
NOTEBOOK_BYTES = 64 << 20
DEPTH = 100
JSON_VALUES = 5_000_000
ALIAS_VALUES = 100_000
TOML_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')


def read_text(path: Path, name: str, *, largest: int) -> str:
    """A regular file's text, with the line ends that it has.

    Parameters
    ----------
    path
        The file.
    name
        What errors call it.
    largest
        How many bytes it may have.

    Returns
    -------
    str
        Its text.

    Raises
    ------
    Invalid
        `file.not-regular`, `file.too-large`, `file.encoding` when it is not UTF-8, or
        `file.unreadable`.
    FileNotFoundError
        When there is none.
    """
    try:
        with open_regular(path, name) as file:
            content = file.read(largest + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Invalid(
            "file.unreadable",
            f"{name} cannot be read: {error.strerror}.",
            hint="Check what it is and who may read it.",
        ) from error
    if len(content) > largest:
        raise Invalid(
            "file.too-large",
            f"{name} is larger than {largest >> 10:,} KiB.",
            hint="Make it smaller; in a notebook, clear the outputs.",
        )
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Invalid(
            "file.encoding", f"{name} is not UTF-8: {error}.", hint="Save it again as UTF-8."
        ) from error


def open_regular(path: Path, name: str) -> IO[bytes]:
    """Open a regular file to read its bytes; a pipe, which may have no writer, is not waited for.

    Parameters
    ----------
    path
        The file.
    name
        What errors call it.

    Returns
    -------
    IO
        The open file.

    Raises
    ------
    Invalid
        `file.not-regular`.
    FileNotFoundError
        When there is none.
    """
    file = open(path, "rb", opener=lambda p, flags: os.open(p, flags | os.O_NONBLOCK))  # noqa: SIM115
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise Invalid(
        "file.not-regular",
        f"{name} is not a regular file.",
        hint="Remove it, or put the file itself there.",
    )


def read_yaml(path: Path, name: str, *, code: str, hint: str) -> Any:
    """What a YAML file says.

    Parameters
    ----------
    path
        The file.
    name
        What errors call it.
    code, hint
        Of the error for a file that is not YAML.

    Returns
    -------
    Any
        Plain values; None for an empty file.

    Raises
    ------
    Invalid
        With the code, as `read_text` does, or as `parse_yaml` does.
    FileNotFoundError
        When there is none.
    """
    return parse_yaml(read_text(path, name, largest=YAML_BYTES), name, code=code, hint=hint)


def parse_yaml(text: str, name: str, *, code: str, hint: str) -> Any:
    """What YAML says.

    Parameters
    ----------
    text
        The YAML.
    name
        What errors call it.
    code, hint
        Of the error for text that is not YAML.

    Returns
    -------
    Any
        Plain values.

    Raises
    ------
    Invalid
        With the code; `file.too-deep`; or `file.aliases`, when aliases multiply what it holds.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        _check_yaml(text, name, loader)
        return yaml.load(text, Loader=loader)  # noqa: S506
    except RecursionError as error:
        raise too_deep(name) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise Invalid(code, f"{name}: {error}", hint=hint) from error


def _check_yaml(text: str, name: str, loader: Any) -> None:
    """Count levels, and what aliases add, from events: these come one by one."""
    import yaml

    anchored: dict[str, int] = {}
    open_collections: list[tuple[str | None, int]] = []
    values = added = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.ScalarEvent):
            values += 1
            if event.anchor:
                anchored[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            open_collections.append((event.anchor, values))
            values += 1
            if len(open_collections) > DEPTH:
                raise too_deep(name)
            if event.anchor:
                anchored[event.anchor] = ALIAS_VALUES + 1  # for an alias within itself
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_collections.pop()
            if anchor:
                anchored[anchor] = values - before
        elif isinstance(event, yaml.AliasEvent):
            size = anchored.get(event.anchor or "", 1)
            values += size
            added += size
            if added > ALIAS_VALUES:
                raise Invalid(
                    "file.aliases",
                    f"{name}: its YAML aliases stand for more than {ALIAS_VALUES:,} values.",
                    hint="Write the values without `&` and `*`.",
                )


def read_toml(path: Path, name: str, *, code: str, hint: str) -> dict[str, Any]:
    """What a TOML file says.

    Parameters
    ----------
    path
        The file.
    name
        What errors call it.
    code, hint
        Of the error for a file that is not TOML.

    Returns
    -------
    dict
        Plain values.

    Raises
    ------
    Invalid
        With the code, as `read_text` does, or `file.too-deep`.
    FileNotFoundError
        When there is none.
    """
    text = read_text(path, name, largest=TOML_BYTES)
    # tomllib takes quadratic time for a key of many parts
    if any(
        line.count(".") > DEPTH and TOML_STRING.sub("", line).count(".") > DEPTH
        for line in text.splitlines()
    ):
        raise too_deep(name)
    try:
        raw = tomllib.loads(text)
    except RecursionError as error:
        raise too_deep(name) from error
    except ValueError as error:
        raise Invalid(code, f"{name}: {error}", hint=hint) from error
    _check_depth(raw, name)
    return raw


def parse_json(text: str, name: str, *, code: str, hint: str) -> Any:
    """What JSON says.

    Parameters
    ----------
    text
        The JSON.
    name
        What errors call it.
    code, hint
        Of the error for text that is not JSON.

    Returns
    -------
    Any
        Plain values.

    Raises
    ------
    Invalid
        With the code, `file.too-large` for too many values, or `file.too-deep`.
    """
    if sum(map(text.count, ",[{")) > JSON_VALUES:
        raise Invalid(
            "file.too-large",
            f"{name} holds more than {JSON_VALUES:,} values.",
            hint="Make it smaller; in a notebook, clear the outputs.",
        )
    try:
        value = json.loads(text)
    except RecursionError as error:
        raise too_deep(name) from error
    except ValueError as error:
        raise Invalid(code, f"{name}: not JSON: {error}", hint=hint) from error
    _check_depth(value, name)
    return value


def _check_depth(value: Any, name: str) -> None:
    level = [value]
    for _ in range(DEPTH + 1):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise too_deep(name)


def too_deep(name: str) -> Invalid:
    """The error for a file that is nested too deep.

    Parameters
    ----------
    name
        What it calls the file.

    Returns
    -------
    Invalid
        `file.too-deep`.
    """
    return Invalid(
        "file.too-deep",
        f"{name}: its values, or expressions in its code, are nested too deep.",
        hint=f"Flatten it. Values may be nested {DEPTH} levels deep.",
    )
