"""Who acts, and who may do what: the `[roles]` table of the settings.

Without that table everybody may do everything, as in a project of one's own. Every face comes here:
the registry asks who reads when it is opened, its verbs who acts, `serve` who deploys.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from gristmill.errors import Forbidden
from gristmill.lineage import git
from gristmill.project import SETTINGS, Project
from gristmill.records import parse_table
from gristmill.registry._ledger.keys import public_keys
from gristmill.registry._ledger.names import canonical_actor


@dataclass(frozen=True)
class Roles:
    """The `[roles]` table: for each verb the actors who may do it; `"*"` is everybody.

    When none of the verbs but `read` names anybody, everybody may do them.

    Attributes
    ----------
    register, approve, promote, deploy
        Who may register versions, decide on them, move an alias, serve a model.
    override
        Who may promote past a gate or a missing approval.
    read
        Who may read the registry.
    keys
        Public keys by actor, as `gristmill audit keys` prints them; an actor without an entry is
        held to the key of their first ledger entry.
    """

    VERBS: ClassVar[tuple[str, ...]] = (
        "register", "approve", "promote", "override", "deploy", "read",
    )  # fmt: skip

    register: tuple[str, ...] = ()
    approve: tuple[str, ...] = ()
    promote: tuple[str, ...] = ()
    override: tuple[str, ...] = ()
    deploy: tuple[str, ...] = ()
    read: tuple[str, ...] = ("*",)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, project: Project) -> Roles:
        """The roles that a project's settings declare.

        Parameters
        ----------
        project
            The project.

        Raises
        ------
        Invalid
            The table has a key or a type that it may not have.
        """
        roles = parse_table(cls, project.table("roles"), f"{SETTINGS} [roles]")
        return replace(roles, keys={canonical_actor(n): k for n, k in roles.keys.items()})

    def allows(self, verb: str, actor: str) -> bool:
        """Whether the actor may do the verb.

        Parameters
        ----------
        verb
            One of VERBS.
        actor
            The name that the ledger would write down.
        """
        if not any(getattr(self, v) for v in self.VERBS if v != "read"):
            return True
        allowed: tuple[str, ...] = getattr(self, verb)
        return "*" in allowed or canonical_actor(actor) in map(canonical_actor, allowed)

    def require(self, verb: str, actor: str) -> None:
        """Raise Forbidden (`role.missing`) unless the actor may do the verb.

        Parameters
        ----------
        verb
            One of VERBS.
        actor
            The name that the ledger would write down.
        """
        if not self.allows(verb, actor):
            raise Forbidden(
                "role.missing",
                f"{actor} is not allowed to {verb}.",
                hint=f"Ask somebody who is listed in {SETTINGS} [roles] {verb}.",
            )

    def require_any(self, verbs: Sequence[str], actor: str, action: str) -> None:
        """Raise Forbidden (`role.missing`) unless the actor may do one of the verbs.

        Parameters
        ----------
        verbs
            Some of VERBS; each is enough.
        actor
            The name that the ledger would write down.
        action
            What the actor wants to do, for the message.
        """
        if not any(self.allows(verb, actor) for verb in verbs):
            raise Forbidden(
                "role.missing",
                f"{actor} is not allowed to {action}.",
                hint=f"{SETTINGS} [roles] must list them under one of {', '.join(verbs)}.",
            )

    def require_reader(self, actor: Callable[[], str]) -> None:
        """Raise Forbidden (`role.missing`) when reading is restricted and the actor is not listed.

        Parameters
        ----------
        actor
            Finds out who acts; called only when needed, because it starts a process.
        """
        if "*" not in self.read:
            self.require("read", actor())

    @staticmethod
    def public_keys(actor: str) -> tuple[str, str]:
        """The actor's public keys, to be listed in `[roles.keys]`; made when there are none.

        Parameters
        ----------
        actor
            The name that the ledger would write down.

        Returns
        -------
        tuple
            The Ed25519 key for ledger entries and the P-256 key for models.

        Raises
        ------
        Unavailable
            `key.directory`: no key can be written.
        """
        return public_keys(actor)


def current_actor(project: Project, actor: str | None = None) -> str:
    """Who acts, as the ledger writes it down: one spelling a name.

    Parameters
    ----------
    project
        Where git is asked.
    actor
        Who it is, when the caller knows.

    Returns
    -------
    str
        `actor`, else GRISTMILL_ACTOR, else git's user.email in the project, else the login name.

    Raises
    ------
    Invalid
        `text.control`, for a name with characters that screens do not show.
    """
    named = actor or os.environ.get("GRISTMILL_ACTOR", "").strip()
    if named:
        return canonical_actor(named)
    return canonical_actor(git(project.root, "config", "user.email") or getpass.getuser())
