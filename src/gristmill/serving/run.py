"""`serve`: run the BentoML process of a model, in the foreground or around a block of code."""

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
from types import FrameType
from typing import Any

from gristmill.errors import Conflict, NotFound, Unavailable
from gristmill.files import held, write_atomic
from gristmill.project import Project
from gristmill.serving.settings import (
    TOKEN,
    check_host,
    log_file,
    serving_directory,
    serving_settings,
)

READY_SECONDS = 120.0
STOP_SECONDS = 20.0
SERVICE = '''"""Written by `gristmill serve`; `bentoml serve service:service` here does the same."""

from pathlib import Path

from gristmill.serving.service import build

service = build(Path(__file__).resolve().parents[3], {model!r}, workers={workers})
'''

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Served:
    """A running service: its address, BentoML's process, and the version that answered first."""

    url: str
    process: subprocess.Popen[bytes]
    version: int


def serve(
    project: Project,
    model: str,
    *,
    port: int | None = None,
    workers: int | None = None,
    progress: Progress = lambda _: None,
) -> int:
    """Serve the champion of `model` until SIGINT or SIGTERM; returns BentoML's exit code.

    Raises NotFound without a champion, Conflict when the port or the model is taken, Unavailable
    when the service does not come up.
    """
    stopping: list[int] = []

    def forward(number: int, _: FrameType | None) -> None:
        stopping.append(number)
        raise _Stopped

    before = {s: signal.signal(s, forward) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        with serving(project, model, port=port, workers=workers, progress=progress) as served:
            progress(f"{model} version {served.version} answers at {served.url}")
            return served.process.wait()
    except _Stopped:
        progress("stopped")
        return 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def serving(
    project: Project,
    model: str,
    *,
    port: int | None = None,
    workers: int | None = None,
    progress: Progress = lambda _: None,
) -> Iterator[Served]:
    """Serve the champion of `model` in the background while the block runs.

    Port 0 takes a free one. The output is in `.gristmill/serving/<model>.log`. Raises as `serve`,
    Forbidden for who may not deploy.
    """
    from gristmill.registry.actor import current_actor
    from gristmill.registry.roles import require
    from gristmill.registry.settings import model_settings
    from gristmill.registry.store import Registry

    model_settings(project, model)
    require(project, "deploy", current_actor(project))
    settings = serving_settings(project, model, port=port, workers=workers)
    check_host(settings.host, os.environ.get(TOKEN, ""))
    try:
        Registry(project).version(model, "champion")
    except NotFound as error:
        raise NotFound(
            "serving.no-champion",
            f"{model} has no champion to serve: {error.message}",
            hint=f"Promote a version first: `gristmill model promote {model} VERSION`.",
        ) from error
    directory = serving_directory(project, model)
    directory.mkdir(parents=True, exist_ok=True)
    with held(directory / "lock", _served(model)) as lock:  # the service's process inherits it
        address = (settings.host, _free_port(settings.host, settings.port))
        url = "http://{}:{}".format(*address)
        _write_service(directory / "service.py", model, settings.workers)
        progress(f"starting {model} at {url}")
        process = _start(project, model, address, lock.fileno())
        lock.truncate(0)
        lock.write(json.dumps({"pid": process.pid, "url": url}))
        lock.flush()
        try:
            version = _wait(process, address, log_file(project, model), progress)
            yield Served(url, process, version)
        finally:
            _stop(process)


def _start(
    project: Project, model: str, address: tuple[str, int], lock: int
) -> subprocess.Popen[bytes]:
    directory = serving_directory(project, model)
    host, port = address
    command = [sys.executable, "-m", "gristmill.serving.launch", str(os.getpid()), "serve"]
    command += ["service:service", "--working-dir", str(directory)]
    command += ["--host", host, "--port", str(port)]
    environment = {
        **os.environ,
        "BENTOML_DO_NOT_TRACK": "True",
        "BENTOML_HOME": str(directory / "bentoml"),
        "PYTHONUNBUFFERED": "1",
    }
    with log_file(project, model).open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=project.root,
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
    said = start
    why = "it does not answer"
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
            why = f"/model answers {status}"
        if time.monotonic() - said > 5:
            said = time.monotonic()
            progress(f"waiting for the service, {said - start:.0f} s")
        time.sleep(0.1)
    raise Unavailable(
        "serving.not-ready",
        f"the service is not ready after {READY_SECONDS:.0f} s: {why}.",
        hint=f"Its output is in {log}.",
    )


def _ask(address: tuple[str, int]) -> tuple[int, dict[str, Any]]:
    """Status and body of GET /model; status 0 when nobody answers yet."""
    connection = http.client.HTTPConnection(*address, timeout=2)
    token = os.environ.get(TOKEN, "")
    try:
        connection.request(
            "GET", "/model", headers={"Authorization": f"Bearer {token}"} if token else {}
        )
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


def _served(model: str) -> Callable[[str], Conflict]:
    return lambda holder: Conflict(
        "serving.running",
        f"{model} is served already: {holder or 'it is just starting'}.",
        hint="Use that one, or stop it first.",
    )


def _free_port(host: str, port: int) -> int:
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


def _write_service(path: Path, model: str, workers: int) -> None:
    write_atomic(path, SERVICE.format(model=model, workers=workers))


def _tail(log: Path, lines: int = 12) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])


class _Stopped(BaseException):
    """A signal asked the foreground service to stop."""
