"""Work that the server must not do itself: a child does it and sends the result back as JSON."""

from __future__ import annotations

import json
import os
import select
from collections.abc import Callable
from typing import Any, NoReturn


class ForkedTask:
    """One child at a time. `fd` is readable when there is something to `take`, else -1."""

    def __init__(self) -> None:
        self.fd = -1
        self._parts: list[bytes] = []

    def start(self, work: Callable[[], Any], prepare: Callable[[], object]) -> None:
        """Fork the child. `prepare` closes in it what is the server's, this among it."""
        self.fd, write = os.pipe()
        if not os.fork():
            prepare()
            _do(work, write)
        os.close(write)

    def take(self, poller: select.poll) -> Any:
        """The result once it is complete; None before, and when the child had none."""
        while self.fd >= 0 and select.select([self.fd], [], [], 0)[0]:
            part = os.read(self.fd, 1 << 16)
            if part:
                self._parts.append(part)
                continue
            poller.unregister(self.fd)
            body = b"".join(self._parts)
            self.close()
            try:
                return json.loads(body)
            except ValueError:  # it was killed
                return None
        return None

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1
        self._parts.clear()


def _do(work: Callable[[], Any], write: int) -> NoReturn:
    try:
        os.nice(10)
        body = json.dumps(work()).encode()
        while body:
            body = body[os.write(write, body) :]
    finally:
        os._exit(0)
