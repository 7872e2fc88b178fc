"""The fork server: imports once, then forks a child for every request.

It is a single thread without an event loop, safe to fork after its imports: see `loading`.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import select
import signal
import socket
import sys
import time
from typing import Any, NoReturn

from . import child, imports, loading, native, wire
from .late_imports import ImportLog, LateImports
from .precompute import ModuleList

LISTEN_BACKLOG = 64
REQUEST_TIMEOUT = 5.0
HEARTBEAT = 5.0
LOW_MEMORY = 0.03
FULL = 0.8  # of the memory that the server may take: more is imported only below it


def main(config: dict[str, Any]) -> NoReturn:
    """Run the server described by `config` (see `_client.servers`); never returns."""
    if not config.get("daemon"):
        if os.fork():
            os._exit(0)
        os.setsid()
        config["daemon"] = True
    server = Server(config)
    try:
        problem = loading.load(config, server.imported, server.baseline)
        listener = server.listen() if problem is None else None
        _reply(config["ready_fd"], problem or {"ready": True, "pid": os.getpid()})
        if listener is not None:
            server.serve(listener)
    except SystemExit:
        pass
    except BaseException:
        logging.getLogger(__name__).exception("the fork server stopped")
    os._exit(0)


def _reply(fd: int, message: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(fd, json.dumps(message).encode())
    os.close(fd)


class Server:
    """The listening socket, the children, and what is imported."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.path: str = config["socket"]
        self.started = time.time()
        self.last_used = time.monotonic()
        self.forks = 0
        self.imported: list[str] = []
        self.children: dict[int, socket.socket] = {}
        self.retiring = False
        self.baseline = child.Baseline()
        self.module_list = ModuleList()
        self.late_imports = LateImports()

    def listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        aside = f"{self.path}.{os.getpid()}"
        umask = os.umask(0o177)
        try:
            listener.bind(aside)
        finally:
            os.umask(umask)
        listener.listen(LISTEN_BACKLOG)
        listener.setblocking(False)
        os.replace(aside, self.path)
        self.inode = os.stat(self.path).st_ino
        self.stamp = imports.installation_stamp()
        return listener

    def serve(self, listener: socket.socket) -> None:
        self.listener = listener
        self.wake_read, self.wake_write = socket.socketpair()
        for end in (self.wake_read, self.wake_write):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._terminated)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.set_wakeup_fd(self.wake_write.fileno(), warn_on_full_buffer=False)
        poller = select.poll()
        poller.register(listener, select.POLLIN)
        poller.register(self.wake_read, select.POLLIN)
        self.module_list.request(self._close_own)
        if self.module_list.fd >= 0:
            poller.register(self.module_list.fd, select.POLLIN | select.POLLHUP)
        while not self._finished():
            poller.poll(HEARTBEAT * 1000)
            self.module_list.install(poller)
            self._import_late(poller)
            with contextlib.suppress(BlockingIOError):
                while self.wake_read.recv(4096):
                    pass
            self._reap()
            with contextlib.suppress(BlockingIOError):
                while True:
                    self._answer(listener.accept()[0])
        self._unlink()

    def _import_late(self, poller: select.poll) -> None:
        if modules := self.late_imports.import_safe(poller):
            self.imported += modules
            self.baseline.finish()
            gc.freeze()
            if threads := native.unexplained_threads():
                logging.getLogger(__name__).warning("%s started by %s", threads, modules)
                self._stop(kill=False)
        if self.late_imports.begin_trial(self._close_own):
            poller.register(self.late_imports.fd, select.POLLIN | select.POLLHUP)

    def _close_own(self) -> None:
        """In a child: what belongs to the server alone."""
        signal.set_wakeup_fd(-1)
        for inherited in (self.listener, self.wake_read, self.wake_write, *self.children.values()):
            inherited.close()
        self.module_list.close()
        self.late_imports.close()

    def _finished(self) -> bool:
        if self.children:
            return False
        idle = time.monotonic() - self.last_used
        return (
            self.retiring
            or idle > self.config["idle"]
            or not self._owns_path()
            or (idle > HEARTBEAT and native.memory_left() < LOW_MEMORY)
        )

    def _owns_path(self) -> bool:
        try:
            return os.stat(self.path).st_ino == self.inode
        except FileNotFoundError:
            return False

    def _unlink(self) -> None:
        if self._owns_path():
            os.unlink(self.path)

    def _terminated(self, *_: object) -> None:
        self._unlink()
        os._exit(0)

    def _reap(self) -> None:
        while self.children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            conn = self.children.pop(pid, None)
            if conn is not None:
                with contextlib.suppress(OSError), conn:
                    wire.send(conn, {"exit": os.waitstatus_to_exitcode(status)})
            self.last_used = time.monotonic()

    def _answer(self, conn: socket.socket) -> None:
        fds: list[int] = []
        try:
            pid = wire.same_user(conn)
            conn.settimeout(REQUEST_TIMEOUT)
            message, fds = wire.receive(conn)
            if message["op"] == "fork" and not self._refuse(conn):
                self._fork(conn, message, fds, pid)
                return
            if message["op"] == "late" and native.resident() < self.config["memory"] * FULL:
                self.late_imports.add(message["modules"], self.config["excluded"])
            elif message["op"] == "status":
                wire.send(conn, self.status())
            elif message["op"] == "stop":
                self._stop(kill=message["kill"])
                wire.send(conn, {"stopping": True, "pid": os.getpid()})
            conn.close()
        except Exception as error:  # noqa: BLE001 - one bad request must not end the server
            logging.getLogger(__name__).warning("a request failed: %r", error)
            with contextlib.suppress(OSError), conn:
                wire.send(conn, {"error": f"{type(error).__name__}: {error}"})
        finally:
            for fd in fds:
                os.close(fd)

    def _refuse(self, conn: socket.socket) -> bool:
        if imports.installation_stamp() != self.stamp:
            self._stop(kill=False)
        if self.retiring:
            wire.send(conn, {"stale": True})
        return self.retiring

    def _stop(self, *, kill: bool) -> None:
        self.retiring = True
        self._unlink()
        if kill:
            for pid in self.children:
                os.kill(pid, signal.SIGKILL)

    def _fork(
        self, conn: socket.socket, message: dict[str, Any], fds: list[int], peer: int
    ) -> None:
        client_fd = os.pidfd_open(peer)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._close_own()
            log = ImportLog(self.path)
            child.main(message, fds, conn, client_fd, peer, self.baseline, log)
        self.children[pid] = conn
        os.close(client_fd)
        self.forks += 1
        self.last_used = time.monotonic()
        pidfd = os.pidfd_open(pid)
        try:
            wire.send(conn, {"pid": pid}, (pidfd,))
        except OSError:
            os.kill(pid, signal.SIGKILL)
        finally:
            os.close(pidfd)

    def status(self) -> dict[str, Any]:
        return {
            "pid": os.getpid(),
            "python": sys.executable,
            "started": self.started,
            "idle": time.monotonic() - self.last_used,
            "forks": self.forks,
            "children": sorted(self.children),
            "imported": self.imported,
            "excluded": self.config["excluded"],
            "environment": self.config["environment"],
            "project": self.config["project"],
            "resident": native.resident(),
        }
