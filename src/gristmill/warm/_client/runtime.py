"""The folder of this user's sockets: those of fork servers, and those of kernels."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import stat
import tempfile
import time
from pathlib import Path

from gristmill.errors import Forbidden

LEFTOVER_SECONDS = 86400.0


def runtime_dir() -> Path:
    """The folder of this user's sockets, closed to everybody else.

    Returns
    -------
    Path
        `$GRISTMILL_RUNTIME_DIR`, else one in `$XDG_RUNTIME_DIR` or among the temporary files; made
        when absent.

    Raises
    ------
    Forbidden
        `kernels.runtime_dir`, when others can enter it.
    """
    chosen = os.environ.get("GRISTMILL_RUNTIME_DIR")
    base = os.environ.get("XDG_RUNTIME_DIR")
    if chosen:
        path = Path(chosen)
    elif base and os.path.isdir(base) and os.stat(base).st_uid == os.getuid():
        path = Path(base) / "gristmill"
    else:
        path = Path(tempfile.gettempdir()) / f"gristmill-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    facts = path.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise Forbidden(
            "kernels.runtime_dir",
            f"{path} is not a folder that only user {os.getuid()} can enter.",
            hint="Remove it, or set GRISTMILL_RUNTIME_DIR to a private folder.",
        )
    return path


def private_sockets() -> str:
    """What the paths of a new kernel's sockets begin with; empty where it has to use TCP ports.

    A port is only free until somebody takes it, and any user of the machine may knock on it.
    """
    if not hasattr(os, "getuid"):
        return ""
    with contextlib.suppress(Forbidden):
        return str(runtime_dir() / f"k{secrets.token_hex(6)}")
    return ""


def remove_leftovers() -> None:
    """Remove the sockets of killed kernels, and logs and locks of servers that are long gone."""
    for path in runtime_dir().glob("k*-?"):
        with contextlib.suppress(FileNotFoundError), socket.socket(socket.AF_UNIX) as sock:
            if sock.connect_ex(str(path)) == errno.ECONNREFUSED:
                path.unlink()
    for path in (*runtime_dir().glob("*-*.log"), *runtime_dir().glob("*-*.lock")):
        with contextlib.suppress(FileNotFoundError):
            old = time.time() - path.stat().st_mtime > LEFTOVER_SECONDS
            if old and not path.with_suffix(".sock").exists():
                path.unlink()
