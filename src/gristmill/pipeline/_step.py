"""A step, parsed from a notebook and never executed: its inputs, outputs and parameters."""

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
from gristmill.pipeline._value_types import (
    ValueType,
    annotation_name,
    type_of_annotation,
    type_of_value,
)

PATH_KINDS = {"Input": "input", "Output": "output", "Metrics": "metrics", "Plots": "plots"}


@dataclass(frozen=True)
class Parameter:
    """A typed value that a step takes.

    Attributes
    ----------
    name
        The variable in the parameters cell.
    type
        What values are checked against.
    default
        The default; None when `fixed` is False.
    fixed
        False when the default is an expression, known only when the notebook runs.
    """

    name: str
    type: ValueType
    default: Any = None
    fixed: bool = True


@dataclass(frozen=True)
class PathParameter:
    """A path that a step reads or writes.

    Attributes
    ----------
    name
        The variable in the parameters cell.
    kind
        input, output, metrics or plots.
    path
        Relative to the project's root.
    """

    name: str
    kind: str
    path: str


@dataclass(frozen=True)
class StepSpec:
    """A step.

    Attributes
    ----------
    name
        Its name.
    notebook
        The notebook's path relative to the root.
    kernel, language
        What runs it.
    cell
        The position of its parameters cell in the notebook, from 0.
    cells
        How many code cells are not empty.
    paths
        Inputs and outputs, in the order of the text.
    parameters
        Parameters, in the order of the text.
    code
        Its normalised source without parameter values.
    imports
        Dotted names that its cells may import.
    """

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
        """Paths that it reads, each once."""
        return tuple(dict.fromkeys(p.path for p in self.paths if p.kind == "input"))

    @property
    def outputs(self) -> tuple[PathParameter, ...]:
        """Paths that it writes."""
        return tuple(p for p in self.paths if p.kind != "input")

    def location(self) -> str:
        """Notebook and parameters cell, for messages."""
        return f"{self.notebook}, cell {self.cell + 1}"

    def resolve(self, values: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Defaults overlaid with `values`.

        Parameters
        ----------
        values
            Values by parameter.
        where
            Where they come from, for errors.

        Returns
        -------
        dict
            Every parameter's value; a default that is an expression is left out.

        Raises
        ------
        Invalid
            `parameter.unknown`, `parameter.is-path`, or `parameter.type` for a value of a wrong
            type.
        """
        declared = {p.name: p for p in self.parameters}
        result = {p.name: p.default for p in self.parameters if p.fixed}
        for name, value in values.items():
            parameter = declared.get(name)
            if parameter is None:
                raise self._unknown(name, declared, where)
            if not parameter.type.accepts(value):
                raise Invalid(
                    "parameter.type",
                    f"{where}: {self.name}.{name} = {value!r} is not of type {parameter.type}.",
                    hint=f"Its type is declared in {self.location()}.",
                )
            result[name] = value
        return result

    def _unknown(self, name: str, declared: Mapping[str, Parameter], where: str) -> Invalid:
        if any(p.name == name for p in self.paths):
            return Invalid(
                "parameter.is-path",
                f"{where}: {self.name}.{name} is an input or output and cannot be set.",
                hint=f"Paths define the pipeline: change it in {self.location()}.",
            )
        takes = ", ".join(declared) or "none"
        return Invalid(
            "parameter.unknown",
            f"{where}: step {self.name} takes no parameter `{name}`.",
            hint=f"{self.location()} declares: {takes}.",
        )


def step_name(path: str, prefixes: tuple[str, ...] = ()) -> str:
    """A step's name from its notebook's path: `sub/clean data.ipynb` is `sub-clean-data`.

    Parameters
    ----------
    path
        The path relative to the root.
    prefixes
        Directories that end in `/`; the longest one that the path starts with is dropped.
    """
    prefix = max((p for p in prefixes if path.startswith(p)), key=len, default="")
    stem = path[len(prefix) :].removesuffix(".ipynb")
    return re.sub(r"[^\w]+", "-", stem.replace("/", "-")).strip("-") or "step"


def parse_step(notebook: Notebook, name: str) -> StepSpec | None:
    """The step that a notebook is.

    Parameters
    ----------
    notebook
        The notebook.
    name
        The step's name.

    Returns
    -------
    StepSpec or None
        None when no cell is tagged `parameters`, or the language is not Python.

    Raises
    ------
    Invalid
        Naming the file and the cell, when a declaration is wrong.
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
    statements: list[ast.stmt] = []
    for statement in tree.body:
        declared = declaration(statement, where)
        if isinstance(declared, PathParameter):
            paths.append(declared)
            statements.append(statement)
        elif isinstance(declared, Parameter):
            parameters[declared.name] = declared
            statements.append(_without_value(statement) if declared.fixed else statement)
        else:
            statements.append(statement)
    written = [p.path for p in paths if p.kind != "input"]
    for path in paths:
        if path.kind == "input" and any(overlaps(path.path, other) for other in written):
            raise Invalid(
                "step.reads-own-output",
                f"{where}: {path.path} is both read and written by this step.",
                hint="Write to another path.",
            )
    parts = [
        ast.unparse(ast.Module(statements, [])) if c is cell else normalise_code(c.source)
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
    """What a statement of the parameters cell declares.

    Parameters
    ----------
    statement
        The statement.
    where
        File and cell, for errors.

    Returns
    -------
    Parameter, PathParameter or None
        None for a statement that declares nothing.

    Raises
    ------
    Invalid
        Naming `where` and the line, when the declaration is wrong.
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
    where = f"{where}, line {statement.lineno}"
    kind = PATH_KINDS.get(annotation_name(annotation)) if annotation is not None else None
    if kind:
        return PathParameter(name, kind, _path(name, kind, value, where))
    declared = type_of_annotation(annotation) if annotation is not None else None
    if value is None:
        raise Invalid(
            "step.no-default",
            f"{where}: parameter `{name}` has no default.",
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
            f"{where}: `{name}` is declared {declared}, but its default is {default!r}.",
            hint="Make the annotation and the default agree.",
        )
    return Parameter(name, declared or type_of_value(default), default)


def _path(name: str, kind: str, value: ast.expr | None, where: str) -> str:
    if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
        raise Invalid(
            "step.path-not-literal",
            f"{where}: {kind} `{name}` must be a plain string.",
            hint="Write the path as a literal: the pipeline is read without running the notebook.",
        )
    path = posixpath.normpath(value.value) if value.value else ""
    if path in {"", "."} or path.startswith(("/", "../", "~")) or path == "..":
        raise Invalid(
            "step.path-outside",
            f"{where}: {kind} `{name}` = {value.value!r} is not a path inside the project.",
            hint="Give it relative to the project's root, so that it works on every machine.",
        )
    if "\\" in path or re.match(r"[A-Za-z]:", path):
        raise Invalid(
            "step.path-outside",
            f"{where}: {kind} `{name}` = {value.value!r} works on one operating system only.",
            hint="Write it relative to the project's root, with `/`.",
        )
    if path.split("/")[0] in {".git", ".dvc", ".gristmill"}:
        raise Invalid(
            "step.path-reserved",
            f"{where}: {kind} `{name}` = {value.value!r} is inside a directory of git, DVC or "
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
    """The declaration alone: a parameter's value is not part of the code."""
    if isinstance(statement, ast.AnnAssign):
        return ast.AnnAssign(statement.target, statement.annotation, None, statement.simple)
    assert isinstance(statement, ast.Assign)
    return ast.Expr(statement.targets[0])


def overlaps(one: str, other: str) -> bool:
    """Whether two paths are equal or one is inside the other.

    Parameters
    ----------
    one, other
        Paths with `/`, relative to the same directory.
    """
    return one == other or one.startswith(other + "/") or other.startswith(one + "/")
