"""Git's state of a project."""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Written by a run itself: that they differ from the commit says nothing about the sources.
GENERATED = ("dvc.lock", "dvc.yaml")


@dataclass(frozen=True)
class GitState:
    """Git's state of a project; None where git does not know.

    Attributes
    ----------
    commit
        The full hash.
    dirty
        Whether sources differ from it.
    branch
        The branch.
    remote
        The address of `origin`, without credentials.
    author
        Git's user, or the login name.
    """

    commit: str | None = None
    dirty: bool | None = None
    branch: str | None = None
    remote: str | None = None
    author: str | None = None


# programs that a repository's own configuration would have git start
HARMLESS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


def git(root: Path, *arguments: str) -> str | None:
    """Run a git command.

    Parameters
    ----------
    root
        Where.
    arguments
        The command's words.

    Returns
    -------
    str or None
        Its output without space around it; None when it fails or there is no git.
    """
    try:
        process = subprocess.run(
            ["git", *HARMLESS, *arguments],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return process.stdout.strip() if process.returncode == 0 else None


def git_state(root: Path, generated: Sequence[str] = GENERATED) -> GitState:
    """Read git's state of a project.

    Parameters
    ----------
    root
        The project's root.
    generated
        Files that do not make it dirty.
    """
    commit = git(root, "rev-parse", "HEAD")
    dirty = None
    if commit:
        excluded = [f":(exclude){name}" for name in generated]
        changed = git(
            root, "status", "--porcelain", "--untracked-files=normal", "--", ".", *excluded
        )
        dirty = changed is None or changed != ""
    name, mail = git(root, "config", "user.name"), git(root, "config", "user.email")
    author = f"{name} <{mail}>" if name and mail else name or _login()
    remote = git(root, "config", "remote.origin.url")
    return GitState(
        commit, dirty, git(root, "branch", "--show-current") or None, _public(remote), author
    )


def _public(remote: str | None) -> str | None:
    """A remote's address without user name and password."""
    if remote and "://" in remote and "@" in remote:
        scheme, rest = remote.split("://", 1)
        return f"{scheme}://{rest.split('@', 1)[1]}"
    return remote


def _login() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None
