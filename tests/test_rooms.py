"""The house: a room has a door that lists its public names, and ARCHITECTURE.md is true."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src/gristmill"
MAP = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
ROOMS = sorted(p.parent.name for p in SOURCE.glob("*/__init__.py"))
SINGLE = sorted(p.stem for p in SOURCE.glob("*.py") if not p.stem.startswith("_"))
MODULES = {
    ".".join(p.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__"): p
    for p in SOURCE.rglob("*.py")
    if not {"templates", "labextension"} & set(p.parts)
}


def imports_of(module: str) -> Iterator[tuple[str, str]]:
    """(module, name) of each `from gristmill... import name`, also inside functions."""
    package = module.split(".")
    if MODULES[module].name != "__init__.py":
        package.pop()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            if source.split(".")[0] == "gristmill":
                for alias in node.names:
                    yield source, alias.name


def homes_of(room: str) -> Mapping[str, str]:
    """Where a room's door says that each public name lives."""
    return {
        alias.name: str(node.module)
        for block in ast.parse((SOURCE / room / "__init__.py").read_text(encoding="utf-8")).body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if str(node.module).startswith(f"gristmill.{room}.")
    }


@pytest.mark.parametrize("room", ROOMS)
def test_a_door_lists_each_name_once_sorted_and_opens_to_it(room: str) -> None:
    door = import_module(f"gristmill.{room}")
    homes = homes_of(room)
    if homes:
        assert sorted(door.__all__) == sorted(homes)
    for name in getattr(door, "__all__", ()):
        assert getattr(door, name) is not None
    with pytest.raises(AttributeError):
        _ = door.nothing_of_that_name


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_public_is_used_by_somebody_else(room: str) -> None:
    import gristmill

    outside = {
        name
        for module in MODULES
        if not f"{module}.".startswith(f"gristmill.{room}.")
        for source, name in imports_of(module)
        if source == f"gristmill.{room}"
    }
    outside |= {
        name
        for module, path in MODULES.items()
        if not f"{module}.".startswith(f"gristmill.{room}.")
        for name in re.findall(rf"\b{room}\.(\w+)", path.read_text(encoding="utf-8"))
    }
    text = "\n".join(
        p.read_text(encoding="utf-8")
        for pattern in ("templates/**/*.ipynb", "pyproject.toml", "README.md", "docs/**/*.md")
        for p in ROOT.glob(pattern)
    )
    named = {n for n in homes_of(room) if re.search(rf"\b{n}\b", text)}
    assert set(homes_of(room)) - outside - named - set(gristmill.__all__) == set()


def entries_of(docstring: str) -> list[str]:
    """The names in the `Parameters` and `Attributes` sections of a numpydoc docstring."""
    sections = re.findall(
        r"^(?:Attributes|Parameters)\n-+\n(.*?)(?=\n\n\S|\Z)", docstring, re.DOTALL | re.MULTILINE
    )
    lines = [line for section in sections for line in section.split("\n")]
    heads = [line for line in lines if line and not line[0].isspace()]
    return [name.strip(" *") for head in heads for name in head.split(" : ")[0].split(",")]


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_public_has_an_entry_for_each_parameter(room: str) -> None:
    door = import_module(f"gristmill.{room}")
    for name in getattr(door, "__all__", ()):
        value = getattr(door, name)
        if not str(getattr(value, "__module__", "")).startswith("gristmill"):
            continue
        entries = entries_of(inspect.getdoc(value) or "")
        if inspect.isfunction(value):
            assert sorted(entries) == sorted(inspect.signature(value).parameters), name
        elif isinstance(value, type):
            assert (value.__doc__ or "")[:1] not in ("", "\n"), name
            if is_dataclass(value):
                assert {field.name for field in fields(value)} <= set(entries), name


def test_docstrings_have_a_summary_and_entries_that_are_names() -> None:
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node) or "?"
                where = f"{module} {getattr(node, 'name', '')}"
                assert not re.match(r"(Attributes|Parameters|Returns|Raises)\n-", text), where
                assert all(re.fullmatch(r"\w+", entry) for entry in entries_of(text)), where


def test_the_map_lists_every_room_and_its_public_names() -> None:
    for room in ROOMS:
        names = re.search(rf"^\| `{room}` \|(.*)\|$", MAP, re.MULTILINE)
        assert names is not None, f"ARCHITECTURE.md has no row for {room}"
        door = import_module(f"gristmill.{room}")
        assert re.findall(r"`(\w+)`", names[1]) == sorted(getattr(door, "__all__", ()))
    for module in SINGLE:
        assert f"{module}.py" in MAP


def test_every_path_on_the_map_exists() -> None:
    """Names of modules in the drawing of the rooms stand below the room they are drawn in."""
    drawing = MAP.split("```")[1]
    folders: list[tuple[int, Path]] = []
    for line in drawing.splitlines():
        indent = len(line) - len(line.lstrip())
        first = line.strip().split(" ")[0]
        if first.endswith("/"):
            folders = [f for f in folders if f[0] < indent]
            above = folders[-1][1] if folders else ROOT
            folders.append((indent, above / first))
            assert (above / first).is_dir(), line
        for name in re.findall(r"\b_?\w+\.py\b", line):
            inside = [f for f in folders if f[0] < indent or first.endswith("/")]
            assert any(inside[-1][1].rglob(name)), f"{name} is not in {inside[-1][1]}"


def test_no_circle_of_imports() -> None:
    homes = {room: homes_of(room) for room in ROOMS}
    graph: dict[str, set[str]] = {}
    for module, path in MODULES.items():
        graph[module] = set()
        for source, name in imports_of(module):
            room = source.removeprefix("gristmill.")
            target = homes.get(room, {}).get(name) or (
                f"{source}.{name}" if f"{source}.{name}" in MODULES else source
            )
            is_own_door = path.name == "__init__.py" and f"{target}.".startswith(f"{module}.")
            if target != module and not is_own_door:
                graph[module].add(target)
    assert circles(graph) == []


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Cycles of a graph: peel off what imports nothing that is left, until nothing changes."""
    left = {module: set(targets) & set(graph) for module, targets in graph.items()}
    while free := [module for module, targets in left.items() if not targets]:
        for module in free:
            del left[module]
        for targets in left.values():
            targets.difference_update(free)
    return [sorted(left)] if left else []
