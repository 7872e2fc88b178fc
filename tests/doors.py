"""An import-linter contract: what has a leading underscore is private to the folder that holds it.

`gristmill.registry._gates.metrics` may be imported by modules below `gristmill.registry` and by
nobody else; other rooms use the names that `gristmill.registry` lists. A room's own `__init__` is
below the room, so it may name the home of each public name.
"""

from __future__ import annotations

from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, output


def owner(module: str) -> str | None:
    """The package that a module is private to, None when everybody may import it."""
    parts = module.split(".")
    private = next((i for i, part in enumerate(parts) if part.startswith("_")), None)
    return ".".join(parts[:private]) if private else None


class PrivateContract(Contract):  # type: ignore[misc]
    """`type = "private"`; it has no settings."""

    type_name = "private"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        broken = [
            (importer, imported)
            for importer in sorted(graph.modules)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if (home := owner(imported)) and not f"{importer}.".startswith(f"{home}.")
        ]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: Any) -> None:
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"{importer} imports {imported}, which is private.")
