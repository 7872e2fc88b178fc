"""Files: written aside and put in place; journals that lose nothing; one writer."""

from __future__ import annotations

import fcntl
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from gristmill.errors import Conflict, GristmillError, Invalid

ASIDE = re.compile(r"\..+\.(\d+)\.\d+\.tmp")


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A file to write aside, put in place of `path` when the block ends well: a reader sees the old
    file or the new, never a part. `durable` pushes it to the disk before.

    Its name tells the process that writes it: see `sweep`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_native_id()}.tmp")
    try:
        yield aside
        if durable:
            with aside.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def sweep(folders: Iterable[Path]) -> None:
    """Remove what killed processes were writing aside; what living ones write stays."""
    for folder in filter(Path.is_dir, folders):
        for name in os.listdir(folder):
            made = ASIDE.fullmatch(name)
            if made and not _alive(int(made[1])):
                (folder / name).unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def write_atomic(path: Path, text: str) -> None:
    """Replace the file as a whole."""
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Replace the file as a whole and push it to the disk; a crash leaves the old one."""
    with replacing(path, durable=True) as aside:
        aside.write_text(json.dumps(value, separators=(",", ":"), sort_keys=True), "utf-8")


def read_journal(path: Path) -> list[dict[str, Any]]:
    """The records of a journal. A torn last line (a crash while it was written) is left out."""
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return []
    lines = text.split(b"\n")[:-1]
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise Invalid(
                "journal.unreadable",
                f"{path} line {number} is not JSON: {error}",
                hint="Somebody edited it; restore the line or remove it.",
            ) from error
    return found


def append_journal(path: Path, records: Sequence[Mapping[str, Any]]) -> None:
    """Append whole lines and push them to the disk; a torn tail before them is cut off."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(json.dumps(r, sort_keys=True) + "\n" for r in records).encode()
    with path.open("a+b") as file:
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def held(
    path: Path,
    busy: Callable[[str], GristmillError | None] = lambda holder: None,
    *,
    wait: float = 0.0,
) -> Iterator[IO[str]]:
    """Hold the lock file for as long as the block runs; who holds it may write into it.

    When another process does for longer than `wait` seconds, `busy` hears what that one wrote: the
    error it returns is raised, None waits on. The kernel frees the lock when its holder dies,
    however that happens.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait
    with path.open("a+", encoding="utf-8") as file:
        while not _taken(file):
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
def locked(path: Path, what: str, *, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock file while the block does `what`. Raises Conflict when another process does for
    longer than `wait` seconds."""

    def busy(holder: str) -> GristmillError:
        return Conflict(
            "busy",
            f"{what} is under way in process {holder or 'unknown'}.",
            hint="Wait for it to end, then try again.",
        )

    with held(path, busy, wait=wait) as file:
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _taken(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
