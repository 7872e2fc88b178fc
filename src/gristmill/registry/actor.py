"""Who acts: the name that the ledger writes down."""

from __future__ import annotations

import getpass
import os
import subprocess

from gristmill.project import Project


def current_actor(project: Project) -> str:
    """GRISTMILL_ACTOR, else git's user.email in the project, else the login name."""
    named = os.environ.get("GRISTMILL_ACTOR", "").strip()
    if named:
        return named
    try:
        found = subprocess.run(
            ["git", "config", "user.email"],
            cwd=project.root,
            capture_output=True,
            text=True,
            check=False,
        ).stdout.strip()
    except FileNotFoundError:
        found = ""
    return found or getpass.getuser()
