"""Values as a person would write them in a parameters cell."""

from __future__ import annotations

import ast
import math
from typing import Any

from gristmill.errors import Invalid
from gristmill.pipeline import ValueType


def literal(value: Any, kind: ValueType, like: str = "") -> str:
    """Python for a JSON value; `like` is the text it replaces, whose quotes are kept."""
    if isinstance(value, str):
        return quoted(value, "'" if like[:1] == "'" else '"')
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise Invalid(
            "parameter.number", f"{value!r} is not a finite number.", hint="Enter a finite number."
        )
    if isinstance(value, int) and _wants_float(kind):
        return repr(float(value)) if abs(value) < 2**53 else repr(value)
    if isinstance(value, list | tuple):
        inner = kind.items[0] if kind.kind == "list" and kind.items else ValueType("any")
        texts = [literal(v, inner) for v in value]
        if like[:1] == "(":
            return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"
        return f"[{', '.join(texts)}]"
    if isinstance(value, dict):
        inner = kind.items[0] if kind.kind == "dict" and kind.items else ValueType("any")
        pairs = (f"{quoted(str(k))}: {literal(v, inner)}" for k, v in value.items())
        return f"{{{', '.join(pairs)}}}"
    return repr(value)


def quoted(text: str, quote: str = '"') -> str:
    """A string in these quotes, unless the others need no escapes."""
    plain = repr(text)
    if plain[0] == quote or quote in text:
        return plain
    return quote + plain[1:-1].replace("\\'", "'") + quote


def typed(text: str, kind: ValueType) -> tuple[Any, str]:
    """The value of what a person typed into a form, and its spelling in Python.

    Numbers, lists and the like keep the spelling (`1e-3`, `1_000`). Raises ValueError when no
    reading has the type.
    """
    value = kind.parse(text.strip() if not kind.accepts(text) else text)
    if not isinstance(value, str):
        try:
            if ast.literal_eval(text.strip()) == value and "\n" not in text.strip():
                return value, text.strip()
        except (ValueError, SyntaxError):
            pass
    return value, literal(value, kind)


def _wants_float(kind: ValueType) -> bool:
    kinds = {kind.kind, *(i.kind for i in kind.items if kind.kind == "union")}
    return "float" in kinds and "int" not in kinds
