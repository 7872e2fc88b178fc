"""A project is a directory with `gristmill.toml`; this reads it and finds its notebooks."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from gristmill.errors import Invalid, NotFound
from gristmill.records import parse_table, unknown_key

SETTINGS = "gristmill.toml"
STATE = ".gristmill"
ORIGIN = "origin"  # in the state of a shadow: the project it stands for
TOP_LEVEL = {"project", "tracking", "models", "steps", "run", "roles", "lint", "alerts", "ledger",
             "dashboard"}  # fmt: skip
LOCK_FILES = (
    "uv.lock",
    "pylock.toml",
    "requirements.lock",
    "poetry.lock",
    "pdm.lock",
    "pixi.lock",
    "conda-lock.yml",
    "requirements.txt",
)
SKIPPED_DIRECTORIES = {"node_modules", "__pycache__", "site-packages"}

T = TypeVar("T")
P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True)
class ProjectSettings:
    """The `[project]` table.

    `notebooks` and `exclude` are globs relative to the root; `environment` is the lock file whose
    content stands for the environment (found by its usual names when silent). `smoke` is set in the
    double of a project that smoke runs use: its MLflow store is its own, whatever the variables of
    the environment say.
    """

    name: str = ""
    notebooks: tuple[str, ...] = ("**/*.ipynb",)
    exclude: tuple[str, ...] = ()
    environment: str = ""
    smoke: bool = False


@dataclass(frozen=True)
class TrackingSettings:
    """The `[tracking]` table: where MLflow stores runs, and the experiment's name."""

    uri: str = f"sqlite:///{STATE}/mlflow.db"
    experiment: str = ""


@dataclass(frozen=True)
class Project:
    """A project on disk. Paths in settings and steps are relative to `root`, with `/`."""

    root: Path
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """The project that `start` (the working directory when None) lies in.

        Raises NotFound outside any project, Invalid when the settings cannot be read.
        """
        here = (start or Path.cwd()).resolve()
        root = find_root(here)
        if root is None:
            raise NotFound(
                "project.not-found",
                f"{here} is not inside a Gristmill project: no {SETTINGS} here or above.",
                hint="Run `gristmill init` in the directory that should become one.",
            )
        return cls.load(root)

    @classmethod
    def load(cls, root: Path) -> Project:
        path = root / SETTINGS
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise Invalid("settings.syntax", f"{path}: {error}", hint="It must be TOML.") from error
        for key in raw:
            if key not in TOP_LEVEL:
                raise unknown_key(key, TOP_LEVEL, SETTINGS)
        return cls(root, raw)

    @property
    def state(self) -> Path:
        return self.root / STATE

    @property
    def home(self) -> Path:
        """The root; for a shadow (see `runner.shadow`) that of the project it stands for."""
        try:
            return Path((self.state / ORIGIN).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return self.root

    @property
    def settings(self) -> ProjectSettings:
        return parse_table(ProjectSettings, self.table("project"), f"{SETTINGS} [project]")

    @property
    def tracking(self) -> TrackingSettings:
        return parse_table(TrackingSettings, self.table("tracking"), f"{SETTINGS} [tracking]")

    @property
    def name(self) -> str:
        return self.settings.name or self.root.name

    @property
    def experiment(self) -> str:
        return self.tracking.experiment or self.name

    @property
    def tracking_uri(self) -> str:
        """MLFLOW_TRACKING_URI when set, else the settings'; SQLite paths are made absolute."""
        named = "" if self.settings.smoke else os.environ.get("MLFLOW_TRACKING_URI")
        uri = named or self.tracking.uri
        prefix = "sqlite:///"
        if uri.startswith(prefix) and not uri.startswith(prefix + "/"):
            uri = f"{prefix}{self.home / uri[len(prefix) :]}"
        return uri

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self.table("models"))

    def table(self, *keys: str) -> dict[str, Any]:
        """The raw settings table under `keys`, empty when the settings are silent."""
        value: Any = self.raw
        for depth, key in enumerate(keys):
            value = value.get(key, {})
            if not isinstance(value, dict):
                where = ".".join(keys[: depth + 1])
                raise Invalid("settings.type", f"{SETTINGS}: `{where}` must be a table.")
        return dict(value)

    def environment_file(self) -> Path | None:
        """The lock file of the environment: the settings', else the first usual name here."""
        named = self.settings.environment
        if named:
            path = self.root / named
            if not path.is_file():
                raise NotFound(
                    "environment.not-found",
                    f"{SETTINGS} [project] environment = {named!r}, but there is no such file.",
                    hint="Name the lock file of the environment, relative to the project's root.",
                )
            return path
        return next((self.root / n for n in LOCK_FILES if (self.root / n).is_file()), None)

    def notebooks(self) -> list[str]:
        """Every notebook the settings name, as sorted paths relative to the root."""
        settings = self.settings
        wanted = [_glob_regex(g) for g in settings.notebooks]
        unwanted = [_glob_regex(g) for g in settings.exclude]
        return sorted(
            path
            for prefix, names in _walk(str(self.root), "")
            for name in names
            if any(g(path := prefix + name) for g in wanted) and not any(g(path) for g in unwanted)
        )

    def directories(self) -> list[str]:
        """Where notebooks and modules are looked for, relative to the root, which is `.`."""
        return [prefix.rstrip("/") or "." for prefix, _ in _walk(str(self.root), "")]


def find_root(start: Path) -> Path | None:
    """The nearest directory at or above `start` that holds the settings file."""
    return next((d for d in (start, *start.parents) if (d / SETTINGS).is_file()), None)


def _walk(directory: str, prefix: str) -> Iterator[tuple[str, list[str]]]:
    """Directories with the names of their notebooks; no hidden, package or nested-project ones."""
    names = []
    below = []
    with os.scandir(directory) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if name in SKIPPED_DIRECTORIES or os.path.exists(f"{entry.path}/pyvenv.cfg"):
                    continue
                if os.path.exists(f"{entry.path}/{SETTINGS}"):
                    continue
                below.append((entry.path, f"{prefix}{name}/"))
            elif name.endswith(".ipynb"):
                names.append(name)
    yield prefix, names
    for path, longer in below:
        yield from _walk(path, longer)


def _glob_regex(glob: str) -> Any:
    """A matcher for paths with `/`: `**/` crosses directories, `*` and `?` do not."""
    import re

    out = []
    rest = glob
    while rest:
        if rest.startswith("**/"):
            out.append("(?:.*/)?")
            rest = rest[3:]
        elif rest.startswith("**"):
            out.append(".*")
            rest = rest[2:]
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(rest[0], re.escape(rest[0])))
            rest = rest[1:]
    return re.compile("".join(out) + r"\Z").match


class ProjectVerb(Protocol[P, R_co]):
    """A verb on a project, which may be left out: see `finds_project`."""

    @overload
    def __call__(self, project: Project, /, *args: P.args, **kwargs: P.kwargs) -> R_co: ...
    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


def finds_project(verb: Callable[Concatenate[Project, P], R_co]) -> ProjectVerb[P, R_co]:
    """Let a verb be called without a project, for the one that the working directory lies in.

    Parameters
    ----------
    verb
        A function whose first parameter is the project.

    Returns
    -------
    ProjectVerb
        The same function; without a project as its first positional argument it raises NotFound
        outside of any project.
    """

    @wraps(verb)
    def call(*args: Any, **kwargs: Any) -> R_co:
        project, rest = split_project(args)
        return verb(project, *rest, **kwargs)

    return call


def split_project(args: tuple[Any, ...]) -> tuple[Project, tuple[Any, ...]]:
    """The project that positional arguments begin with, else the present one; and the others."""
    if args and isinstance(args[0], Project):
        return args[0], args[1:]
    return Project.find(), args
