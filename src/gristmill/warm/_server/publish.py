"""How a directly run notebook publishes: frames in the order in which they came about."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, NoReturn

from . import wire

FLUSH_SECONDS = 0.1
BUFFER_CHARACTERS = 1 << 16


class Publisher(threading.Thread):
    """The only writer of the channel. As a thread it flushes text that nothing else flushes.

    A frame is never torn: an interrupt that arrives while one is sent is raised after it.
    """

    def __init__(self, channel: socket.socket) -> None:
        super().__init__(daemon=True, name="gristmill-flusher")
        self.channel = channel
        self.lock = threading.RLock()
        self.owner = os.getpid()
        self.written = threading.Event()
        self.streams = Text(self, "stdout", 1), Text(self, "stderr", 2)
        self.sending = False
        self.interrupted = False
        os.register_at_fork(before=self._before_fork, after_in_child=self._after_fork)

    def run(self) -> None:
        while True:
            self.written.wait()
            time.sleep(FLUSH_SECONDS)
            self.written.clear()
            self.flush()

    def flush(self) -> None:
        for stream in self.streams:
            stream.flush()

    def send(self, kind: str, content: dict[str, Any]) -> None:
        """Publish one message of the kernel protocol, after the text written before it."""
        self.flush()
        self.frame({"message": {"msg_type": kind, "content": content}})

    def frame(self, frame: dict[str, Any]) -> None:
        if os.getpid() != self.owner:
            return
        with self._whole(), self.lock:
            wire.send(self.channel, frame)

    def unsuitable(self, why: str) -> NoReturn:
        self.frame({"unsuitable": why})
        raise RuntimeError(f"{why}: this notebook needs a kernel")

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """SIGINT raises KeyboardInterrupt in here and is ignored outside."""
        signal.signal(signal.SIGINT, self._on_interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)

    def _on_interrupt(self, *_: object) -> None:
        if self.sending:
            self.interrupted = True
        else:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread() or self.sending:
            yield
            return
        self.sending = True
        try:
            yield
        finally:
            self.sending = False
        if self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt

    def _before_fork(self) -> None:
        if os.getpid() == self.owner:
            self.flush()

    def _after_fork(self) -> None:
        self.lock = threading.RLock()
        self.written = threading.Event()

    def session(self) -> Any:
        """What the shell's display hook and publisher take for their session."""
        from jupyter_client.session import Session

        publish = self.send

        class ChannelSession(Session):  # type: ignore[misc]
            def send(
                self, stream: Any, message: Any, content: Any = None, *_: Any, **__: Any
            ) -> Any:
                if isinstance(message, dict):
                    publish(message["msg_type"], message["content"])
                else:
                    publish(message, content or {})
                return message

        return ChannelSession()


class Text(io.TextIOBase):
    """`sys.stdout` or `sys.stderr`. In a forked process it writes to the descriptor."""

    encoding = "UTF-8"
    errors = "backslashreplace"

    def __init__(self, publisher: Publisher, stream: str, fd: int) -> None:
        self.publisher = publisher
        self.name = f"<{stream}>"
        self._stream = stream
        self._fd = fd
        self._parts: list[str] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._fd

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        publisher = self.publisher
        for other in publisher.streams:
            if other is not self and other._parts:
                other.flush()
        self._parts.append(text)
        self._size += len(text)
        if self._size > BUFFER_CHARACTERS:
            self.flush()
        elif not publisher.written.is_set():
            publisher.written.set()
        return len(text)

    def flush(self) -> None:
        if not self._parts:
            return
        publisher = self.publisher
        if os.getpid() != publisher.owner:
            text, self._parts, self._size = "".join(self._parts), [], 0
            os.write(self._fd, text.encode(errors=self.errors))
            return
        with publisher._whole(), publisher.lock:
            text, self._parts, self._size = "".join(self._parts), [], 0
            if text:
                content = {"name": self._stream, "text": text}
                wire.send(
                    publisher.channel, {"message": {"msg_type": "stream", "content": content}}
                )
