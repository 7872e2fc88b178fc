"""The table of verbs and the four faces say the same."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

import gristmill
from gristmill.cli import _sweep
from gristmill.cli._commands import COMMANDS
from gristmill.registry import Roles
from gristmill.server._app import routes
from gristmill.server._handlers import Route
from gristmill.verbs import VERBS, Absent, Verb

EXTENSION = Path(__file__).parents[1] / "extension/src"
# Verbs that change a command by an option of this name.
OPTION_VERBS = {
    "open": ("--list", "--close"),
    "model register": ("--run",),
    "monitor": ("--repair", "--drill-down"),
    "dashboard": ("--export", "--mail"),
    "trust": ("--revoke", "--list"),
}
# Routes that draw a view or serve the workbench itself.
VIEWS = {
    "GET project", "GET dashboard", "GET kept/{run}/{file}", "GET steps/paths", "GET mlflow",
    "POST mlflow", "GET jobs", "GET jobs/{job}",
}  # fmt: skip
# Public names that are values, or ways to write a value.
VALUES = {
    "Input", "Metrics", "Output", "Plots", "ParkedKernel", "Project", "RunRequest", "RunResult",
    "StepChange", "SweepSpec", "__version__", "runs",
}  # fmt: skip
# Arguments that only one face has by nature.
ONLY_CLI = {
    "json", "help", "html", "output", "last", "repair", "check", "dry_run", "drill_down", "list",
    "close", "print", "path", "show", "run_id", "verb", "stop", "host", "port", "token", "grafana",
    "edit", "revoke",
}  # fmt: skip
ONLY_PYTHON = {
    "project", "tree", "actor", "progress", "notify", "tell", "listener", "listeners", "interrupts",
    "root", "cwd", "kernel_name", "lineage", "run_id", "raw", "change", "request", "spec",
    "decision", "rows", "labels", "trigger", "version", "now", "resume",
}  # fmt: skip
# The option or argument of the command line that carries an argument under another spelling.
CLI_SPELLING = {
    ("monitor --drill-down", "window"): "drill_down",
    ("dashboard --export", "target"): "export",
    ("dashboard --mail", "route"): "mail",
    ("sweep show", "name"): "words",
    ("sweep apply", "name"): "words",
}


def on_face(face: str) -> list[Verb]:
    return [verb for verb in VERBS if not isinstance(getattr(verb, face), Absent)]


def called(verb: Verb) -> str:
    name = next(
        n for n in (verb.command, verb.function, verb.route, verb.lab) if not isinstance(n, Absent)
    )
    return str(name)


def parsers() -> Mapping[str, argparse.ArgumentParser]:
    """The parser of every command and of every word below one."""
    found: dict[str, argparse.ArgumentParser] = {}

    def walk(words: str, parser: argparse.ArgumentParser) -> None:
        below = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
        for action in below:
            for word, sub in action.choices.items():
                walk(f"{words} {word}", sub)
        if not below or not below[0].required:
            found[words] = parser

    for word, (module, _) in COMMANDS.items():
        parser = argparse.ArgumentParser(prog=word)
        import_module(f"gristmill.cli._{module}").add(parser)
        walk(word, parser)
    found |= {f"sweep {verb}": found["sweep"] for verb in _sweep.VERBS}
    return found


PARSERS = parsers()
ROUTES = {f"{route.method} {route.path}": route for route in routes()}


def command_of(verb: Verb) -> tuple[str, str]:
    words, _, option = str(verb.command).partition(" --")
    return words, f"--{option}" if option else ""


def test_every_command_is_a_verb_and_every_verb_a_command() -> None:
    expected = set(PARSERS) | {
        f"{word} {option}" for word, options in OPTION_VERBS.items() for option in options
    }
    assert {str(verb.command) for verb in on_face("command")} == expected
    for verb in on_face("command"):
        words, option = command_of(verb)
        assert not option or option in PARSERS[words]._option_string_actions


@pytest.mark.parametrize("verb", on_face("command"), ids=called)
def test_the_command_line_takes_the_arguments_of_the_table(verb: Verb) -> None:
    words, _ = command_of(verb)
    taken = {action.dest for action in PARSERS[words]._actions}
    missing = {CLI_SPELLING.get((str(verb.command), a), a) for a in verb.arguments} - taken
    assert missing == set()
    told = {a for v in VERBS if command_of(v)[0] == words for a in v.arguments}
    if not words.startswith(("step ", "sweep")):
        assert taken - told - ONLY_CLI - set(CLI_SPELLING.values()) == set()


def test_every_public_function_is_a_verb_and_every_verb_public() -> None:
    table = {str(verb.function) for verb in on_face("function")}
    names = {name.partition(":")[2] for name in table if not name.startswith("gristmill.runs:")}
    assert names == set(gristmill.__all__) - VALUES
    for name in table:
        module, _, function = name.partition(":")
        door = import_module(module)
        assert function in door.__all__
        owner = gristmill.runs if module == "gristmill.runs" else gristmill
        assert getattr(owner, function) is getattr(door, function)


@pytest.mark.parametrize("verb", on_face("function"), ids=called)
def test_a_function_takes_the_arguments_of_the_table(verb: Verb) -> None:
    module, _, name = str(verb.function).partition(":")
    taken = set(inspect.signature(getattr(import_module(module), name)).parameters)
    if name == "run":
        taken |= {f.name for f in fields(gristmill.RunRequest)}
    if name == "sweep":
        taken |= {f.name for f in fields(gristmill.SweepSpec)}
    told = {a for v in VERBS if v.function == verb.function for a in v.arguments}
    assert set(verb.arguments) - taken == set()
    assert taken - told - ONLY_PYTHON == set()


def test_run_takes_every_field_of_a_request_as_a_keyword() -> None:
    from gristmill.runner._request import RunOptions

    assert {*RunOptions.__annotations__, "targets"} == {
        f.name for f in fields(gristmill.RunRequest)
    }


def test_every_route_is_a_verb_or_a_view() -> None:
    assert {str(verb.route) for verb in on_face("route")} | VIEWS == set(ROUTES)


@pytest.mark.parametrize("verb", on_face("route"), ids=called)
def test_a_route_takes_the_arguments_of_the_table(verb: Verb) -> None:
    route = ROUTES[str(verb.route)]
    assert set(verb.arguments) - set(verb.rest_lacks) - rest_arguments(route) == set()
    assert not set(verb.rest_lacks) & rest_arguments(route)
    assert (route.status == 202 and "/" in route.path) >= verb.in_background


def rest_arguments(route: Route) -> set[str]:
    body = {f.name for f in fields(route.body)} if route.body else set()
    return body | set(route.query) | set(re.findall(r"\{(\w+)\}", route.path))


def test_every_command_of_jupyterlab_exists() -> None:
    source = "\n".join(p.read_text(encoding="utf-8") for p in EXTENSION.rglob("*.ts*"))
    ids = {f"gristmill:{name}" for name in re.findall(r"name: '([a-z-]+)'", source)}
    ids |= {f"gristmill:open-{name.partition(':')[2]}" for name in ids}
    ids |= set(re.findall(r"'(gristmill:[a-z-]+)'", source))
    assert {str(verb.lab) for verb in on_face("lab")} - ids == set()


def test_roles_and_events_of_the_table_exist() -> None:
    from gristmill import events

    kinds = {cls.kind for cls in events.Event.__subclasses__()}
    actions = {"register", "gate", "promote", "rollback", "request", "approve", "reject", "alert"}
    for verb in VERBS:
        assert verb.role in {"", *Roles.VERBS}
        assert verb.emits in {"", *kinds, *actions}


def every_reason() -> Iterator[str]:
    for verb in VERBS:
        for face in ("command", "function", "route", "lab"):
            name = getattr(verb, face)
            if isinstance(name, Absent):
                yield name.reason


def test_a_face_that_is_absent_says_why() -> None:
    assert all(reason.endswith(".") for reason in every_reason())
