"""Files: replaced as a whole, journals that lose nothing, locks that die with their holder."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import IO, Any

from gristmill.containment import open_no_link
from gristmill.errors import Conflict, GristmillError, Invalid

ASIDE = re.compile(r"\..+\.(\d+)\.\d+\.tmp")
_numbers = count()


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Write a file or a directory aside and put it in place when the block ends well.

    A reader sees the old one or the new one, never a part.

    Parameters
    ----------
    path
        The file to replace, or the directory to make; its parent is made when absent.
    durable
        Whether to push a file to the disk first.

    Yields
    ------
    Path
        Where to write. Its name tells the process that writes it, for `remove_leftovers`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = _aside(path.parent, path.name)
    try:
        yield aside
        if durable:
            with aside.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        _remove(aside)


@contextmanager
def scratch_directory(parent: Path, purpose: str) -> Iterator[Path]:
    """A directory to work in, removed when the block ends.

    What killed processes left of theirs goes first, so that nothing piles up.

    Parameters
    ----------
    parent
        Where it is made; made itself when absent.
    purpose
        A part of its name.

    Yields
    ------
    Path
        The empty directory, which only its owner may read.
    """
    parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers([parent])
    directory = _aside(parent, purpose)
    directory.mkdir(mode=0o700)
    try:
        yield directory
    finally:
        _remove(directory)


def remove_leftovers(directories: Iterable[Path]) -> None:
    """Remove what killed processes were writing aside; what living ones write stays.

    Parameters
    ----------
    directories
        Where to look; those that do not exist are skipped.
    """
    for directory in filter(Path.is_dir, directories):
        for name in os.listdir(directory):
            match = ASIDE.fullmatch(name)
            if match and not _alive(int(match[1])):
                _remove(directory / name)


def remove_directory(directory: Path) -> None:
    """Remove a directory; after a kill it is whole or gone from its place.

    Parameters
    ----------
    directory
        A directory that exists.
    """
    aside = _aside(directory.parent, directory.name)
    directory.rename(aside)
    shutil.rmtree(aside)


def _aside(parent: Path, name: str) -> Path:
    return parent / f".{name}.{os.getpid()}.{next(_numbers)}.tmp"


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def write_atomic(path: Path, text: str) -> None:
    """Replace a file as a whole.

    Parameters
    ----------
    path
        The file.
    text
        Its new text.
    """
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Replace a file as a whole and push it to the disk; a crash leaves the old one.

    Parameters
    ----------
    path
        The file.
    value
        Plain JSON values.
    """
    with replacing(path, durable=True) as aside:
        aside.write_text(json.dumps(value, separators=(",", ":"), sort_keys=True), "utf-8")


def read_journal(path: Path) -> list[dict[str, Any]]:
    """The records of a journal. A torn last line (a crash while it was written) is left out.

    Parameters
    ----------
    path
        The file; without it there are no records.

    Returns
    -------
    list of dict
        In the order in which they were appended.

    Raises
    ------
    Invalid
        `journal.unreadable`, naming the line.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return []
    lines = text.split(b"\n")[:-1]
    records = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(json.loads(line))
        except ValueError as error:
            raise Invalid(
                "journal.unreadable",
                f"{path} line {number} is not JSON: {error}",
                hint="The file was edited: restore the line, or remove it.",
            ) from error
    return records


def append_journal(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Append whole lines and push them to the disk; a torn tail before them is cut off.

    Parameters
    ----------
    path
        The file.
    records
        Plain JSON values.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(json.dumps(r, sort_keys=True) + "\n" for r in records).encode()
    with open(path, "a+b", opener=open_no_link) as file:
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def hold_lock(
    path: Path,
    busy: Callable[[str], GristmillError | None] = lambda holder: None,
    *,
    wait: float = 0.0,
) -> Iterator[IO[str]]:
    """Hold a lock file for as long as the block runs.

    The kernel frees the lock when its holder dies, however that happens.

    Parameters
    ----------
    path
        The lock file.
    busy
        Called with what the holder wrote into the file, when another process holds the lock for
        longer than `wait`. The error that it returns is raised; None waits on.
    wait
        Seconds.

    Yields
    ------
    IO
        The file, for the holder to write into.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait
    with open(path, "a+", encoding="utf-8", opener=open_no_link) as file:
        while not _try_lock(file):
            if time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            file.seek(0)
            error = busy(file.read().strip())
            if error is not None:
                raise error
            fcntl.flock(file, fcntl.LOCK_EX)
            break
        yield file


@contextmanager
def exclusive_lock(path: Path, activity: str, *, wait: float = 0.0) -> Iterator[None]:
    """Hold a lock file while the block works, or fail.

    Parameters
    ----------
    path
        The lock file.
    activity
        What the block does, for the error.
    wait
        Seconds to wait for another process.

    Raises
    ------
    Conflict
        `busy`, naming the process that holds it.
    """

    def busy(holder: str) -> GristmillError:
        return Conflict(
            "busy",
            f"{activity} is under way in process {holder or 'unknown'}.",
            hint="Wait for it to end, then try again.",
        )

    with hold_lock(path, busy, wait=wait) as file:
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
