"""Runs a verb again and again and kills it before its first, second, third... write.

`python -m tests.registry.crashing ROOT VERB [SERVER TEMPLATE]`: ROOT is a project, put back as it
was before each attempt; SERVER and TEMPLATE name a PostgreSQL server and a ledger to copy. Prints a
JSON record for each attempt: which write it died before, and what the next commands see.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import model_signing.signing  # noqa: F401 - imported before the forks
from mlflow import MlflowClient

from gristmill.errors import GristmillError
from gristmill.project import Project
from gristmill.registry import Registry, audit, promote, register, rollback
from gristmill.registry._ledger.postgres import PostgresConnection
from gristmill.registry._ledger.sqlite import SqliteConnection, sqlite3
from gristmill.registry._versions.mlflow import aliases

from .conftest import lineage

CALLS = (
    "create_run",
    "set_terminated",
    "log_artifacts",
    "create_registered_model",
    "create_model_version",
    "set_registered_model_alias",
    "set_registered_model_tag",
)
WRITING = ("INSERT", "DELETE", "UPDATE", "SELECT pg_advisory")


def arm(deadly: int) -> None:
    """Die before the write number `deadly`, counted from 1."""
    left = [deadly]

    def before(what: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.write(2, f"dies before {what}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    def counted(owner: Any, name: str, counts: Callable[..., bool]) -> None:
        real = getattr(owner, name)

        def call(*args: Any, **named: Any) -> Any:
            if counts(*args):
                before(f"{name} {args[1][:40] if name == 'execute' else ''}")
            return real(*args, **named)

        setattr(owner, name, call)

    for name in CALLS:
        counted(MlflowClient, name, lambda *_: True)
    for connection in (SqliteConnection, PostgresConnection):
        counted(connection, "execute", lambda _, query, *__: query.startswith(WRITING))
    commit(before)


def commit(before: Callable[[str], None]) -> None:
    """The commit itself is one more moment."""
    real = sqlite3.connect

    class Connection(sqlite3.Connection):
        def execute(self, query: str, *rest: Any) -> sqlite3.Cursor:
            if query == "COMMIT":
                before("COMMIT")
            return super().execute(query, *rest)

    sqlite3.connect = lambda *a, **k: real(*a, factory=Connection, **k)


def act(project: Project, verb: str) -> Any:
    if verb == "register":
        return register(project, "delay", lineage=lineage("second"))
    if verb == "rollback":
        return rollback(project, "delay", reason="r")
    return promote(project, "delay", 2, reason="r", override=True)


def look(project: Project, verb: str) -> dict[str, Any]:
    """What stands after the crash, what is wrong, and what comes of doing it again."""
    registry = Registry(project)
    problems = [p.message for p in audit(project).problems]
    outcome = {
        "problems": problems,
        "aliases": registry.ledger.aliases("delay"),
        "mlflow": aliases(registry.client, "delay"),
        "versions": len(registry.versions("delay")),
    }
    try:
        act(project, verb)
    except GristmillError as error:
        outcome["again"] = error.code
    after = Registry(project)
    outcome["then"] = after.ledger.aliases("delay") | {"versions": len(after.versions("delay"))}
    return outcome


def forked(work: Callable[[], Any]) -> tuple[int, Any]:
    """The exit status of a child that does the work, and what it returned."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            result = work()
            os.write(write, json.dumps(result, default=str).encode())
        except BaseException as error:  # noqa: BLE001 - a forked child must not return
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as file:
        text = file.read()
    return os.waitpid(child, 0)[1], json.loads(text) if text else None


def main(root: Path, verb: str, server: str = "", template: str = "") -> None:
    kept, spare = root.with_name(f"{root.name}-kept"), root.with_name(f"{root.name}-spare")
    shutil.copytree(root, kept)
    shutil.copytree(root, spare)
    url = os.environ.pop("GRISTMILL_LEDGER_URL", "")
    # What the children need is imported here, on another database than theirs.
    audit(Project.load(spare))
    if verb == "register":
        act(Project.load(spare), verb)
    os.environ["GRISTMILL_LEDGER_URL"] = url
    for deadly in range(1, 40):
        shutil.rmtree(root)
        shutil.copytree(kept, root)
        if template:
            import psycopg

            with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE n{deadly}_{verb} TEMPLATE {template}".encode())
            os.environ["GRISTMILL_LEDGER_URL"] = f"{server}/n{deadly}_{verb}"
        project = Project.load(root)

        def attempt(deadly: int = deadly, project: Project = project) -> None:
            arm(deadly)
            act(project, verb)

        status, _ = forked(attempt)
        ended, outcome = forked(lambda project=project: look(project, verb))
        print(json.dumps({"died": status == signal.SIGKILL, "ended": ended, "outcome": outcome}))
        if status == 0:
            return
    raise AssertionError("it never came to its end")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
