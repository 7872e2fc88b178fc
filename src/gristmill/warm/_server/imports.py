"""What may be imported ahead, and when the installation has changed since."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys


def installed(top: str) -> bool:
    """Is `top` an installed distribution's module, and not source somebody is editing?"""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    if spec is None or top in sys.stdlib_module_names:
        return False
    paths = [spec.origin] if spec.origin else list(spec.submodule_search_locations or [])
    return any(map(is_installed_file, map(str, paths)))


def is_installed_file(path: str) -> bool:
    """Does it lie where distributions are installed?"""
    return "site-packages" in path or "dist-packages" in path


def import_longest(name: str) -> None:
    """Import as much of a dotted name as is modules: `pandas.DataFrame` imports pandas."""
    parts = name.split(".")
    module = importlib.import_module(parts[0])
    for end in range(2, len(parts) + 1):
        member = getattr(module, parts[end - 1], None)
        if member is not None and not isinstance(member, type(sys)):
            return
        try:
            module = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            return


def installation_stamp() -> list[tuple[str, int]]:
    """Changes when a package is installed, upgraded or removed."""
    stamp = []
    for path in sys.path:
        if path.rstrip("/").endswith(("site-packages", "dist-packages")):
            with contextlib.suppress(OSError):
                stamp.append((path, os.stat(path).st_mtime_ns))
    return stamp
