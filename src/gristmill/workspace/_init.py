"""`gristmill init`: make a directory a project."""

from __future__ import annotations

from pathlib import Path

from gristmill.errors import Conflict, Invalid
from gristmill.files import write_atomic
from gristmill.lineage import DvcRepo
from gristmill.project import SETTINGS, STATE
from gristmill.workspace_trust import is_trusted, trust

TEMPLATE = """\
[project]
name = "{name}"
# notebooks = ["**/*.ipynb"]          # which notebooks may be steps
# environment = "requirements.lock"   # the lock file that stands for the environment

# [lint]
# gate = true                         # refuse to run steps in which `gristmill lint` finds errors
"""


def initialise(root: Path, name: str | None = None) -> list[str]:
    """Make a directory a project that its user trusts: settings, a DVC repository, Gristmill's
    state ignored by git.

    Parameters
    ----------
    root
        The directory; it is created when absent.
    name
        The project's name; the directory's when None.

    Returns
    -------
    list of str
        What was written, relative to the root.

    Raises
    ------
    Conflict
        `init.exists`, when it is a project already.
    Invalid
        `init.not-a-directory`.
    """
    if root.exists() and not root.is_dir():
        raise Invalid("init.not-a-directory", f"{root} is not a directory.")
    if (root / SETTINGS).exists():
        raise Conflict("init.exists", f"{root} is already a project: it has {SETTINGS}.")
    root.mkdir(parents=True, exist_ok=True)
    if not is_trusted(root):
        trust(root)
    made = []
    ignored = root / ".gitignore"
    lines = ignored.read_text(encoding="utf-8").splitlines() if ignored.exists() else []
    if f"/{STATE}/" not in lines:
        write_atomic(ignored, "\n".join([*lines, f"/{STATE}/", ""]))
        made.append(".gitignore")
    if not (root / ".dvc").is_dir():
        DvcRepo(root).close()
        made.append(".dvc")
    title = (name or root.resolve().name).replace("\\", "\\\\").replace('"', '\\"')
    write_atomic(root / SETTINGS, TEMPLATE.format(name=title))
    return [*made, SETTINGS]
