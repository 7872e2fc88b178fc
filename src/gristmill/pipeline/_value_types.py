"""The types of parameters, read from annotations, and whether a value is of one."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PLAIN = {"int": int, "float": float, "str": str, "bool": bool}
CONTAINERS = {"list": list, "List": list, "tuple": list, "Tuple": list, "Sequence": list}
MAPPINGS = {"dict", "Dict", "Mapping"}


@dataclass(frozen=True)
class ValueType:
    """A type that a parameter may have.

    Attributes
    ----------
    kind
        int, float, str, bool, none, any, list, dict, literal or union.
    items
        The types of elements, of values or of members.
    allowed
        The values of a literal.
    """

    kind: str
    items: tuple[ValueType, ...] = ()
    allowed: tuple[Any, ...] = ()

    def __str__(self) -> str:
        if self.kind == "union":
            return " | ".join(map(str, self.items))
        if self.kind == "literal":
            return f"one of {', '.join(map(repr, self.allowed))}"
        if self.kind == "dict" and self.items:
            return f"dict[str, {self.items[0]}]"
        inner = f"[{', '.join(map(str, self.items))}]" if self.items else ""
        return self.kind + inner

    def accepts(self, value: Any) -> bool:
        """Whether a value is of this type; an int is a float too.

        Parameters
        ----------
        value
            As JSON or YAML give it.
        """
        match self.kind:
            case "any":
                return True
            case "none":
                return value is None
            case "union":
                return any(item.accepts(value) for item in self.items)
            case "literal":
                return any(value == a and type(value) is type(a) for a in self.allowed)
            case "list":
                return isinstance(value, list | tuple) and all(
                    self.items[0].accepts(v) for v in value if self.items
                )
            case "dict":
                return isinstance(value, Mapping) and all(
                    isinstance(k, str) and (not self.items or self.items[0].accepts(v))
                    for k, v in value.items()
                )
            case "float":
                return isinstance(value, int | float) and not isinstance(value, bool)
            case "int":
                return isinstance(value, int) and not isinstance(value, bool)
        return isinstance(value, PLAIN[self.kind])

    def parse(self, text: str) -> Any:
        """The value that a word of the command line means for this type.

        Strings stay as typed unless only another reading fits.

        Parameters
        ----------
        text
            The word.

        Returns
        -------
        Any
            The value.

        Raises
        ------
        ValueError
            When no reading is of this type.
        """
        if self.accepts(text):
            return text
        for reading in (text, text.capitalize(), text.replace("null", "None")):
            try:
                value = ast.literal_eval(reading)
            except (ValueError, SyntaxError):
                continue
            if self.accepts(value):
                return value
        raise ValueError(text)


ANY_TYPE = ValueType("any")


def type_of_annotation(node: ast.expr) -> ValueType:
    """The type that an annotation names.

    Parameters
    ----------
    node
        The annotation's expression.

    Returns
    -------
    ValueType
        `any` for an annotation that no value can be checked against.
    """
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return type_of_annotation(ast.parse(node.value, mode="eval").body)
        except SyntaxError:
            return ANY_TYPE
    if isinstance(node, ast.Constant) and node.value is None:
        return ValueType("none")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _union([type_of_annotation(node.left), type_of_annotation(node.right)])
    name = annotation_name(node)
    if name in PLAIN:
        return ValueType(name)
    if name in CONTAINERS:
        return ValueType("list")
    if name in MAPPINGS:
        return ValueType("dict")
    if isinstance(node, ast.Subscript):
        return _subscript(annotation_name(node.value), node.slice)
    return ANY_TYPE


def _subscript(name: str, inner: ast.expr) -> ValueType:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == "Literal":
        try:
            return ValueType("literal", allowed=tuple(ast.literal_eval(p) for p in parts))
        except ValueError:
            return ANY_TYPE
    if name == "Optional":
        return _union([type_of_annotation(parts[0]), ValueType("none")])
    if name == "Union":
        return _union([type_of_annotation(p) for p in parts])
    if name in {"Annotated", "Final"}:
        return type_of_annotation(parts[0])
    if name in CONTAINERS:
        members = [type_of_annotation(p) for p in parts if not _is_ellipsis(p)]
        return ValueType("list", (_union(members),))
    if name in MAPPINGS and len(parts) == 2:
        return ValueType("dict", (type_of_annotation(parts[1]),))
    return ANY_TYPE


def _is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _union(members: list[ValueType]) -> ValueType:
    flat: list[ValueType] = []
    for member in members:
        for item in member.items if member.kind == "union" else (member,):
            if item not in flat:
                flat.append(item)
    if ANY_TYPE in flat:
        return ANY_TYPE
    return flat[0] if len(flat) == 1 else ValueType("union", tuple(flat))


def type_of_value(value: Any) -> ValueType:
    """The type of a default without annotation.

    Parameters
    ----------
    value
        The default.

    Returns
    -------
    ValueType
        `any` for a value of another type than JSON has.
    """
    if isinstance(value, bool):
        return ValueType("bool")
    if isinstance(value, list | tuple):
        return ValueType("list")
    if isinstance(value, dict):
        return ValueType("dict")
    if isinstance(value, int | float | str):
        return ValueType(type(value).__name__)
    return ANY_TYPE


def annotation_name(node: ast.expr) -> str:
    """The last word of a dotted annotation: `gristmill.Input` is `Input`.

    Parameters
    ----------
    node
        The annotation's expression.

    Returns
    -------
    str
        "" for an expression that is not a name.
    """
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.rsplit(".", 1)[-1]
    return ""
