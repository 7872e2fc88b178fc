"""The prediction log: one append-only file for each process, written before the reply.

A line is a JSON object. Predictions: request_id, time (receipt, UTC), event_time (or null), model,
version, features, prediction, latency_ms. Feedback: request_id, time, label. The lines of one call
are one write on an O_APPEND descriptor, so after kill -9 everything whose reply was sent is
there, and at most the last line of a file is torn; `sync` bounds what a machine's crash can lose.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import secrets
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gristmill.errors import Unavailable

MAX_BYTES = 64 * 2**20

log = logging.getLogger(__name__)


class LineLog:
    """Appends JSON lines to files of its own; safe among threads.

    Parameters
    ----------
    directory
        Where the files are made.
    max_bytes
        A file that has so many bytes is followed by another.
    """

    def __init__(self, directory: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self.directory = directory
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._size = 0

    def append(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Write the records, all or none. Raises Unavailable when the disk does not take them."""
        data = b"".join(
            json.dumps(r, separators=(",", ":"), allow_nan=False).encode() + b"\n" for r in records
        )
        with self._lock:
            try:
                self._write(data)
            except OSError as error:
                raise Unavailable(
                    "serving.log",
                    f"the log in {self.directory} cannot be written: {error.strerror}.",
                    hint="Only what is logged is answered: free disk space or fix the permissions.",
                ) from error

    def sync(self) -> None:
        """Push what was appended to the disk itself."""
        with self._lock:
            copy = None if self._descriptor is None else os.dup(self._descriptor)
        if copy is not None:
            try:
                os.fsync(copy)
            finally:
                os.close(copy)

    def close(self) -> None:
        self.sync()
        with self._lock:
            self._abandon()

    def _write(self, data: bytes) -> None:
        if self._descriptor is not None and self._size >= self.max_bytes:
            os.fsync(self._descriptor)
            self._abandon()
        descriptor = self._open() if self._descriptor is None else self._descriptor
        try:
            _write_all(descriptor, data)
        except OSError:
            self._take_back(descriptor)
            raise
        self._size += len(data)

    def _take_back(self, descriptor: int) -> None:
        """Cut a half-written tail off; when that fails too, never write behind it."""
        try:
            os.ftruncate(descriptor, self._size)
        except OSError as error:
            log.warning("%s: a torn line could not be cut off: %s", self.directory, error)
            self._abandon()

    def _open(self) -> int:
        self.directory.mkdir(parents=True, exist_ok=True)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(self.directory / name, flags, 0o640)
        self._size = 0
        return self._descriptor

    def _abandon(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _write_all(descriptor: int, data: bytes) -> None:
    """One write, so that lines stay whole; what did not fit is an error."""
    written = os.write(descriptor, data)
    if written != len(data):
        raise OSError(errno.ENOSPC, f"only {written} of {len(data)} bytes fitted")


def timestamp(time: datetime) -> str:
    """A time as the log writes it: UTC, ISO 8601 with microseconds.

    Parameters
    ----------
    time
        An aware time.
    """
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
