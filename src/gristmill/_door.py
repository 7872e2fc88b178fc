"""A room's door: the public names of a package, each imported when somebody first asks for it.

A room lists its names twice in its `__init__`: in `__all__`, and in the imports below
`if TYPE_CHECKING`, which say where each name lives. Type checkers and readers see plain imports;
at run time nothing is loaded until it is used, because a room's modules bring heavy libraries and
most commands need few of them, and a run with nothing to do needs none.
`tests/test_rooms.py` holds both lists equal.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def door(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` for a package that lists its names under `TYPE_CHECKING`.

    Parameters
    ----------
    package
        The package's `__name__`.

    Returns
    -------
    tuple
        The two functions of PEP 562. `__getattr__` raises AttributeError for a name that the
        package does not list.
    """
    homes: dict[str, str] = {}

    def load(name: str) -> Any:
        if name.startswith("_") or name not in sys.modules[package].__all__:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if not homes:
            homes.update(_homes(package))
        from importlib import import_module

        home = import_module(f"{package}.{name}" if homes[name] == package else homes[name])
        value = home if homes[name] == package else getattr(home, name)
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: list(sys.modules[package].__all__)


def _homes(package: str) -> dict[str, str]:
    """The module of each name that the package imports below `if TYPE_CHECKING`."""
    import ast
    from pathlib import Path

    source = Path(str(sys.modules[package].__file__)).read_text(encoding="utf-8")
    return {
        alias.name: str(node.module)
        for block in ast.parse(source).body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
