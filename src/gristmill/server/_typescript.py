"""`extension/src/schema.ts` from the dataclasses of the schema: `python -m
gristmill.server._typescript` prints it, a test says when the file is out of date."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from gristmill import events

# Modules whose dataclasses are the schema, or those that a verb's result is made of; a new one is a
# line here.
SCHEMAS = (
    "gristmill.server._schema",
    "gristmill.pipeline._cells:CellChange",
    "gristmill.pipeline._value_types",
    "gristmill.authoring._form.edits",
    "gristmill.authoring._form.form",
    "gristmill.authoring._form.suggest",
    "gristmill.authoring._form.literals:Occurrence",
    "gristmill.authoring._rules.finding:Finding",
    "gristmill.authoring._editor",
    "gristmill.authoring._completion",
    "gristmill.runs._rows",
    "gristmill.runs._compare",
    "gristmill.runs._plots",
)
HEAD = """// Written by `python -m gristmill.server._typescript` from the dataclasses of
// gristmill.server._schema and gristmill.events. Do not edit.
"""
PLAIN: dict[Any, str] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    Any: "unknown",
}


def typescript() -> str:
    """The whole file."""
    parts = [HEAD]
    for name in SCHEMAS:
        parts += [_interface(cls) for cls in dataclasses_of(name)]
    kinds = [c for c in dataclasses_of("gristmill.events") if c is not events.Event]
    parts += [_interface(cls, cls.kind) for cls in kinds]
    parts.append("export type RunEvent =\n  | " + "\n  | ".join(c.__name__ for c in kinds) + ";\n")
    return "\n".join(parts)


def dataclasses_of(entry: str) -> Iterator[Any]:
    """The dataclasses of `MODULE` or `MODULE:NAME ...`, in the order of the source."""
    module, _, named = entry.partition(":")
    for name, value in vars(import_module(module)).items():
        own = isinstance(value, type) and is_dataclass(value) and value.__module__ == module
        if own and (not named or name in named.split()):
            yield value


def _interface(cls: Any, kind: str = "") -> str:
    hints = get_type_hints(cls)
    lines = [f"  kind: '{kind}';"] if kind else []
    lines += [f"  {f.name}: {_type(hints[f.name])};" for f in fields(cls)]
    return f"export interface {cls.__name__} {{\n" + "\n".join(lines) + "\n}\n"


def _type(hint: Any) -> str:
    if hint in PLAIN:
        return PLAIN[hint]
    if hint is type(None):
        return "null"
    if isinstance(hint, type) and is_dataclass(hint):
        return hint.__name__
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return " | ".join(f"'{a}'" for a in arguments)
    if origin in (Union, types.UnionType):
        return " | ".join(_type(a) for a in arguments)
    if origin in (tuple, list, Sequence) or origin is types.GenericAlias:
        inner = _type(arguments[0])
        return f"({inner})[]" if " " in inner else f"{inner}[]"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"Record<string, {_type(arguments[1])}>"
    raise TypeError(f"no TypeScript for {hint!r}")


if __name__ == "__main__":
    sys.stdout.write(typescript())
