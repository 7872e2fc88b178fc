"""The digest of a model directory, and names that are safe as paths."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from gristmill.errors import Forbidden, Invalid, NotFound

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")

NO_ALIAS = re.compile(r"latest|v?\d+|.*\..*", re.IGNORECASE)


def check_name(name: str, what: str = "model") -> str:
    """`name` when MLflow, a file system and a URL all take it; raises Invalid otherwise."""
    if not NAME.fullmatch(name):
        raise Invalid(
            "model.name",
            f"{name!r} cannot be the name of {'an' if what == 'alias' else 'a'} {what}.",
            hint="Use letters, digits, dots, dashes and underscores; begin with a letter or digit.",
        )
    if what == "alias" and NO_ALIAS.fullmatch(name):
        raise Invalid(
            "model.name",
            f"{name!r} cannot be an alias.",
            hint="`latest`, numbers and names with dots mean something else to MLflow.",
        )
    return name


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def directory_digest(directory: Path) -> str:
    """sha256, hex, over the sorted list of every file's relative path and sha256.

    Raises Invalid for a link or special file inside, NotFound when there is no directory.
    """
    require_plain(directory)
    files = [
        (path.relative_to(directory).as_posix(), file_digest(path))
        for path in directory.rglob("*")
        if path.is_file()
    ]
    return hashlib.sha256(json.dumps(sorted(files)).encode()).hexdigest()


def require_plain(directory: Path) -> None:
    """Raises Invalid for a link or special file inside, NotFound when there is no directory."""
    if not directory.is_dir():
        raise NotFound("model.path", f"{directory} is not a directory.")
    for path in directory.rglob("*"):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise Invalid(
                "model.link",
                f"{path} is a link or a special file, which a model directory may not have.",
                hint="Replace it by a plain file: the digest covers only those.",
            )


def require_digest(directory: Path, digest: str, name: str, origin: Path) -> None:
    """Raises Forbidden unless the directory, which came from `origin`, has the digest."""
    if directory_digest(directory) != digest:
        raise Forbidden(
            "model.altered",
            f"{name}: the local copy {origin} is not what was registered. Nothing was loaded.",
            hint="Find out who changed it; delete that directory to fetch it again.",
        )
