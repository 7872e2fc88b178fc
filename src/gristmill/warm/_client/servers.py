"""Find, start and stop fork servers, and ask them for children.

When the key of a slot changes (see `spec`), the server that held the slot is told to retire.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from gristmill.errors import Forbidden, Unavailable
from gristmill.warm._client.runtime import remove_leftovers, runtime_dir
from gristmill.warm._client.spec import ServerSpec
from gristmill.warm._server import wire

IDLE_SECONDS = 900.0
MEMORY_BYTES = 2 << 30
MAX_SERVERS = 4
START_TIMEOUT = 120.0
ASK_TIMEOUT = 10.0
_BOOTSTRAP = (
    "import sys, json, importlib.util as u\n"
    "del sys.path[0]\n"
    "c = json.loads(sys.argv[-1])\n"
    "s = u.spec_from_file_location('_gristmill_warm', c['package'] + '/__init__.py',"
    " submodule_search_locations=[c['package']])\n"
    "m = sys.modules['_gristmill_warm'] = u.module_from_spec(s)\n"
    "s.loader.exec_module(m)\n"
    "from _gristmill_warm import server\n"
    "server.main(c)\n"
)


def connect(path: Path) -> socket.socket:
    """A connection to a server that this user runs.

    OSError when none listens, Forbidden when it is another user's.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(ASK_TIMEOUT)
        sock.connect(str(path))
        _same_user(sock, path)
    except BaseException:
        sock.close()
        raise
    return sock


def _same_user(sock: socket.socket, path: Path) -> None:
    _, uid = wire.peer(sock)
    if uid != os.getuid():
        raise Forbidden("kernels.foreign_server", f"{path} is served by another user ({uid}).")


def ask(path: Path, message: dict[str, Any]) -> dict[str, Any] | None:
    """The server's answer, or None when nobody serves `path` any more."""
    try:
        with connect(path) as sock:
            wire.send(sock, message)
            return wire.receive(sock)[0]
    except (OSError, EOFError):
        return None


def sockets() -> list[Path]:
    return sorted(runtime_dir().glob("*-*.sock"))


def servers() -> list[dict[str, Any]]:
    """The status of every running server of this user."""
    answers = ((path, ask(path, {"op": "status"})) for path in sockets())
    return [{**answer, "socket": str(path)} for path, answer in answers if answer]


def stop_servers(*, kill: bool = False, timeout: float = 10.0) -> int:
    """Stop all of this user's servers; the number that was asked.

    Kernels in use go on and their server leaves after the last one, unless `kill`; then this
    waits up to `timeout` seconds for the servers to be gone.
    """
    pids = []
    for path in sockets():
        answer = ask(path, {"op": "stop", "kill": kill})
        if answer and "pid" in answer:
            pids.append(answer["pid"])
        else:
            path.unlink(missing_ok=True)
    deadline = time.monotonic() + timeout
    while kill and any(map(_exists, pids)) and time.monotonic() < deadline:
        time.sleep(0.01)
    return len(pids)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def request_child(
    spec: ServerSpec, message: dict[str, Any], fds: tuple[int, ...]
) -> tuple[socket.socket, int, int]:
    """Fork a child on `spec`'s server, which is started when there is none.

    Returns `(connection, pid, pidfd)` once the child is ready. Unavailable says why there is none.
    """
    for _ in range(3):
        path = runtime_dir() / f"{spec.name}.sock"
        sock = _connect_or_start(spec, path)
        try:
            wire.send(sock, message, fds)
            sock.settimeout(START_TIMEOUT)
            child = await_ready(sock)
        except (OSError, EOFError):
            sock.close()
            continue
        except BaseException:
            sock.close()
            raise
        if child is not None:
            return sock, *child
        sock.close()
    raise Unavailable("kernels.no_server", "The fork server ended three times in a row.")


def await_ready(sock: socket.socket) -> tuple[int, int] | None:
    """`(pid, pidfd)` of the child once it is ready; None when the server has gone stale."""
    pid = pidfd = -1
    ready = False
    try:
        while not (ready and pidfd >= 0):
            answer, received = wire.receive(sock)
            if "pid" in answer:
                pid, (pidfd,) = answer["pid"], received
            elif "ready" in answer:
                ready = True
            elif answer.get("stale"):
                return None
            else:
                _fork_failed(answer)
    except BaseException:
        if pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)
        raise
    return pid, pidfd


def _fork_failed(answer: dict[str, Any]) -> NoReturn:
    problem = answer.get("error") or f"the child ended with {answer.get('exit')}"
    raise Unavailable("kernels.fork_failed", str(problem))


def _connect_or_start(spec: ServerSpec, path: Path) -> socket.socket:
    with contextlib.suppress(ConnectionRefusedError, FileNotFoundError):
        return connect(path)
    start_server(spec)
    return connect(path)


def start_server(spec: ServerSpec) -> None:
    """Start `spec`'s server and wait until it listens; without effect when it does already.

    Unavailable says why it cannot.
    """
    path = runtime_dir() / f"{spec.name}.sock"
    with _locked(path.with_suffix(".lock")):
        with contextlib.suppress(ConnectionRefusedError, FileNotFoundError):
            connect(path).close()
            return
        path.unlink(missing_ok=True)
        remove_leftovers()
        _make_room(path)
        _start(spec, path)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with open(path, "w", encoding="ascii") as file:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Unavailable(
                        "kernels.server_starting", f"Another process has held {path} for too long."
                    ) from None
                time.sleep(0.02)
        yield


def _make_room(path: Path) -> None:
    """Retire the server that held this slot, and the longest idle one above MAX_SERVERS."""
    slot = path.name.partition("-")[0]
    for other in sockets():
        if other.name.startswith(f"{slot}-"):
            ask(other, {"op": "stop", "kill": False})
    idle = sorted((s for s in servers() if not s["children"]), key=lambda s: -float(s["idle"]))
    for status in idle[: max(0, len(sockets()) + 1 - MAX_SERVERS)]:
        ask(Path(status["socket"]), {"op": "stop", "kill": False})


def _start(spec: ServerSpec, path: Path) -> None:
    read, write = os.pipe()
    config = {
        "package": str(Path(__file__).parents[1] / "_server"),
        "socket": str(path),
        "preload": spec.preload,
        "own": spec.own,
        "excluded": {},
        "environment": spec.environment,
        "project": spec.project,
        "idle": float(os.environ.get("GRISTMILL_WARM_IDLE", IDLE_SECONDS)),
        "memory": int(os.environ.get("GRISTMILL_WARM_MEMORY", MEMORY_BYTES)),
        "ready_fd": write,
    }
    try:
        with open(path.with_suffix(".log"), "wb") as log:
            subprocess.Popen(
                [*spec.python, "-c", _BOOTSTRAP, json.dumps(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(write,),
                env=dict(spec.env),
                cwd=path.parent,
                start_new_session=True,
            ).wait(START_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        os.close(read)
        raise Unavailable("kernels.server_failed", f"{spec.python[0]}: {error}") from error
    finally:
        os.close(write)
    answer = _read_answer(read)
    if "ready" not in answer:
        raise Unavailable(
            "kernels.server_failed",
            str(answer.get("error") or "The fork server ended during its imports."),
            hint=f"See {path.with_suffix('.log')}.",
        )


def _read_answer(fd: int) -> dict[str, Any]:
    deadline = time.monotonic() + START_TIMEOUT
    body = b""
    with open(fd, "rb", buffering=0) as file:
        while select.select([file], [], [], max(0.0, deadline - time.monotonic()))[0]:
            chunk = file.read(65536)
            if not chunk:
                break
            body += chunk
    answer = json.loads(body) if body else {}
    return answer if isinstance(answer, dict) else {}


if sys.platform != "linux":
    raise ImportError("warm kernels need Linux")
