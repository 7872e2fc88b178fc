"""Modules that notebooks import late, without an import statement of their own.

`pandas.read_parquet` imports pyarrow's readers, `fit` imports what wraps its result: tens of
milliseconds, in each kernel. A child that ends reports to its server which modules of installed
distributions it had to import itself; another child tries whether the server can import them and
stay safe to fork; then the server does, for the children to come.
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
from .forked_task import ForkedTask

SHELL = frozenset({"IPython", "comm", "debugpy", "ipykernel", "matplotlib_inline", "traitlets"})
"""What makes a kernel: it joins the kernel when it is imported there."""
MAX_MODULES = 5000
REPORT_TIMEOUT = 1.0


class ImportLog:
    """In a child: what it imports from `begin` on."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._pid = 0

    def begin(self) -> None:
        self._pid = os.getpid()
        self._imported_before = set(sys.modules)

    def report(self) -> None:
        """Send the names to the server, in the order of their import; without effect when it has
        ended."""
        if os.getpid() != self._pid:
            return
        late = [
            name
            for name in tuple(sys.modules)
            if name not in self._imported_before and _can_preload(name)
        ]
        if not late:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(REPORT_TIMEOUT)
            sock.connect(self._server)
            wire.send(sock, {"op": "late", "modules": late[:MAX_MODULES]})


def _can_preload(name: str) -> bool:
    """Is it a module of an installed distribution, and not one that makes the kernel?"""
    spec = getattr(sys.modules[name], "__spec__", None)
    origin = getattr(spec, "origin", None) or ""
    return name.partition(".")[0] not in SHELL and imports.is_installed_file(origin)


class LateImports(ForkedTask):
    """In the server: what children reported, and the trial under way."""

    def __init__(self) -> None:
        super().__init__()
        self._reported: dict[str, None] = {}
        self._tried: set[str] = set()

    def add(self, modules: list[str], excluded: dict[str, str]) -> None:
        """Take in what a child reported."""
        for name in modules:
            is_done = name in sys.modules or name in self._tried
            if not is_done and name.partition(".")[0] not in excluded:
                self._reported[name] = None

    def begin_trial(self, prepare: Callable[[], object]) -> bool:
        """Start a trial if there is something to try and none is under way; was one started?"""
        if not self._reported or self.fd >= 0:
            return False
        names = list(self._reported)
        self._reported.clear()
        self._tried.update(names)
        self.start(lambda: _try(names), prepare)
        return True

    def import_safe(self, poller: select.poll) -> list[str]:
        """Import what the trial proved to be safe; the new modules, none before it has ended."""
        return [name for name in self.take(poller) or [] if _imports(name)]


def _try(names: list[str]) -> list[str]:
    """In the trial: import one after another until one is unsafe; those before it."""
    safe: list[str] = []
    before = native.written()
    for name in names:
        is_imported = _imports(name)
        if native.why_unsafe() or native.written() != before:
            break
        if is_imported:
            safe.append(name)
    return safe


def _imports(name: str) -> bool:
    """Does it import here? What fails is left to the kernel that asks for it."""
    from importlib import import_module

    try:
        module: Any = import_module(name)
    except BaseException:  # noqa: BLE001 - a module may raise anything
        return False
    return imports.is_installed_file(getattr(getattr(module, "__spec__", None), "origin", "") or "")
