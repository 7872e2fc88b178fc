"""The project's own modules that a step imports, followed through their imports."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from gristmill.pipeline import imported_modules, normalise_code

SOURCE_ROOTS = ("", "src/")


def project_modules(root: Path, names: Iterable[str]) -> dict[str, str]:
    """The project's files behind imported names, followed through their imports.

    Parameters
    ----------
    root
        The project's root.
    names
        Dotted names, as `pipeline.imported_modules` yields them.

    Returns
    -------
    dict
        The sha256 of each file's normalised code, by path relative to the root. Packages count
        with every `__init__.py` on the way; names outside the project are left out.
    """
    digests: dict[str, str] = {}
    pending = [(name, "") for name in names]
    visited: set[tuple[str, str]] = set()
    while pending:
        item = pending.pop()
        if item in visited:
            continue
        visited.add(item)
        for path, package in _files(root, *item):
            if path in digests:
                continue
            source = (root / path).read_text(encoding="utf-8", errors="replace")
            digests[path] = hashlib.sha256(normalise_code(source).encode()).hexdigest()
            pending += [(name, package) for name in imported_modules(source)]
    return dict(sorted(digests.items()))


def _files(root: Path, name: str, package: str) -> list[tuple[str, str]]:
    """(path, package it belongs to) for a dotted name seen from `package`."""
    if name.startswith("./"):
        path = name[2:]
        return [(path, "")] if (root / path).is_file() else []
    if name.startswith("."):
        level = len(name) - len(name.lstrip("."))
        parts = package.split(".") if package else []
        base = parts[: len(parts) - (level - 1)] if level > 1 else parts
        name = ".".join([*base, name.lstrip(".")])
    parts = [p for p in name.split(".") if p]
    files: list[tuple[str, str]] = []
    for prefix in SOURCE_ROOTS:
        for depth in range(1, len(parts) + 1):
            stem = prefix + "/".join(parts[:depth])
            if (root / f"{stem}/__init__.py").is_file():
                files.append((f"{stem}/__init__.py", ".".join(parts[:depth])))
            elif (root / f"{stem}.py").is_file():
                files.append((f"{stem}.py", ".".join(parts[: depth - 1])))
        if files:
            break
    return files
