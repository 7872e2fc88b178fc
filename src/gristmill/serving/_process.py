"""The BentoML process of a service: started, waited for, stopped, whatever becomes of us."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from gristmill.errors import Conflict, Unavailable
from gristmill.files import write_atomic
from gristmill.serving._settings import TOKEN

READY_SECONDS = 120.0
STOP_SECONDS = 20.0
SERVICE = '''"""Written by Gristmill.

`bentoml serve service:service` here serves the same, but then every user of this machine can give
orders to BentoML's supervisor."""

from pathlib import Path

from gristmill.serving._service import build

here = Path(__file__).resolve()
service = build(here.parents[3], {arguments})
'''

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Served:
    """A running service: its address, BentoML's process, and the version that answered first."""

    url: str
    process: subprocess.Popen[bytes]
    version: int


@contextmanager
def process(
    directory: Path,
    arguments: str,
    address: tuple[str, int],
    *,
    log: Path,
    lock: IO[str],
    what: str,
    progress: Progress,
) -> Iterator[Served]:
    """Run what `arguments` (source, after the root) make `build` serve, while the block runs.

    `directory` lies three levels below the project's root and receives the service's source and
    BentoML's files; `log` what it prints. The process inherits `lock`, a held file, and writes of
    itself into it. It ends with the block, and by itself when this process is killed. Raises
    Conflict when the port is taken, Unavailable when it does not come up.
    """
    host, port = address
    address = (host, free_port(host, port))
    url = "http://{}:{}".format(*address)
    write_atomic(directory / "service.py", SERVICE.format(arguments=arguments))
    progress(f"starting {what} at {url}")
    started = _start(directory, address, log, lock.fileno())
    lock.truncate(0)
    lock.write(json.dumps({"pid": started.pid, "url": url}))
    lock.flush()
    try:
        yield Served(url, started, _wait(started, address, log, progress))
    finally:
        _stop(started)


def headers() -> dict[str, str]:
    """What a request needs to be let in."""
    token = os.environ.get(TOKEN, "")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _start(
    directory: Path, address: tuple[str, int], log: Path, lock: int
) -> subprocess.Popen[bytes]:
    host, port = address
    command = [sys.executable, "-m", "gristmill.serving._launch", str(os.getpid()), "serve"]
    command += ["service:service", "--working-dir", str(directory)]
    command += ["--host", host, "--port", str(port)]
    environment = {
        **os.environ,
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": str(directory / "bentoml"),
        "PYTHONUNBUFFERED": "1",
    }
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=directory.parents[2],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(lock,),
        )


def _wait(
    process: subprocess.Popen[bytes], address: tuple[str, int], log: Path, progress: Progress
) -> int:
    """Wait until /model answers; returns the version."""
    start = time.monotonic()
    reported = start
    reason = "it does not answer"
    while time.monotonic() - start < READY_SECONDS:
        if process.poll() is not None:
            raise Unavailable(
                "serving.exited",
                f"the service ended with code {process.returncode} before it was ready:\n"
                + _tail(log),
                hint=f"The whole output is in {log}.",
            )
        status, answer = _ask(address)
        if status == 200:
            return int(answer["version"])
        if status == 503 and answer.get("code") == "serving.no-model":
            raise Unavailable(answer["code"], answer["message"], hint=answer["hint"])
        if status:
            reason = f"/model answers {status}"
        if time.monotonic() - reported > 5:
            reported = time.monotonic()
            progress(f"waiting for the service, {reported - start:.0f} s")
        time.sleep(0.1)
    raise Unavailable(
        "serving.not-ready",
        f"the service is not ready after {READY_SECONDS:.0f} s: {reason}.",
        hint=f"Its output is in {log}.",
    )


def _ask(address: tuple[str, int]) -> tuple[int, dict[str, Any]]:
    """Status and body of GET /model; status 0 when nobody answers yet."""
    connection = http.client.HTTPConnection(*address, timeout=2)
    try:
        connection.request("GET", "/model", headers=headers())
        reply = connection.getresponse()
        body = json.loads(reply.read())
    except (OSError, http.client.HTTPException, ValueError):
        return 0, {}
    finally:
        connection.close()
    return reply.status, body if isinstance(body, dict) else {}


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, which lets requests finish; SIGKILL when that takes too long."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def free_port(host: str, port: int) -> int:
    """`port` when nobody listens there, any free one for 0. Raises Conflict."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Conflict(
                "serving.port",
                f"port {port} of {host} cannot be used: {error.strerror}.",
                hint="Stop what listens there, or choose another with --port (0 takes a free one).",
            ) from error
        return int(probe.getsockname()[1])


def _tail(log: Path, lines: int = 12) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
