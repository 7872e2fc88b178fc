"""What the fork server imports before it serves.

Forking is refused unless the process is still safe to fork after its imports: a module that starts
threads, child processes or CUDA, or that prints, is left out (the server executes itself again
without it) and is imported by the kernel instead.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from typing import Any, NoReturn

from . import imports, native
from .child import Baseline
from .precompute import list_backends

KERNEL_MODULES = (
    "ipykernel_launcher",
    "ipykernel.kernelapp",
    "ipykernel.zmqshell",
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.core.pylabtools",
    "IPython.extensions.storemagic",
    "IPython.utils.wildcard",
    "faulthandler",
    "pdb",
    "psutil",
    "sqlite3",
    "tornado.platform.asyncio",
)
"""What a kernel imports by the time it is ready."""


def load(config: dict[str, Any], imported: list[str], baseline: Baseline) -> dict[str, Any] | None:
    """Import everything, noted in `imported`; what is wrong when no child could be served."""
    gc.disable()  # imports make little garbage, and looking for it takes a tenth of their time
    try:
        for name in KERNEL_MODULES:
            importlib.import_module(name)
    except ImportError as error:
        return {"error": f"ipykernel does not import in {sys.executable}: {error}"}
    if unsafe := native.why_unsafe():
        return {"error": f"after importing ipykernel: {unsafe}"}
    baseline.take()
    for name in config["preload"]:
        top = name.partition(".")[0]
        if top not in config["excluded"] and (imports.installed(top) or top == config["own"]):
            _import(name, config)
            imported.append(name)
    list_backends()
    baseline.finish()
    limit, size = config["memory"], native.resident()
    if size > limit:
        return {"error": f"the imports take {size >> 20} MB, more than {limit >> 20} MB"}
    gc.enable()
    gc.collect()
    gc.freeze()
    return None


def _import(name: str, config: dict[str, Any]) -> None:
    top = name.partition(".")[0]
    before = native.written()
    try:
        imports.import_longest(name)
    except BaseException as error:  # noqa: BLE001 - a module may raise anything
        _exclude(config, top, f"importing it raised {type(error).__name__}: {error}")
    if unsafe := native.why_unsafe():
        _exclude(config, top, unsafe)
    if native.written() != before:
        _exclude(config, top, "it prints while it is imported")


def _exclude(config: dict[str, Any], top: str, why: str) -> NoReturn:
    """Start over without `top`: its import cannot be undone."""
    config["excluded"][top] = why
    native.end_children()
    os.set_inheritable(config["ready_fd"], True)
    sys.stderr.flush()
    os.execv(sys.executable, [*sys.orig_argv[:-1], json.dumps(config)])  # noqa: S606
