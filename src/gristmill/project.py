"""A project is a directory with `gristmill.toml`: its settings, its notebooks, its lock file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, overload

from gristmill.containment import require_no_links
from gristmill.documents import NOTEBOOK_BYTES, read_text, read_toml
from gristmill.errors import Invalid, NotFound
from gristmill.records import parse_table, unknown_key

SETTINGS = "gristmill.toml"
STATE = ".gristmill"
ORIGIN = "origin"  # in the state of a double: the project that it stands for
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
WILDCARDS = 1000  # in all globs together
SKIPPED_DIRECTORIES = {"node_modules", "__pycache__", "site-packages"}

T = TypeVar("T")
P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True)
class ProjectSettings:
    """The `[project]` table.

    Attributes
    ----------
    name
        The project's name; the root directory's when empty.
    notebooks
        Globs relative to the root of the notebooks that may be steps.
    exclude
        Globs of notebooks to leave out.
    environment
        The lock file whose content stands for the environment; the first of the usual names
        when empty.
    smoke
        Set in the double that smoke runs use: its MLflow store is its own, whatever the
        variables of the environment say.
    """

    name: str = ""
    notebooks: tuple[str, ...] = ("**/*.ipynb",)
    exclude: tuple[str, ...] = ()
    environment: str = ""
    smoke: bool = False


@dataclass(frozen=True)
class TrackingSettings:
    """The `[tracking]` table.

    Attributes
    ----------
    uri
        Where MLflow stores runs; a relative SQLite path is relative to the root.
    experiment
        The experiment's name; the project's when empty.
    """

    uri: str = f"sqlite:///{STATE}/mlflow.db"
    experiment: str = ""


@dataclass(frozen=True)
class Project:
    """A project on disk. Paths in settings and steps are relative to its root, with `/`.

    Attributes
    ----------
    root
        The directory that holds the settings file.
    raw
        The settings as TOML gave them.
    """

    root: Path
    raw: Mapping[str, Any] = field(repr=False)

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """The project that a directory is in.

        Parameters
        ----------
        start
            The directory; the working directory when None.

        Returns
        -------
        Project
            That of the nearest directory at or above `start` with a settings file.

        Raises
        ------
        NotFound
            `project.not-found`, outside any project.
        Invalid
            When the settings cannot be read.
        """
        directory = (start or Path.cwd()).resolve()
        root = find_root(directory)
        if root is None:
            raise NotFound(
                "project.not-found",
                f"{directory} is not inside a Gristmill project: no {SETTINGS} here or above.",
                hint="Run `gristmill init` in the directory that should become one.",
            )
        return cls.load(root)

    @classmethod
    def load(cls, root: Path) -> Project:
        """The project at a root.

        Parameters
        ----------
        root
            The directory that holds the settings file.

        Returns
        -------
        Project
            The project.

        Raises
        ------
        Invalid
            `settings.syntax`, `settings.unknown-key`, or as `documents.read_toml` does.
        Forbidden
            `state.link`, when the state has a symbolic link.
        """
        require_no_links(root / STATE)
        path = root / SETTINGS
        raw = read_toml(
            path, str(path), code="settings.syntax", hint="Correct the TOML syntax at that line."
        )
        for key in raw:
            if key not in TOP_LEVEL:
                raise unknown_key(key, TOP_LEVEL, SETTINGS)
        return cls(root, raw)

    @property
    def state(self) -> Path:
        """Where Gristmill keeps what it knows of the project."""
        return self.root / STATE

    @property
    def origin(self) -> Path:
        """The root; for a double (see `gristmill.sandbox`) that of the project it stands for."""
        try:
            origin = Path((self.state / ORIGIN).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return self.root
        # a double lies in the state of its project; any other claim is a stranger's
        return origin if self.root.is_relative_to(origin / STATE) else self.root

    @property
    def settings(self) -> ProjectSettings:
        """The `[project]` table."""
        return parse_table(ProjectSettings, self.table("project"), f"{SETTINGS} [project]")

    @property
    def tracking(self) -> TrackingSettings:
        """The `[tracking]` table."""
        return parse_table(TrackingSettings, self.table("tracking"), f"{SETTINGS} [tracking]")

    @property
    def name(self) -> str:
        return self.settings.name or self.root.name

    @property
    def experiment(self) -> str:
        """The name of MLflow's experiment."""
        return self.tracking.experiment or self.name

    @property
    def tracking_uri(self) -> str:
        """MLFLOW_TRACKING_URI when set, else the settings'; SQLite paths are made absolute."""
        from_environment = "" if self.settings.smoke else os.environ.get("MLFLOW_TRACKING_URI")
        uri = from_environment or self.tracking.uri
        prefix = "sqlite:///"
        if uri.startswith(prefix) and not uri.startswith(prefix + "/"):
            uri = f"{prefix}{self.origin / uri[len(prefix) :]}"
        return uri

    @property
    def models(self) -> tuple[str, ...]:
        """The models that the settings declare."""
        return tuple(self.table("models"))

    def table(self, *keys: str) -> dict[str, Any]:
        """A settings table as TOML gave it.

        Parameters
        ----------
        keys
            The path to the table.

        Returns
        -------
        dict
            Empty when the settings do not have it.

        Raises
        ------
        Invalid
            `settings.type`, when it is not a table.
        """
        value: Any = self.raw
        for depth, key in enumerate(keys):
            value = value.get(key, {})
            if not isinstance(value, dict):
                where = ".".join(keys[: depth + 1])
                raise Invalid("settings.type", f"{SETTINGS}: `{where}` must be a table.")
        return dict(value)

    def environment_file(self) -> Path | None:
        """The lock file of the environment.

        Returns
        -------
        Path or None
            The one that the settings name, else the first of the usual names in the root.

        Raises
        ------
        NotFound
            `environment.not-found`, when the settings name a file that does not exist.
        """
        lock_file = self.settings.environment
        if lock_file:
            path = self.root / lock_file
            if not path.is_file():
                raise NotFound(
                    "environment.not-found",
                    f"{SETTINGS} [project] environment = {lock_file!r}: there is no such file.",
                    hint="Give the path of the lock file relative to the project's root.",
                )
            return path
        return next((self.root / n for n in LOCK_FILES if (self.root / n).is_file()), None)

    def notebooks(self) -> list[str]:
        """Every notebook that the settings name, as sorted paths relative to the root.

        Raises
        ------
        Invalid
            `settings.globs`, when globs have too many wildcards.
        """
        settings = self.settings
        _check_globs((*settings.notebooks, *settings.exclude))
        included = [glob_matcher(g) for g in settings.notebooks]
        excluded = [glob_matcher(g) for g in settings.exclude]
        return sorted(
            path
            for prefix, names in _walk(str(self.root))
            for name in names
            if any(g(path := prefix + name) for g in included)
            and not any(g(path) for g in excluded)
        )

    def notebook_text(self, notebook: str) -> str:
        """A notebook's file as text, with the line ends that it has.

        Parameters
        ----------
        notebook
            Its path relative to the root.

        Raises
        ------
        Invalid
            `notebook.not-found`, or as `documents.read_text` does.
        """
        try:
            return read_text(self.root / notebook, notebook, largest=NOTEBOOK_BYTES)
        except FileNotFoundError as error:
            raise Invalid(
                "notebook.not-found",
                f"{notebook} does not exist.",
                hint="It was removed just now, or it is a link to nothing.",
            ) from error

    def directories(self) -> list[str]:
        """Where notebooks and modules are looked for, relative to the root, which is `.`."""
        return [prefix.rstrip("/") or "." for prefix, _ in _walk(str(self.root))]


def find_root(start: Path) -> Path | None:
    """The nearest directory at or above a directory that holds the settings file.

    Parameters
    ----------
    start
        Where to begin.

    Returns
    -------
    Path or None
        None outside any project.
    """
    return next((d for d in (start, *start.parents) if (d / SETTINGS).is_file()), None)


def _walk(root: str) -> Iterator[tuple[str, list[str]]]:
    """Directories with the names of their notebooks; no hidden, package or nested-project ones."""
    pending = [(root, "")]
    while pending:
        directory, prefix = pending.pop()
        names = []
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
                    pending.append((entry.path, f"{prefix}{name}/"))
                elif name.endswith(".ipynb"):
                    names.append(name)
        yield prefix, names


def _check_globs(globs: tuple[str, ...]) -> None:
    wildcards = sum(g.count("*") + g.count("?") for g in globs)
    if wildcards > WILDCARDS:
        raise Invalid(
            "settings.globs",
            f"{SETTINGS} [project]: its globs have {wildcards} wildcards, more than {WILDCARDS}.",
            hint="Name directories instead of files.",
        )


def glob_matcher(glob: str) -> Callable[[str], bool]:
    """A matcher for paths with `/`: `**/` crosses directories, `*` and `?` do not.

    It goes through the glob once with the set of all places in the path where it may be, so that
    no glob takes longer than its length times the path's.

    Parameters
    ----------
    glob
        The glob.

    Returns
    -------
    Callable
        Whether a path, relative to the root, is one that the glob means.
    """
    parts = re.findall(r"\*\*/|\*\*|[^*?]+|[*?]", glob)

    def matches(path: str) -> bool:
        end = 1 << len(path)
        slashes = sum(1 << i for i, character in enumerate(path) if character == "/")
        names = (end - 1) ^ slashes
        places = 1  # bit i: what came before in the glob matches path[:i]
        for part in parts:
            first = places & -places
            if part == "**/":
                places |= (slashes & -first) << 1
            elif part == "**":
                places = (end << 1) - first
            elif part == "*":  # a carry runs through a name to its end
                places |= ((places & names) + names) ^ names
            elif part == "?":
                places = (places & names) << 1
            else:
                places = sum(
                    1 << i + len(part)
                    for i in range(len(path))
                    if places >> i & 1 and path.startswith(part, i)
                )
            if not places:
                return False
        return bool(places & end)

    return matches


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
