"""Reading what a child writes to a descriptor, without waiting for it."""

from __future__ import annotations

import codecs
import contextlib
import os


class Pipe:
    """Text read so far from one of the child's descriptors."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ended = False
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def read(self, fd: int) -> str:
        """What is there now, without waiting."""
        parts = []
        with contextlib.suppress(BlockingIOError):
            while chunk := os.read(fd, 1 << 16):
                parts.append(self._decoder.decode(chunk))
            self.ended = True
        return "".join(parts)
