"""What git knows of a project."""

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
    """Commit (full hash), whether sources differ from it, branch, remote and author; None where
    git does not know."""

    commit: str | None = None
    dirty: bool | None = None
    branch: str | None = None
    remote: str | None = None
    author: str | None = None


def git(root: Path, *words: str) -> str | None:
    """The output of a git command in `root`, None when it fails or there is no git."""
    try:
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def git_state(root: Path, generated: Sequence[str] = GENERATED) -> GitState:
    """Read git's state of the project at `root`; files in `generated` do not make it dirty."""
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
