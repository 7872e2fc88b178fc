"""The only place that loads a model: a private copy, verified, is what is loaded.

Copies have directories of their own in the system's temporary directory, readable by this user
only. Nobody else can change them between the check and the load. A copy is removed with its model;
those of killed processes are removed by the next load, because their lock is free.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gristmill.registry._ledger.chain import Entry
from gristmill.registry._loading.digest import require_digest
from gristmill.registry._loading.formats import require_safe
from gristmill.registry._loading.signing import key_of, verify

PREFIX = "gristmill-model-"


def load(
    files: Path,
    signature: Path,
    entry: Entry,
    trusted: Mapping[str, Sequence[str]],
    *,
    allow_code: bool,
) -> Any:
    """The MLflow pyfunc model in `files`, which `entry` (sound) registered.

    Raises Forbidden when its bytes are not those registered, the signature is missing or does not
    hold, or loading would run code and `allow_code` is false.
    """
    import mlflow.pyfunc

    name = f"{entry.model} version {entry.version}"
    key = key_of(entry, trusted)
    directory, lock = _private()
    try:
        copy = directory / "model"
        shutil.copytree(files, copy, symlinks=True)
        shutil.copyfile(signature, directory / signature.name)
        require_digest(copy, str(entry.digest), name, files)
        verify(copy, directory / signature.name, key)
        require_safe(copy, name, allowed=allow_code)
        model = mlflow.pyfunc.load_model(str(copy))
    except BaseException:
        _remove(directory, lock, os.getpid())
        raise
    weakref.finalize(model, _remove, directory, lock, os.getpid())
    return model


def load_own(files: Path, *, allow_code: bool) -> Any:
    """The MLflow pyfunc model that a run on this machine just wrote into `files`.

    Raises Forbidden when loading would run code and `allow_code` is false.
    """
    import mlflow.pyfunc

    require_safe(files, str(files), allowed=allow_code)
    return mlflow.pyfunc.load_model(str(files))


def _private() -> tuple[Path, int]:
    """A new directory, mode 0700, and the descriptor that keeps it locked."""
    _sweep()
    directory = Path(tempfile.mkdtemp(prefix=PREFIX))
    lock = os.open(directory / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return directory, lock


def _sweep() -> None:
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            lock = os.open(directory / ".lock", os.O_RDWR)
        except OSError:  # somebody else's, gone, or not yet locked
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            _remove(directory, lock, os.getpid())


def _remove(directory: Path, lock: int, owner: int) -> None:
    """Remove the copy; a forked child leaves its parent's alone."""
    if os.getpid() == owner:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(lock)
