"""Every class of error reaches every face: exit code, HTTP status, page, widget, and JupyterLab,
which shows the record that REST replies with.

A class that is new fails here until `FACES` says what the faces make of it.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.utils import url_path_join

import gristmill
from gristmill.cli import _status as status
from gristmill.cli._commands import run_command
from gristmill.dashboards._handlers import DashboardHandler
from gristmill.errors import (
    Cancelled,
    Conflict,
    Forbidden,
    GateFailed,
    GristmillError,
    Invalid,
    NotFound,
    StepFailed,
    Unavailable,
    Waiting,
)
from gristmill.project import Project
from gristmill.server._handlers import Malformed, Route, handlers_of
from gristmill.serving._service import TooLarge, Unauthorized, error_reply
from gristmill.widgets._panel import Panel

from .conftest import Ask

SOURCE = Path(gristmill.__file__).parent
# what the command line exits with, what HTTP answers
FACES: dict[type[GristmillError], tuple[int, int]] = {
    GristmillError: (1, 500),
    Invalid: (2, 422),
    Malformed: (2, 400),
    TooLarge: (2, 413),
    NotFound: (3, 404),
    Conflict: (4, 409),
    Forbidden: (5, 403),
    Unauthorized: (5, 401),
    GateFailed: (6, 409),
    StepFailed: (1, 500),
    Waiting: (8, 409),
    Unavailable: (7, 503),
    Cancelled: (130, 409),
}
RECORD = {"code": "room.what", "message": "<b>It</b> is wrong.", "hint": "Do & see."}
every_class = pytest.mark.parametrize("cls", FACES, ids=lambda cls: cls.__name__)


def made(cls: type[GristmillError]) -> GristmillError:
    return cls(RECORD["code"], RECORD["message"], hint=RECORD["hint"])


class Definition:
    """A class in the package's source: its room and what it derives from."""

    def __init__(self, path: Path, node: ast.ClassDef) -> None:
        self.name = node.name
        self.room = room(path)
        self.bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0]


@cache
def trees() -> list[tuple[Path, ast.Module]]:
    return [(p, ast.parse(p.read_text(encoding="utf-8"))) for p in SOURCE.rglob("*.py")]


def exceptions() -> dict[str, Definition]:
    """Every exception class that the package defines."""
    definitions = {
        node.name: Definition(path, node)
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }

    def raises(name: str) -> bool:
        if name in definitions:
            return any(raises(base) for base in definitions[name].bases if base != name)
        builtin = getattr(builtins, name, None)
        foreign = name.endswith(("Error", "Exception"))
        return foreign or (isinstance(builtin, type) and issubclass(builtin, BaseException))

    return {name: definition for name, definition in definitions.items() if raises(name)}


def ours(name: str, definitions: dict[str, Definition]) -> bool:
    """Is the class in the tree of `GristmillError`?"""
    bases = definitions[name].bases if name in definitions else []
    return name == GristmillError.__name__ or any(ours(base, definitions) for base in bases)


def test_every_class_of_the_tree_has_its_line_here() -> None:
    definitions = exceptions()
    assert {n for n in definitions if ours(n, definitions)} == {cls.__name__ for cls in FACES}


def test_exceptions_of_another_kind_are_caught_and_private_ones_stay_in_their_room() -> None:
    """A room may put such a class on its door, or into a class that is there; others catch it."""
    definitions = exceptions()
    inside = {n: d.room for n, d in definitions.items() if not ours(n, definitions)}
    named: dict[str, set[str]] = {name: set() for name in inside}
    caught: set[str] = set()
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in inside:
                named[node.id].add(room(path))
            if isinstance(node, ast.ExceptHandler) and node.type is not None:
                caught |= {ast.unparse(n).rpartition(".")[2] for n in ast.walk(node.type)}
    public = {name for name, place in inside.items() if name in names_on_door(place)}
    assert {n: places - {inside[n]} for n, places in named.items() if n not in public} == {
        name: set() for name in inside.keys() - public
    }
    assert inside.keys() <= caught


def names_on_door(place: str) -> list[str]:
    """The public names of a room; a module at the top has no door."""
    if place.endswith(".py"):
        return []
    return list(getattr(import_module(f"gristmill.{place}"), "__all__", ()))


@every_class
def test_the_command_line_exits_with_its_code(
    cls: type[GristmillError],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def main(_: Any) -> int:
        raise made(cls)

    monkeypatch.setattr(status, "main", main)
    assert run_command(["status"]) == FACES[cls][0]
    stderr = capsys.readouterr().err
    assert all(text in stderr for text in RECORD.values()) and "Traceback" not in stderr


async def test_rest_replies_with_its_status_and_the_record(
    ask: Ask, jp_web_app: Any, jp_base_url: str
) -> None:
    def verb(cls: type[GristmillError]) -> Callable[[Any], None]:
        def fail(_: Any) -> None:
            raise made(cls)

        return fail

    routes = [Route("GET", f"failing/{cls.__name__}", verb(cls)) for cls in FACES]
    base = url_path_join(jp_base_url, "gristmill")
    handlers = [(url_path_join(base, path), handler) for path, handler in handlers_of(routes)]
    jp_web_app.add_handlers(".*$", handlers)
    for cls, (_, http_status) in FACES.items():
        assert await ask("GET", f"failing/{cls.__name__}") == (http_status, RECORD)


@every_class
def test_a_service_replies_with_its_status_and_the_record(cls: type[GristmillError]) -> None:
    reply = error_reply(made(cls))
    assert (reply.status_code, ast.literal_eval(bytes(reply.body).decode())) == (
        FACES[cls][1],
        RECORD,
    )


async def test_a_page_says_it_with_its_status(jp_fetch: Any, jp_web_app: Any) -> None:
    class Failing(DashboardHandler):
        async def get(self, name: str) -> None:
            raise made(next(cls for cls in FACES if cls.__name__ == name))

    pattern = url_path_join(jp_web_app.settings["base_url"], "failing-page", "([A-Za-z]+)")
    jp_web_app.add_handlers(".*$", [(pattern, Failing)])
    for cls, (_, http_status) in FACES.items():
        reply = await jp_fetch("failing-page", cls.__name__, raise_error=False)
        text = reply.body.decode()
        assert reply.code == http_status
        assert "&lt;b&gt;It&lt;/b&gt; is wrong." in text and "Do &amp; see." in text


@every_class
def test_a_widget_says_it_in_a_notice(cls: type[GristmillError], tmp_path: Path) -> None:
    (tmp_path / "gristmill.toml").write_text('[project]\nname = "empty"\n')
    panel = Panel(None, Project.load(tmp_path), "ada")

    def fail(_: Any) -> None:
        raise made(cls)

    panel.do("failing", fail, print)
    notice = panel._notice.value
    assert "[room.what]" in notice and 'role="alert"' in notice
    assert "&lt;b&gt;It&lt;/b&gt; is wrong." in notice and "Do &amp; see." in notice
