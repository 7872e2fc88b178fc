"""Paths written into the code: absolute ones, and files the parameters cell does not declare."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gristmill.authoring._cells import Parsed
from gristmill.authoring._rules.finding import Remark
from gristmill.pipeline import StepSpec, overlaps

READERS = {
    "read_csv", "read_parquet", "read_json", "read_excel", "read_table", "read_feather",
    "read_pickle", "read_hdf", "read_orc", "read_fwf", "read_stata", "read_sas", "read_xml",
    "scan_csv", "scan_parquet", "scan_ipc", "read_ipc", "loadtxt", "genfromtxt", "imread",
    "read_text", "read_bytes", "load_model", "ParquetFile",
}  # fmt: skip
WRITERS = {
    "to_csv", "to_parquet", "to_json", "to_excel", "to_feather", "to_pickle", "to_hdf", "to_orc",
    "to_stata", "to_xml", "to_html", "write_csv", "write_parquet", "write_ipc", "savetxt",
    "savez", "savez_compressed", "savefig", "imsave", "write_html", "write_image", "write_text",
    "write_bytes",
}  # fmt: skip
SECOND = {"write_table": 1, "save_model": 1, "copyfile": 1, "copytree": 1, "copy2": 1}
LOADED_BY = {"np", "numpy", "joblib", "torch"}  # whose `load` and `save` take a path
PATHLIKE = {"Path", "PurePath", "PosixPath"}
MACHINE = re.compile(
    r"(?:/(?:home|Users|root|mnt|media|data|tmp|var|opt|srv|Volumes|dbfs|content|kaggle|workspace)"
    r"/[^\s:*?\"<>|]+|~[/\\][^\s]+|[A-Za-z]:[\\/][^\s]+)"
)
OUTSIDE = "Declare it in the parameters cell, relative to the project's root."


@dataclass(frozen=True)
class Access:
    """A literal path that a call reads or writes."""

    path: str
    writes: bool
    line: int


def path_remarks(cells: Sequence[Parsed], step: StepSpec | None) -> list[Remark]:
    """Remarks on absolute paths anywhere, and on undeclared literal paths when it is a step."""
    constants = _constants(cells)
    remarks = []
    for cell in cells:
        if cell.tree is None:
            continue
        reported: set[str] = set()
        for access in accesses(cell.tree, constants):
            if is_outside(access.path):
                reported.add(access.path)
                remarks.append(_absolute(cell.index, access.line, access.path))
            elif step is not None and not _declared(access, step):
                remarks.append(_undeclared(cell.index, access))
        for node in ast.walk(cell.tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value not in reported
                and MACHINE.fullmatch(node.value)
            ):
                reported.add(node.value)
                remarks.append(_absolute(cell.index, node.lineno, node.value))
    return remarks


def is_outside(path: str) -> bool:
    """Whether a path leaves the project: absolute, in a home directory, or above the root."""
    return path.startswith(("/", "~")) or bool(re.match(r"[A-Za-z]:[\\/]|\.\.(/|$)", path))


def _absolute(cell: int, line: int, path: str) -> Remark:
    text = f"{path!r} is a path on this machine, not in the project."
    return Remark("absolute-path", cell, line, text, OUTSIDE)


def _undeclared(cell: int, access: Access) -> Remark:
    code, kind = ("undeclared-write", "Output") if access.writes else ("undeclared-read", "Input")
    verb = "writes" if access.writes else "reads"
    text = f"{verb} {access.path}, which the parameters cell does not declare."
    hint = f'Add `name: {kind} = "{access.path}"` there and use the name here.'
    return Remark(code, cell, access.line, text, hint)


def _declared(access: Access, step: StepSpec) -> bool:
    own = [o.path for o in step.outputs]
    allowed = own if access.writes else [*step.inputs, *own]
    return any(overlaps(access.path, path) for path in allowed)


def _constants(cells: Sequence[Parsed]) -> dict[str, str]:
    """Top-level names that are assigned once, and that to a literal path."""
    values: dict[str, list[str | None]] = {}
    for cell in cells:
        for node in ast.walk(cell.tree) if cell.tree else ():
            if isinstance(node, ast.Assign):
                targets, value = node.targets, node.value
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                targets, value = [node.target], node.value
            else:
                continue
            for target in targets:
                if isinstance(target, ast.Name):
                    values.setdefault(target.id, []).append(_literal(value, {}))
    return {n: v[0] for n, v in values.items() if len(v) == 1 and v[0] is not None}


def _literal(node: ast.expr | None, constants: Mapping[str, str]) -> str | None:
    """The path an expression certainly is: a string, `Path("a") / "b"`, `os.path.join("a", "b")`
    or a name for one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        parts = [_literal(node.left, constants), _literal(node.right, constants)]
    elif isinstance(node, ast.Call) and _last(node.func) in {*PATHLIKE, "join"}:
        if _last(node.func) == "join" and not isinstance(node.func, ast.Attribute):
            return None
        if _last(node.func) == "join" and _base(node.func) not in {"path", "osp", "posixpath"}:
            return None
        parts = [_literal(argument, constants) for argument in node.args]
    else:
        return None
    texts = [p for p in parts if p is not None]
    return posixpath.join(*texts) if texts and len(texts) == len(parts) else None


def accesses(tree: ast.AST, constants: Mapping[str, str]) -> Iterator[Access]:
    """Reads and writes of literal paths; addresses of other machines are passed over."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            access, _ = access_of(node, constants)
            if access is not None:
                yield access


def access_of(
    call: ast.Call, constants: Mapping[str, str]
) -> tuple[Access | None, ast.expr | None]:
    """The read or write of a literal path that a call is, and the expression that is the path;
    `known` has the paths that names stand for."""
    writes = _writes(call)
    if writes is None:
        return None, None
    argument = _path_argument(call)
    path = _literal(argument, constants)
    if not path or "://" in path or "\n" in path or path.lstrip().startswith("{"):
        return None, None
    normal = path if is_outside(path) else posixpath.normpath(path)
    return Access(normal, writes, call.lineno), argument


def _writes(call: ast.Call) -> bool | None:
    """Whether a call writes its path (True), reads it (False) or is none of ours."""
    name = _last(call.func)
    if name == "open":
        mode = _mode(call)
        return None if mode is None else bool(set(mode) & set("wax+"))
    if name in {"load", "save", "dump"}:
        if _base(call.func) not in LOADED_BY:
            return None
        return name != "load"
    if name in READERS:
        return False
    return True if name in WRITERS or name in SECOND else None


def _mode(call: ast.Call) -> str | None:
    position = 0 if _is_path(call.func) else 1
    given: ast.expr | None = call.args[position] if len(call.args) > position else None
    given = next((k.value for k in call.keywords if k.arg == "mode"), given)
    if given is None:
        return "r"
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else None


def _is_path(func: ast.expr) -> bool:
    """`Path("x").open`: the path is what stands before the dot."""
    return isinstance(func, ast.Attribute) and (
        isinstance(func.value, ast.BinOp)
        or (isinstance(func.value, ast.Call) and _last(func.value.func) in PATHLIKE)
    )


def _path_argument(call: ast.Call) -> ast.expr | None:
    name = _last(call.func)
    if isinstance(call.func, ast.Attribute):
        on_path = name in {"read_text", "read_bytes", "write_text", "write_bytes"}
        if on_path or _is_path(call.func):
            return call.func.value
    named = {"path", "file", "filename", "filepath_or_buffer", "path_or_buf", "fname", "io", "dst"}
    for keyword in call.keywords:
        if keyword.arg in named:
            return keyword.value
    joblib = name in {"dump", "save"} and _base(call.func) in {"joblib", "torch"}
    position = 1 if joblib else SECOND.get(name, 0)
    return call.args[position] if len(call.args) > position else None


def _last(func: ast.expr) -> str:
    if isinstance(func, ast.Attribute):
        return func.attr
    return func.id if isinstance(func, ast.Name) else ""


def _base(func: ast.expr) -> str:
    return _last(func.value) if isinstance(func, ast.Attribute) else ""
