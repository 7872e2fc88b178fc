"""Modules that notebooks import late, which no import statement of theirs tells.

`pandas.read_parquet` imports pyarrow's readers, `fit` imports what wraps its result: tens of
milliseconds, in each kernel. A child that ends tells its server what of the installed distributions
it had to import itself; a scout, a child too, tries whether the server may import it and stay safe
to fork; then the server does, for the children to come.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import sys
from collections.abc import Callable
from typing import Any

from . import imports, native, wire
from .errand import Errand

SHELL = frozenset({"IPython", "comm", "debugpy", "ipykernel", "matplotlib_inline", "traitlets"})
"""What makes a kernel: it joins the kernel when it is imported there."""
MOST = 5000
TELL_TIMEOUT = 1.0


class Late:
    """In a child: what it imports from `begin` on."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._pid = 0

    def begin(self) -> None:
        self._pid = os.getpid()
        self._there = set(sys.modules)

    def tell(self) -> None:
        """Send the names to the server, in the order of their import. Nobody there is no error."""
        if os.getpid() != self._pid:
            return
        late = [name for name in tuple(sys.modules) if name not in self._there and _fits(name)]
        if not late:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(TELL_TIMEOUT)
            sock.connect(self._server)
            wire.send(sock, {"op": "late", "modules": late[:MOST]})


def _fits(name: str) -> bool:
    spec = getattr(sys.modules[name], "__spec__", None)
    place = getattr(spec, "origin", None) or ""
    return name.partition(".")[0] not in SHELL and imports.is_installed_file(place)


class Learned(Errand):
    """In the server: what it heard, and the scout under way."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: dict[str, None] = {}
        self._tried: set[str] = set()

    def hear(self, modules: list[str], excluded: dict[str, str]) -> None:
        for name in modules:
            known = name in sys.modules or name in self._tried
            if not known and name.partition(".")[0] not in excluded:
                self._heard[name] = None

    def scout(self, prepare: Callable[[], object]) -> bool:
        """Send a scout if there is something to try and none under way; was one sent?"""
        if not self._heard or self.fd >= 0:
            return False
        names = list(self._heard)
        self._heard.clear()
        self._tried.update(names)
        self.send(lambda: _try(names), prepare)
        return True

    def found(self, poller: select.poll) -> list[str]:
        """Import what the scout found to be safe; the modules that are new, none while it tries."""
        return [name for name in self.take(poller) or [] if _imports(name)]


def _try(names: list[str]) -> list[str]:
    """In the scout: import one after another until one is unsafe, tell those before it."""
    safe: list[str] = []
    before = native.written()
    for name in names:
        found = _imports(name)
        if native.why_unsafe() or native.written() != before:
            break
        if found:
            safe.append(name)
    return safe


def _imports(name: str) -> bool:
    """Does it import here? What fails is left to who asks for it."""
    from importlib import import_module

    try:
        found: Any = import_module(name)
    except BaseException:  # noqa: BLE001 - a module may raise anything
        return False
    return imports.is_installed_file(getattr(getattr(found, "__spec__", None), "origin", "") or "")
