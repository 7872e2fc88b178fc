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
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gristmill.errors import Invalid
from gristmill.registry._ledger.chain import Entry
from gristmill.registry._loading.digest import require_digest, require_plain
from gristmill.registry._loading.formats import known_flavor, require_safe
from gristmill.registry._loading.signing import key_of, verify

PREFIX = "gristmill-model-"
SWITCH = "MLFLOW_ALLOW_PICKLE_DESERIALIZATION"
SWITCHING = threading.Lock()


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
    hold, or loading may run code and `allow_code` is false; Invalid for a link or special file
    inside, and for a model that does not load.
    """
    name = f"{entry.model} version {entry.version}"
    key = key_of(entry, trusted)
    require_plain(files)
    directory, lock = _private()
    try:
        copy = directory / "model"
        shutil.copytree(files, copy, symlinks=True)
        shutil.copyfile(signature, directory / signature.name)
        require_digest(copy, str(entry.digest), name, files)
        verify(copy, directory / signature.name, key)
        require_safe(copy, name, allowed=allow_code)
        model = _loaded(copy, name, allow_code=allow_code)
    except BaseException:
        _remove(directory, lock, os.getpid())
        raise
    weakref.finalize(model, _remove, directory, lock, os.getpid())
    return model


def load_own(files: Path, *, allow_code: bool) -> Any:
    """The MLflow pyfunc model that a run on this machine just wrote into `files`.

    Raises Forbidden when loading may run code and `allow_code` is false, Invalid when it fails.
    """
    require_safe(files, str(files), allowed=allow_code)
    return _loaded(files, str(files), allow_code=allow_code)


def _loaded(directory: Path, name: str, *, allow_code: bool) -> Any:
    """The model, which was checked; MLflow may open a pickle only when `allow_code` says so.

    MLflow counts skops among the pickles because a model lists the types to trust itself; here
    they were compared with the known ones, so its switch is off for the other flavors only.
    """
    import mlflow.pyfunc

    if allow_code:
        try:
            return mlflow.pyfunc.load_model(str(directory))
        except ModuleNotFoundError as error:
            raise Invalid(
                "model.module",
                f"{name} does not load: the module {error.name!r} is not installed.",
                hint="Save the model with its modules, `save_model(..., code_paths=[...])`, or "
                "install the module as a package.",
            ) from error
    with _pickles(allowed=known_flavor(directory) == "sklearn"):
        try:
            return mlflow.pyfunc.load_model(str(directory))
        except Exception as error:  # the libraries raise whatever their parts do on broken files
            text = f"{name} does not load: {type(error).__name__}: {error}"
            raise Invalid(
                "model.load",
                text,
                hint="Its files are damaged, or of a library version that is not installed here: "
                "`gristmill model show` names the environment. Save and register it again.",
            ) from error


@contextmanager
def _pickles(*, allowed: bool) -> Iterator[None]:
    """MLflow's switch for the block; it is the process's, so one block at a time."""
    with SWITCHING:
        before = os.environ.get(SWITCH)
        os.environ[SWITCH] = str(allowed).lower()
        try:
            yield
        finally:
            if before is None:
                del os.environ[SWITCH]
            else:
                os.environ[SWITCH] = before


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
