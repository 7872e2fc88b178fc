"""In the kernel: which files does the notebook really open? Noted by Python's audit events.

Each file is noted once for reading and once for writing, at once and without keeping a descriptor,
so that a killed kernel loses nothing and the notebook sees no open file that is not its own. What
a library in C, C++ or Rust opens by itself (pyarrow, DuckDB or Polars given a path) and what a
process it starts opens passes unseen: those raise no audit event.
"""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

VARIABLE = "GRISTMILL_OBSERVE"
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", "/lib", "/bin/", "/run/", "/var/lib/")
CODE = (".py", ".pyc", ".pyi", ".so", ".pth", ".ipynb")
EVENTS = {"open", "os.rename", "os.link", "os.symlink", "sqlite3.connect"}


def begin() -> None:
    """Watch this process when its environment asks for it; the request is taken out of it."""
    log = os.environ.pop(VARIABLE, None)
    if log is not None:
        sys.addaudithook(_Hook(log))


def watching(cmd: list[str], env: Mapping[str, str] | None) -> list[str]:
    """The command of a fresh IPython kernel, which shall `begin` when `env` asks for it."""
    if env is None or VARIABLE not in env or not any("ipykernel" in argument for argument in cmd):
        return cmd
    line = f"__import__('runpy').run_path({os.path.abspath(__file__)!r})['begin']()"
    return [*cmd, f"--IPKernelApp.exec_lines={line}"]


class _Hook:
    """Called for every audit event; nearly all of them end at the first line."""

    def __init__(self, log: str) -> None:
        import tempfile

        self._log = log
        self._root = os.getcwd() + os.sep
        self._seen: set[tuple[str, bool]] = set()
        self._home = os.path.expanduser("~") + os.sep
        own = (sys.prefix, sys.base_prefix, tempfile.gettempdir(), *sys.path)
        self._skipped = (*SYSTEM, *(os.path.abspath(p) + os.sep for p in own if p))
        self._busy = False
        # the notebook may replace these
        self._open, self._write, self._close = os.open, os.write, os.close

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event not in EVENTS or self._busy:
            return
        self._busy = True
        try:
            self._note(event, args)
        except Exception:  # noqa: BLE001, S110  # raising here would stop the notebook's own call
            pass
        finally:
            self._busy = False

    def _note(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, writes = args[0], bool((args[2] or 0) & WRITES)
        elif event == "sqlite3.connect":
            path, writes = args[0], False
        else:
            path, writes = args[1], True
        if isinstance(path, int) or path is None or (path, writes) in self._seen:
            return
        text = os.path.abspath(os.fsdecode(path))
        if (text, writes) in self._seen:
            return
        self._seen.add((text, writes))
        if self._passed_over(text):
            return
        line = json.dumps(["write" if writes else "read", text, _count()]) + "\n"
        file = self._open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._write(file, line.encode())
        finally:
            self._close(file)

    def _passed_over(self, path: str) -> bool:
        """Code, hidden files, the system's, the interpreter's and temporary files."""
        if path.endswith(CODE):
            return True
        if path.startswith(self._root):
            return any(part.startswith(".") for part in path[len(self._root) :].split(os.sep))
        if path.startswith(self._home) and path[len(self._home) :].startswith("."):
            return True
        return path.startswith(self._skipped) or os.path.isdir(path)


def _count() -> int:
    """The number IPython gives the cell that runs, 0 when it is not known."""
    try:
        return len(sys.modules["IPython"].get_ipython().history_manager.input_hist_parsed) - 1
    except (AttributeError, KeyError):
        return 0
