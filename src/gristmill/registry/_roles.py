"""Who may do what: the `[roles]` table of the settings.

Without that table everybody may do everything, as in a project of one's own. With it, only whom
a verb lists; `*` is everybody. Every face comes here: the registry asks who reads when it is
opened, its verbs who acts, `serve` who deploys. `[roles.keys]` says which public keys are whose.

Who acts: the name that the ledger writes down.
"""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from gristmill.errors import Forbidden
from gristmill.project import SETTINGS, Project
from gristmill.records import parse_table

ROLE_VERBS = ("register", "approve", "promote", "override", "deploy", "read")


@dataclass(frozen=True)
class Roles:
    """For each verb the actors who may. `override` is promoting past a gate or an approval."""

    register: tuple[str, ...] = ()
    approve: tuple[str, ...] = ()
    promote: tuple[str, ...] = ()
    override: tuple[str, ...] = ()
    deploy: tuple[str, ...] = ()
    read: tuple[str, ...] = ("*",)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def roles_of(project: Project) -> Roles | None:
    """The declared roles; None when the settings name none, and then nobody is restricted."""
    table = project.table("roles")
    return parse_table(Roles, table, f"{SETTINGS} [roles]") if table else None


def trusted_keys(project: Project) -> Mapping[str, tuple[str, ...]]:
    """Public keys by actor, as the settings declare them."""
    declared = roles_of(project)
    return declared.keys if declared else {}


def is_allowed(project: Project, verb: str, actor: str) -> bool:
    """Whether the actor may do the verb."""
    declared = roles_of(project)
    if declared is None or not any(getattr(declared, v) for v in ROLE_VERBS if v != "read"):
        return True
    allowed: tuple[str, ...] = getattr(declared, verb)
    return actor in allowed or "*" in allowed


def require_role(project: Project, verb: str, actor: str) -> None:
    """Raises Forbidden unless the actor may do the verb."""
    if not is_allowed(project, verb, actor):
        raise Forbidden(
            "role.missing",
            f"{actor} may not {verb}.",
            hint=f"{SETTINGS} [roles] {verb} lists who may.",
        )


def require_any_role(project: Project, verbs: Sequence[str], actor: str, what: str) -> None:
    """Raises Forbidden unless the actor may do one of the verbs."""
    if not any(is_allowed(project, verb, actor) for verb in verbs):
        raise Forbidden(
            "role.missing",
            f"{actor} may not {what}.",
            hint=f"{SETTINGS} [roles]: one of {', '.join(verbs)} must list them.",
        )


def require_reader(project: Project, actor: Callable[[], str]) -> None:
    """Raises Forbidden when the settings restrict reading and the actor is not listed.

    `actor` is asked only then: finding out costs a process.
    """
    declared = roles_of(project)
    if declared is not None and "*" not in declared.read:
        require_role(project, "read", actor())


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
