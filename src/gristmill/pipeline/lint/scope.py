"""Python's scopes: which names a function takes from outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Free:
    """A name a function reads that it does not bind itself; `line` within the cell."""

    name: str
    line: int


def free_names(function: Function) -> list[Free]:
    """The global names a function's body reads, nested functions and classes included.

    Defaults, decorators and annotations belong to the scope around it and are left out.
    """
    body = [function.body] if isinstance(function, ast.Lambda) else function.body
    declared = {n for node in _own(body) if isinstance(node, ast.Global) for n in node.names}
    outer = {n for node in _own(body) if isinstance(node, ast.Nonlocal) for n in node.names}
    bound = ({*arguments(function.args), *_bound(body)} - declared - outer) | {"__class__"}
    return [f for f in _reads(body) if f.name not in bound]


def arguments(args: ast.arguments) -> list[str]:
    every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    return [a.arg for a in every if a is not None]


def pattern_names(pattern: ast.pattern) -> Iterator[str]:
    """The names a `case` binds."""
    for node in ast.walk(pattern):
        name = getattr(node, "rest", None) or getattr(node, "name", None)
        if isinstance(name, str):
            yield name


def _own(body: list[ast.stmt] | list[ast.expr]) -> Iterator[ast.AST]:
    """The nodes of a scope without those of scopes inside it; the insides' heads are yielded."""
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop(0)
        yield node
        if isinstance(node, FUNCTIONS):
            pending += [*node.args.defaults, *filter(None, node.args.kw_defaults)]
            pending += getattr(node, "decorator_list", [])
        elif isinstance(node, ast.ClassDef):
            pending += [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]
        elif isinstance(node, COMPREHENSIONS):
            pending.append(node.generators[0].iter)
        else:
            pending += ast.iter_child_nodes(node)


def _bound(body: list[ast.stmt] | list[ast.expr]) -> Iterator[str]:
    for node in _own(body):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (a.asname or a.name.partition(".")[0] for a in node.names)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name
        elif isinstance(node, ast.pattern):
            yield from pattern_names(node)
        elif isinstance(node, COMPREHENSIONS):
            walrus = (n for n in ast.walk(node) if isinstance(n, ast.NamedExpr))
            yield from (n.target.id for n in walrus)


def _reads(body: list[ast.stmt] | list[ast.expr]) -> Iterator[Free]:
    for node in _own(body):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield Free(node.id, node.lineno)
        elif isinstance(node, FUNCTIONS):
            yield from free_names(node)
        elif isinstance(node, ast.ClassDef):
            own = {*_bound(node.body), "__qualname__", "__module__"}
            yield from (f for f in _reads(node.body) if f.name not in own)
        elif isinstance(node, COMPREHENSIONS):
            targets = {
                n.id
                for part in node.generators
                for n in ast.walk(part.target)
                if isinstance(n, ast.Name)
            }
            parts: list[ast.expr] = [i for p in node.generators for i in p.ifs]
            parts += [p.iter for p in node.generators[1:]]
            if isinstance(node, ast.DictComp):
                parts += [node.key, node.value]
            else:
                parts.append(node.elt)
            yield from (f for f in _reads(parts) if f.name not in targets)
