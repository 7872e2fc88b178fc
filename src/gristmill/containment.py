"""Where a project's files may lie: names that it gives and links in it lead to nothing outside.

A project may come from a stranger, and `.gristmill/` with it. What is read there is input.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path, PurePosixPath

from gristmill.errors import Forbidden, Invalid

DOUBLES = frozenset({"smoke"})  # projects themselves, whose data are links


def require_no_links(state: Path) -> None:
    """Refuse a project whose state is, or has near its top, a symbolic link.

    Parameters
    ----------
    state
        The project's `.gristmill`, which need not exist.

    Raises
    ------
    Forbidden
        `state.link`, naming the link.
    """
    if state.is_symlink():
        raise _link(state)
    for folder in _folders(state):
        if folder.name not in DOUBLES:
            _folders(folder)


def _folders(directory: Path) -> list[Path]:
    try:
        with os.scandir(directory) as entries:
            found = list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    for entry in found:
        if entry.is_symlink() and not entry.name.endswith(".tmp"):
            raise _link(Path(entry.path))
    return [Path(entry.path) for entry in found if entry.is_dir(follow_symlinks=False)]


def contained(root: Path, path: str) -> Path:
    """The place of a relative path below a root, for what is written or removed there.

    Parameters
    ----------
    root
        A directory.
    path
        As a project's files give it. It may name a link, which can be replaced, but no part
        above its last may lead out of the root.

    Returns
    -------
    Path
        The root joined with it.

    Raises
    ------
    Forbidden
        `path.outside`.
    """
    target = root / path
    if is_plain(path) and target.parent.resolve().is_relative_to(root.resolve()):
        return target
    raise Forbidden(
        "path.outside",
        f"{path!r} leads out of {root}.",
        hint="Give a path below the project, and put a directory where a link leads outside.",
    )


def is_plain(path: str) -> bool:
    """Is a path relative, with no `..` in it?

    Parameters
    ----------
    path
        The path, with `/`.

    Returns
    -------
    bool
        False also for an empty one, and for one with a NUL.
    """
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts and "\0" not in path


def open_no_link(path: str, flags: int) -> int:
    """An `opener` for `open` that refuses a symbolic link as the file.

    Parameters
    ----------
    path, flags
        As `os.open` takes them.

    Returns
    -------
    int
        The descriptor.

    Raises
    ------
    Forbidden
        `state.link`.
    """
    try:
        return os.open(path, flags | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _link(Path(path)) from error
        raise


def require_plain_entries(paths: list[str], owner: str) -> None:
    """Refuse a listing of a directory with entries that would lie outside of it.

    Parameters
    ----------
    paths
        The entries' paths, relative to the directory.
    owner
        Whose listing it is, for the error.

    Raises
    ------
    Invalid
        `path.entry`, naming the first.
    """
    for path in paths:
        if not is_plain(path):
            raise Invalid(
                "path.entry",
                f"{owner} lists {path!r}, which is no path inside of a directory.",
                hint="The listing was tampered with. Ask its author; nothing was written.",
            )


def _link(path: Path) -> Forbidden:
    return Forbidden(
        "state.link",
        f"{path} is a symbolic link, through which Gristmill does not write.",
        hint="Remove the link. What Gristmill keeps of a project lies inside of it.",
    )
