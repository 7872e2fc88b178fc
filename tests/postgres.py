"""A PostgreSQL server of one's own: Debian's binaries, a directory, a port on loopback."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.waiting import eventually


def binaries() -> Path:
    """The newest installed server's directory; `make test` installs one."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not programs and not on_path:
        raise FileNotFoundError("PostgreSQL's server is not installed: run `make test` once")
    return (programs[-1] if programs else Path(str(on_path))).parent


@dataclass
class Server:
    directory: Path
    port: int
    _process: subprocess.Popen[bytes] | None = None

    def run(self, *command: str) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **unprivileged())

    def start(self) -> None:
        command = [str(binaries() / "postgres"), "-D", str(self.directory), "-p", str(self.port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        command += ["-c", "fsync=off", "-c", "max_connections=60"]
        log = (self.directory.parent / "log").open("ab")
        with log:
            self._process = subprocess.Popen(command, stderr=log, cwd="/", **unprivileged())
        eventually(self._listens)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """At once, as an operator's restart does: open connections are cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def database(self) -> str:
        """The address of a new, empty database."""
        import psycopg

        name = f"t{secrets.token_hex(6)}"
        address = f"postgresql://gristmill@127.0.0.1:{self.port}"

        def made() -> bool:
            try:
                with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
                    connection.execute(f"CREATE DATABASE {name}".encode())
            except psycopg.OperationalError:  # it still starts
                return False
            return True

        eventually(made)
        return f"{address}/{name}"


def unprivileged() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as Debian's user for it, or nobody."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@contextmanager
def server() -> Iterator[Server]:
    """A running server, removed afterwards."""
    root = Path(tempfile.mkdtemp(prefix="gristmill-postgres-"))
    try:
        owner = unprivileged()
        if owner:
            os.chown(root, owner["user"], owner["group"])
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            postgres = Server(root / "data", free.getsockname()[1])
        postgres.run(
            *(str(binaries() / "initdb"), "-D", str(postgres.directory), "-U", "gristmill"),
            *("-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"),
        )
        postgres.start()
        try:
            yield postgres
        finally:
            postgres.stop()
    finally:
        shutil.rmtree(root)
