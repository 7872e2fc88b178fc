"""Names used before any cell above defines them, as far as that can be known without running.

Where a cell may define anything (a star import, `exec`, `%run`, an unknown magic) nothing is said
of the cells from there on. A name that one branch defines counts as defined; one that is deleted
on every path does not. What a function uses is looked for when it is called by its name at the top
level, else among all names of the notebook.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable, Sequence

from gristmill.pipeline.lint.cells import Parsed
from gristmill.pipeline.lint.finding import Remark
from gristmill.pipeline.lint.scope import Free, free_names, pattern_names

PREDEFINED = {
    *dir(builtins), "__name__", "__doc__", "__builtin__", "__builtins__", "get_ipython", "display",
    "In", "Out", "_", "__", "___", "_i", "_ii", "_iii", "_ih", "_oh", "_dh", "exit", "quit",
    "__annotations__", "__IPYTHON__",
}  # fmt: skip
HISTORY = re.compile(r"_i?\d+")
OPAQUE = {"exec", "globals", "locals", "vars"}
CATCHES_ALL = {"NameError", "Exception", "BaseException"}


def undefined_names(cells: Sequence[Parsed]) -> list[Remark]:
    """A remark for each cell and name that is used before it is defined."""
    checker = _Checker()
    for cell in cells:
        checker.cell = cell.index
        for magic in cell.magics:
            if magic.opaque:
                checker.blind = True
        checker.define(name for magic in cell.magics for name in magic.defines)
        if cell.tree is not None:
            for statement in cell.tree.body:
                checker.visit(statement)
    return checker.finish()


class _Checker(ast.NodeVisitor):
    """Walks top-level code in the order it runs."""

    def __init__(self) -> None:
        self.cell = 0
        self.blind = False
        self.defined: dict[str, int] = {}
        self.ever: dict[str, int] = {}
        self.scopes: list[set[str]] = []
        self.branches = 0
        self.forgiven = 0
        self.functions: dict[str, list[tuple[int, Free]]] = {}
        self.later: list[tuple[int, Free]] = []
        self.missing: dict[tuple[int, str], int] = {}

    def finish(self) -> list[Remark]:
        for cell, free in self.later:
            if free.name not in self.ever:
                self._miss(cell, free.name, free.line)
        remarks = []
        for (cell, name), line in sorted(self.missing.items(), key=lambda m: (m[0][0], m[1])):
            after = self.ever.get(name)
            if after is None:
                text, hint = f"`{name}` is not defined", "Define or import it in a cell above."
            else:
                text = f"`{name}` is used before cell {after + 1} defines it"
                hint = "Move that cell up: notebooks run from top to bottom."
                if after <= cell:
                    text = f"`{name}` is used where it is not defined yet or was deleted"
                    hint = "Define it before this line."
            remarks.append(Remark("undefined-name", cell, line, text + ".", hint))
        return remarks

    def define(self, names: Iterable[str]) -> None:
        for name in names:
            if self.scopes:
                self.scopes[-1].add(name)
            else:
                self.defined[name] = self.cell
                self.ever.setdefault(name, self.cell)

    def _use(self, name: str, line: int) -> None:
        known = name in self.defined or any(name in scope for scope in self.scopes)
        if not known and not self.forgiven:
            self._miss(self.cell, name, line)

    def _miss(self, cell: int, name: str, line: int) -> None:
        if not self.blind and name not in PREDEFINED and not HISTORY.fullmatch(name):
            self.missing.setdefault((cell, name), line)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self._use(node.id, node.lineno)
        elif isinstance(node.ctx, ast.Store):
            self.define([node.id])
        elif not self.branches:
            self._use(node.id, node.lineno)
            (self.scopes[-1].discard if self.scopes else self._forget)(node.id)

    def _forget(self, name: str) -> None:
        self.defined.pop(name, None)

    def _all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def _branch(self, nodes: Iterable[ast.AST]) -> None:
        self.branches += 1
        self._all(nodes)
        self.branches -= 1

    def visit_Assign(self, node: ast.Assign) -> None:
        self._all([node.value, *node.targets])

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._use(node.target.id, node.lineno)
        self._all([node.value, node.target])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._all([node.annotation, node.value])
        if node.value is not None:
            self.visit(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        scopes, self.scopes = self.scopes, []
        self.visit(node.target)
        self.scopes = scopes

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self._all([node.iter, node.target])
        self._branch([*node.body, *node.orelse])

    visit_AsyncFor = visit_For

    def visit_While(self, node: ast.While) -> None:
        self.visit(node.test)
        self._branch([*node.body, *node.orelse])

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        if asked := _asks_for_names(node.test):
            self.define(asked)
        self._branch([*node.body, *node.orelse])

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        forgiving = any(
            h.type is None
            or any(isinstance(n, ast.Name) and n.id in CATCHES_ALL for n in ast.walk(h.type))
            for h in node.handlers
        )
        self.forgiven += forgiving
        self._branch(node.body)
        self.forgiven -= forgiving
        for handler in node.handlers:
            self._all([handler.type])
            self.define([handler.name] if handler.name else [])
            self._branch(handler.body)
            if handler.name and not self.scopes:
                self._forget(handler.name)
        self._branch(node.orelse)
        self._all(node.finalbody)

    visit_TryStar = visit_Try

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        for case in node.cases:
            self.define(pattern_names(case.pattern))
            self._all(n for n in ast.walk(case.pattern) if isinstance(n, ast.expr))
            self._branch([*filter(None, [case.guard]), *case.body])

    def visit_Import(self, node: ast.Import) -> None:
        self.define(a.asname or a.name.partition(".")[0] for a in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if any(a.name == "*" for a in node.names):
            self.blind = True
        self.define(a.asname or a.name for a in node.names)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        args = node.args
        every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
        self._all([*node.decorator_list, *args.defaults, *args.kw_defaults, node.returns])
        self._all(a.annotation for a in every if a is not None)
        free = [(self.cell, f) for f in free_names(node)]
        if not self.scopes:
            self.functions[node.name] = free
        self.later += free
        self.define([node.name])
        set_elsewhere = {
            n for sub in ast.walk(node) if isinstance(sub, ast.Global) for n in sub.names
        }
        for name in set_elsewhere:
            self.defined.setdefault(name, self.cell)
            self.ever.setdefault(name, self.cell)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._all([*node.args.defaults, *node.args.kw_defaults])
        hidden = set().union(*self.scopes) if self.scopes else set()
        self.later += [(self.cell, f) for f in free_names(node) if f.name not in hidden]

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._all([*node.decorator_list, *node.bases, *(k.value for k in node.keywords)])
        self.scopes.append({"__qualname__", "__module__", "__class__"})
        self._all(node.body)
        self.scopes.pop()
        self.define([node.name])

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> None:
        self.visit(node.generators[0].iter)
        self.scopes.append(set())
        for number, part in enumerate(node.generators):
            self._all([part.iter if number else None, part.target, *part.ifs])
        if isinstance(node, ast.DictComp):
            self._all([node.key, node.value])
        else:
            self.visit(node.elt)
        self.scopes.pop()

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def visit_Compare(self, node: ast.Compare) -> None:
        if not _asks_for_names(node):
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        if not isinstance(node.func, ast.Name):
            return
        if node.func.id in OPAQUE and node.func.id not in self.defined:
            self.blind = True
        for _, free in self.functions.get(node.func.id, ()):
            if free.name not in self.defined:
                self._miss(self.cell, free.name, node.lineno)


def _asks_for_names(test: ast.expr) -> list[str]:
    """The names that `"x" in globals()` asks about: who asks knows they may be absent."""
    return [
        node.left.value
        for node in ast.walk(test)
        if isinstance(node, ast.Compare)
        and isinstance(node.left, ast.Constant)
        and isinstance(node.left.value, str)
        and isinstance(node.comparators[0], ast.Call)
        and isinstance(node.comparators[0].func, ast.Name)
        and node.comparators[0].func.id in {*OPAQUE, "dir"}
    ]
