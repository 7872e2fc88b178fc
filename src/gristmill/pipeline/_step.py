"""A step from a notebook: what it reads, writes and takes, parsed and never executed."""

from __future__ import annotations

import ast
import math
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gristmill.errors import Invalid
from gristmill.pipeline._notebook import Notebook
from gristmill.pipeline._source import imported_modules, normalise_code, parse_cell
from gristmill.pipeline._values import ValueType, annotation_name, type_of_annotation, type_of_value

PATH_KINDS = {"Input": "input", "Output": "output", "Metrics": "metrics", "Plots": "plots"}


@dataclass(frozen=True)
class Parameter:
    """A typed value the step takes. `fixed` is False when its default is an expression."""

    name: str
    type: ValueType
    default: Any = None
    fixed: bool = True


@dataclass(frozen=True)
class PathParameter:
    """A path the step reads or writes; `kind` is input, output, metrics or plots."""

    name: str
    kind: str
    path: str


@dataclass(frozen=True)
class StepSpec:
    """A step. `code` is its normalised source without parameter values, `cell` the position of
    its parameters cell, `cells` how many code cells it has."""

    name: str
    notebook: str
    kernel: str
    language: str
    cell: int
    cells: int
    paths: tuple[PathParameter, ...]
    parameters: tuple[Parameter, ...]
    code: str
    imports: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(p.path for p in self.paths if p.kind == "input"))

    @property
    def outputs(self) -> tuple[PathParameter, ...]:
        return tuple(p for p in self.paths if p.kind != "input")

    def place(self) -> str:
        return f"{self.notebook}, cell {self.cell + 1}"

    def resolve(self, values: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Defaults overlaid with `values`, each checked; `where` names their origin.

        Raises Invalid for an unknown name, a path, or a value of a wrong type.
        """
        known = {p.name: p for p in self.parameters}
        result = {p.name: p.default for p in self.parameters if p.fixed}
        for name, value in values.items():
            parameter = known.get(name)
            if parameter is None:
                raise self._unknown(name, known, where)
            if not parameter.type.accepts(value):
                raise Invalid(
                    "parameter.type",
                    f"{where}: {self.name}.{name} = {value!r} is not {parameter.type}.",
                    hint=f"Its type is declared in {self.place()}.",
                )
            result[name] = value
        return result

    def _unknown(self, name: str, known: Mapping[str, Parameter], where: str) -> Invalid:
        if any(p.name == name for p in self.paths):
            return Invalid(
                "parameter.is-path",
                f"{where}: {self.name}.{name} is an input or output and cannot be set.",
                hint=f"Paths make the DAG: change it in {self.place()}.",
            )
        takes = ", ".join(known) or "none"
        return Invalid(
            "parameter.unknown",
            f"{where}: step {self.name} takes no parameter `{name}`.",
            hint=f"{self.place()} declares: {takes}.",
        )


def step_name(path: str, prefixes: tuple[str, ...] = ()) -> str:
    """A name from a notebook's path: `sub/clean data.ipynb` is `sub-clean-data`.

    The longest of `prefixes` (directories that end in `/`) the path starts with is dropped.
    """
    prefix = max((p for p in prefixes if path.startswith(p)), key=len, default="")
    stem = path[len(prefix) :].removesuffix(".ipynb")
    return re.sub(r"[^\w]+", "-", stem.replace("/", "-")).strip("-") or "step"


def parse_step(notebook: Notebook, name: str) -> StepSpec | None:
    """The step a notebook is, None when no cell is tagged `parameters`.

    Raises Invalid naming the file and the cell.
    """
    cell = notebook.parameters_cell
    if cell is None or notebook.language not in {"python", "python3", "ipython"}:
        return None
    tree = parse_cell(cell.source)
    where = f"{notebook.path}, cell {cell.index + 1}"
    if tree is None:
        raise Invalid(
            "step.parameters-syntax",
            f"{where}: the parameters cell is not Python.",
            hint="Keep it to assignments like `max_depth: int = 6`.",
        )
    paths: list[PathParameter] = []
    parameters: dict[str, Parameter] = {}
    kept: list[ast.stmt] = []
    for statement in tree.body:
        found = declaration(statement, where)
        if isinstance(found, PathParameter):
            paths.append(found)
            kept.append(statement)
        elif isinstance(found, Parameter):
            parameters[found.name] = found
            kept.append(_without_value(statement) if found.fixed else statement)
        else:
            kept.append(statement)
    own = [p.path for p in paths if p.kind != "input"]
    for path in paths:
        if path.kind == "input" and any(overlaps(path.path, other) for other in own):
            raise Invalid(
                "step.reads-own-output",
                f"{where}: {path.path} is both read and written by this step.",
                hint="Write to another path.",
            )
    parts = [
        ast.unparse(ast.Module(kept, [])) if c is cell else normalise_code(c.source)
        for c in notebook.cells
    ]
    return StepSpec(
        name=name,
        notebook=notebook.path,
        kernel=notebook.kernel,
        language=notebook.language,
        cell=cell.index,
        cells=sum(1 for c in notebook.cells if c.source.strip()),
        paths=tuple(paths),
        parameters=tuple(parameters.values()),
        code="\n\n".join(part for part in parts if part),
        imports=tuple(sorted({n for c in notebook.cells for n in imported_modules(c.source)})),
    )


def declaration(statement: ast.stmt, where: str) -> Parameter | PathParameter | None:
    """What a statement of the parameters cell declares, None for one that declares nothing.

    Raises Invalid, naming `where` and the line.
    """
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        name, annotation, value = statement.target.id, statement.annotation, statement.value
    elif (
        isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
    ):
        name, annotation, value = statement.targets[0].id, None, statement.value
    else:
        return None
    place = f"{where}, line {statement.lineno}"
    kind = PATH_KINDS.get(annotation_name(annotation)) if annotation is not None else None
    if kind:
        return PathParameter(name, kind, _path(name, kind, value, place))
    declared = type_of_annotation(annotation) if annotation is not None else None
    if value is None:
        raise Invalid(
            "step.no-default",
            f"{place}: parameter `{name}` has no default.",
            hint="Give it one, so that the notebook also runs by hand.",
        )
    try:
        default = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return Parameter(name, declared or ValueType("any"), fixed=False)
    if not _is_plain(default):
        return Parameter(name, declared or ValueType("any"), fixed=False)
    default = _plain(default)
    if declared is not None and not declared.accepts(default):
        raise Invalid(
            "parameter.type",
            f"{place}: `{name}` is declared {declared}, but its default is {default!r}.",
            hint="Make the annotation and the default agree.",
        )
    return Parameter(name, declared or type_of_value(default), default)


def _path(name: str, kind: str, value: ast.expr | None, place: str) -> str:
    if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
        raise Invalid(
            "step.path-not-literal",
            f"{place}: {kind} `{name}` must be a plain string.",
            hint="The DAG is read without running the notebook.",
        )
    path = posixpath.normpath(value.value) if value.value else ""
    if path in {"", "."} or path.startswith(("/", "../", "~")) or path == "..":
        raise Invalid(
            "step.path-outside",
            f"{place}: {kind} `{name}` = {value.value!r} is not a path inside the project.",
            hint="Give it relative to the project's root, so that it works on every machine.",
        )
    if "\\" in path or re.match(r"[A-Za-z]:", path):
        raise Invalid(
            "step.path-outside",
            f"{place}: {kind} `{name}` = {value.value!r} works on one system only.",
            hint="Write it relative to the project's root, with `/`.",
        )
    if path.split("/")[0] in {".git", ".dvc", ".gristmill"}:
        raise Invalid(
            "step.path-reserved",
            f"{place}: {kind} `{name}` = {value.value!r} lies in a directory of git, DVC or "
            "Gristmill.",
            hint="Choose another directory, for example data/.",
        )
    return path


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_plain(v) for k, v in value.items())
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int | str)


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value


def _without_value(statement: ast.stmt) -> ast.stmt:
    """The declaration alone: a parameter's value is no part of the code."""
    if isinstance(statement, ast.AnnAssign):
        return ast.AnnAssign(statement.target, statement.annotation, None, statement.simple)
    assert isinstance(statement, ast.Assign)
    return ast.Expr(statement.targets[0])


def overlaps(one: str, other: str) -> bool:
    """Whether two paths are equal or one lies inside the other."""
    return one == other or one.startswith(other + "/") or other.startswith(one + "/")
