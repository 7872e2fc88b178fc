"""Whether a skops file names only what was vouched for; read from its schema, nothing is made.

The file brings a tree of nodes; each names a loader of skops and a type that the loader makes, or
calls, with what the nodes below it hold. Loaders that call what the file names with arguments of
the file (methods, partials, operators, constructors) are refused, whatever they name.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gristmill.registry._loading.skops_types import FUNCTIONS, LOSSES, OBJECTS, SCALARS

LARGEST = 64 << 20  # bytes that the schema may unpack to
PROTOCOL = 2  # older ones choose other loaders for the same names
PRIMITIVES = frozenset({"builtins.bool", "builtins.float", "builtins.int", "builtins.str"})
TYPES_OF: Mapping[str, frozenset[str]] = {
    "BytearrayNode": frozenset({"builtins.bytearray"}),
    "BytesNode": frozenset({"builtins.bytes"}),
    "DTypeNode": frozenset({"numpy.dtype"}),
    "DictNode": frozenset(
        {"builtins.dict", "collections.OrderedDict", "sklearn.utils._bunch.Bunch"}
    ),
    "FunctionNode": FUNCTIONS,
    "JsonNode": frozenset({"builtins.str"}),
    "ListNode": frozenset({"builtins.list"}),
    "LossNode": LOSSES,
    "MaskedArrayNode": frozenset({"numpy.ma.MaskedArray"}),
    "NdArrayNode": SCALARS | {"numpy.ndarray"},
    "ObjectNode": OBJECTS,
    "RandomGeneratorNode": frozenset({"numpy.random._generator.Generator"}),
    "RandomStateNode": frozenset({"numpy.random.mtrand.RandomState"}),
    "SetNode": frozenset({"builtins.set"}),
    "SliceNode": frozenset({"builtins.slice"}),
    "SparseMatrixNode": frozenset(
        f"scipy.sparse._{kind}.{kind}_{form}"
        for kind in ("bsr", "coo", "csc", "csr", "dia")
        for form in ("array", "matrix")
    ),
    "TreeNode": frozenset({"sklearn.tree._tree.Tree"}),
    "TupleNode": frozenset({"builtins.tuple"}),
    "TypeNode": SCALARS | PRIMITIVES,
}
VOUCHED = frozenset[str]().union(*TYPES_OF.values())


def unknown_in(path: Path) -> list[str]:
    """What of a skops file is not vouched for, a phrase each; empty when it is safe to load."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("schema.json").file_size > LARGEST:
                return [f"{path.name} has a schema of more than {LARGEST >> 20} MiB"]
            schema = json.loads(archive.read("schema.json"))
    except (OSError, ValueError, KeyError, RecursionError, RuntimeError, zipfile.BadZipFile):
        return [f"{path.name} is not a skops file"]
    if not isinstance(schema, dict) or schema.get("protocol") is not PROTOCOL:
        return [f"{path.name} is not of skops' protocol {PROTOCOL}"]
    return sorted({phrase for node in _nodes(schema) for phrase in _unknown(node)})


def _nodes(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every mapping in the schema; it may be nested deeper than Python recurses."""
    waiting: list[Any] = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if value.keys() & {"__loader__", "__class__", "__module__"}:
                yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


def _unknown(node: Mapping[str, Any]) -> Iterator[str]:
    loader, module, name = (node.get(k) for k in ("__loader__", "__module__", "__class__"))
    if not (isinstance(loader, str) and isinstance(module, str) and isinstance(name, str)):
        yield "it has a node without a type"
    elif loader not in TYPES_OF:
        yield f"its {module}.{name} would be made by skops' {loader}"
    elif f"{module}.{name}" not in TYPES_OF[loader]:
        yield f"it holds {module}.{name}, which is not among the known types"
    content = node.get("content")
    source = content.get("input") if isinstance(content, dict) else None
    if isinstance(source, dict) and source.get("content") in ('"filename"', '"file"'):
        yield "it would open the files that a request names (input='filename')"
