"""The policy of a model: its gates, approvals and roles, as a commit has them.

The working `gristmill.toml` counts only where no commit has it, so that nobody can loosen the
policy for one verb and restore the file afterwards.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from gristmill.errors import Invalid
from gristmill.lineage import git
from gristmill.project import SETTINGS, Project
from gristmill.registry._ledger.chain import canonical, sha256

JUDGED_BY = ("gates", "allow_code", "target", "time")  # what a gate report depends on


@dataclass(frozen=True)
class ModelPolicy:
    """The policy in force for a model.

    Attributes
    ----------
    project
        The project with the policy's tables in place of the working file's.
    model
        The model.
    commit
        The commit that has the policy; empty when no commit has it.
    changed
        Whether the working file has another policy.
    """

    project: Project
    model: str
    commit: str
    changed: bool

    @property
    def judged_by(self) -> dict[str, Any]:
        """The part of the policy on which a gate report depends."""
        table = _table(self.project, self.model)
        return {key: table[key] for key in JUDGED_BY if key in table}

    def record(self) -> dict[str, Any]:
        """The policy as ledger entries name it."""
        return {
            "digest": sha256(_text(self.project, self.model)),
            "commit": self.commit,
            "judged_by": self.judged_by,
        }

    def covered_by(self, record: Mapping[str, Any] | None) -> bool:
        """Whether a report under another policy passed all that this one asks for.

        Parameters
        ----------
        record
            The policy that the report's ledger entry names; None when it names none.
        """
        if not record:
            return False
        then, now = dict(record["judged_by"]), self.judged_by
        if any(then.get(key) != now.get(key) for key in ("target", "time")):
            return False
        if then.get("allow_code", False) and not now.get("allow_code", False):
            return False
        passed = [canonical(gate) for gate in then.get("gates", ())]
        return all(canonical(gate) in passed for gate in now.get("gates", ()))


def model_policy(project: Project, model: str) -> ModelPolicy:
    """The policy in force for a model: that of HEAD, or the working file's where none is committed.

    Parameters
    ----------
    project
        The project.
    model
        The model.

    Raises
    ------
    Invalid
        `policy.syntax`: the committed settings are not TOML; `policy.commit`: git could not
        read them.
    """
    commit = git(project.root, "rev-parse", "HEAD")
    return (commit and policy_at(project, model, commit)) or ModelPolicy(project, model, "", False)


def policy_at(project: Project, model: str, commit: str) -> ModelPolicy | None:
    """The policy that a commit has for a model; None when it does not have the settings.

    Of a model that the commit does not declare the working file's table counts.

    Parameters
    ----------
    project
        The project.
    model
        The model.
    commit
        The full hash.
    """
    settings = _committed(project.root, commit)
    if settings is None:
        return None
    declared = settings.get("models", {})
    models = {**project.raw.get("models", {}), **declared}
    raw = {**project.raw, "models": models, "roles": settings.get("roles", {})}
    committed = replace(project, raw=raw)
    if model not in declared:
        return ModelPolicy(committed, model, "", False)
    changed = _text(project, model) != _text(committed, model)
    return ModelPolicy(committed, model, commit, changed)


def policy_notice(project: Project, model: str) -> str:
    """One line when the working settings are not the policy that applies, else an empty text.

    Parameters
    ----------
    project
        The project.
    model
        The model.
    """
    policy = model_policy(project, model)
    if not policy.changed:
        return ""
    return (
        f"{SETTINGS} was changed and not committed; the policy of commit {policy.commit[:12]} "
        "applies."
    )


def _table(project: Project, model: str) -> dict[str, Any]:
    return project.table("models", model)


def _text(project: Project, model: str) -> str:
    table = _table(project, model)
    policy = {key: table[key] for key in (*JUDGED_BY, "approvals") if key in table}
    return canonical({"model": policy, "roles": project.table("roles")})


@lru_cache(maxsize=8)
def _committed(root: Path, commit: str) -> dict[str, Any] | None:
    """The settings that a commit has; None when it does not have the file."""
    listed = git(root, "ls-tree", "--name-only", commit, "--", SETTINGS)
    if not listed:
        return None
    text = git(root, "show", f"{commit}:./{SETTINGS}")
    if text is None:
        raise Invalid(
            "policy.commit",
            f"git cannot read {SETTINGS} of commit {commit[:12]}.",
            hint="`git fsck` says what is missing; fetch it again.",
        )
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(
            "policy.syntax",
            f"{SETTINGS} of commit {commit[:12]}: {error}",
            hint="Correct the TOML syntax at that line and commit it.",
        ) from error
