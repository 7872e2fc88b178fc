"""Whether the user trusts a project. Before that nothing of it runs and no host that it names is
asked.

The record is the user's own, outside of all projects: `~/.config/gristmill/trusted.json`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from gristmill.errors import Conflict, Forbidden, Invalid, NotFound
from gristmill.files import hold_lock, replacing
from gristmill.project import find_root

__all__ = ["is_trusted", "require_trust", "revoke_trust", "trust", "trusted_folders"]

VARIABLE = "GRISTMILL_TRUST"


def trust(root: Path | None = None) -> Path:
    """Trust a folder and all projects in it: their code may run, their hosts may be asked.

    Parameters
    ----------
    root
        The folder; None for the project that the working directory lies in.

    Returns
    -------
    Path
        The folder as it was recorded.

    Raises
    ------
    NotFound
        `trust.not-found`, when it is no folder; `project.not-found`, outside of any project.
    Forbidden
        `trust.record`, when others could have written the record.
    """
    folder = _folder(root)
    if not folder.is_dir():
        raise NotFound("trust.not-found", f"{folder} is not a folder.", hint="Check its name.")
    with hold_lock(_record().with_suffix(".lock")):
        _write({**_owners(), str(folder): folder.stat().st_uid})
    return folder


def revoke_trust(root: Path | None = None) -> Path:
    """Trust a folder no longer.

    Parameters
    ----------
    root
        The folder; None for the project that the working directory lies in.

    Returns
    -------
    Path
        The folder. It need not have been trusted, nor exist.

    Raises
    ------
    Conflict
        `trust.inherited`, when it is trusted still: by a folder above it, or by GRISTMILL_TRUST.
    Forbidden
        `trust.record`, when others could have written the record.
    """
    folder = _folder(root)
    with hold_lock(_record().with_suffix(".lock")):
        owners = _owners()
        if owners.pop(str(folder), None) is not None:
            _write(owners)
    above = next(_trusting(folder), None)
    if above is not None:
        raise Conflict(
            "trust.inherited",
            f"{folder} is still trusted, because {above} is.",
            hint=f"Take {above} out of {VARIABLE}."
            if above in _of_environment()
            else f"`gristmill trust --revoke {above}` ends that.",
        )
    return folder


def trusted_folders() -> list[Path]:
    """The folders that the user trusts, by the record and by GRISTMILL_TRUST, sorted."""
    return sorted({*map(Path, _owners()), *_of_environment()})


def is_trusted(root: Path) -> bool:
    """Does the user trust a project?

    Parameters
    ----------
    root
        Its root. A double's is in the state of its project, which stands for it.

    Returns
    -------
    bool
        Whether the user trusts it or a folder above it. A folder that has another owner than when
        it was trusted counts no more.
    """
    return next(_trusting(root.resolve()), None) is not None


def require_trust(root: Path) -> None:
    """Refuse to act for a project that the user does not trust.

    Parameters
    ----------
    root
        Its root.

    Raises
    ------
    Forbidden
        `project.untrusted`.
    """
    if not is_trusted(root):
        raise Forbidden(
            "project.untrusted",
            f"You have not said that you trust {root}: nothing of it runs, and no host that it "
            "names is asked.",
            hint="Read what it would run, then `gristmill trust` in it.",
        )


def _folder(root: Path | None) -> Path:
    if root is not None:
        return root.resolve()
    here = Path.cwd().resolve()
    folder = find_root(here)
    if folder is None:
        raise NotFound(
            "project.not-found",
            f"{here} is not inside a Gristmill project.",
            hint="Name the folder that you mean.",
        )
    return folder


def _trusting(folder: Path) -> Iterator[Path]:
    """The trusted folders among a folder and those above it."""
    listed = _of_environment()
    owners = _owners()
    for place in (folder, *folder.parents):
        if place in listed or (
            str(place) in owners and place.exists() and place.stat().st_uid == owners[str(place)]
        ):
            yield place


def _of_environment() -> set[Path]:
    names = os.environ.get(VARIABLE, "").split(os.pathsep)
    return {Path(name).resolve() for name in names if os.path.isabs(name)}


def _record() -> Path:
    config = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(config) / "gristmill" / "trusted.json"


def _owners() -> dict[str, int]:
    """The folders of the record, with the user id of each one's owner then."""
    path = _record()
    try:
        with path.open(encoding="utf-8") as file:
            status = os.fstat(file.fileno())
            text = file.read()
    except FileNotFoundError:
        return {}
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        raise Forbidden(
            "trust.record",
            f"{path} may have been written by others.",
            hint="Look whom it names; then make it yours alone: `chmod 600`, or remove it.",
        )
    try:
        owners = json.loads(text)
    except ValueError:
        owners = None
    if not isinstance(owners, dict) or not all(isinstance(v, int) for v in owners.values()):
        raise Invalid(
            "trust.unreadable",
            f"{path} is not a record of trusted folders.",
            hint="Remove it, then trust your projects again.",
        )
    return owners


def _write(owners: Mapping[str, int]) -> None:
    with replacing(_record(), durable=True) as aside:
        aside.touch(0o600)
        aside.write_text(json.dumps(owners, indent=1, sort_keys=True) + "\n", encoding="utf-8")
