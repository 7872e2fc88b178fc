"""The policy is that of a commit: what the working file says meanwhile moves nothing."""

from __future__ import annotations

import subprocess

import pytest

from gristmill.project import Project
from gristmill.registry import (
    Registry,
    audit,
    champion,
    decide,
    gate,
    history,
    policy_notice,
    promote,
    register,
)
from gristmill.registry._ledger.chain import Draft

from .conftest import SETTINGS, Models, fails_with, lineage, put

LOOSE = """
[project]
name = "toy"
[models.delay]
path = "models/best"
metrics = "metrics.json"
reference = "reference.parquet"
holdout = "holdout.parquet"
target = "late"
time = "scheduled"
[roles]
register = ["*"]
approve = ["*"]
promote = ["*"]
override = ["*"]
"""
STRICT = SETTINGS.replace("value = 0.6", "value = 0.99")
GOVERNED = """
[models.delay.approvals]
required = 1
[roles]
register = ["ada"]
approve = ["bob"]
promote = ["pat"]
"""


def write(project: Project, text: str) -> Project:
    (project.root / "gristmill.toml").write_text(text)
    return Project.load(project.root)


def commit(project: Project, text: str) -> Project:
    project = write(project, text)
    for arguments in (
        ("init", "-q"),
        ("add", "gristmill.toml"),
        ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qm", "policy"),
    ):
        subprocess.run(["git", *arguments], cwd=project.root, check=True)
    return project


@pytest.fixture
def registered(project: Project, models: Models) -> Project:
    put(project, models.weak)
    register(project, "delay", lineage=lineage(), actor="ada")
    return project


def test_loosened_gates_of_the_working_file_do_not_count(registered: Project) -> None:
    commit(registered, STRICT)
    loose = write(registered, LOOSE)
    assert not gate(loose, "delay", 1, actor="ada").passed
    assert policy_notice(loose, "delay")
    with fails_with("gate.failed"):
        promote(loose, "delay", 1, reason="go", actor="ada")
    restored = write(registered, STRICT)
    assert not policy_notice(restored, "delay")
    assert champion(restored, "delay") is None


def test_roles_and_approvals_of_the_working_file_do_not_count(registered: Project) -> None:
    governed = commit(registered, SETTINGS + GOVERNED)
    gate(governed, "delay", 1, actor="ada")
    loose = write(registered, LOOSE)
    with fails_with("role.missing"):
        promote(loose, "delay", 1, reason="go", actor="ada")
    with fails_with("role.missing"):
        promote(loose, "delay", 1, reason="go", actor="ada", override=True)
    with fails_with("role.missing"):
        decide(loose, "delay", 1, decision="approve", reason="go", actor="mallory")
    with fails_with("approval.missing"):
        promote(loose, "delay", 1, reason="go", actor="pat")


def test_gates_raised_after_the_report_are_noticed(registered: Project) -> None:
    gate(commit(registered, SETTINGS), "delay", 1, actor="ada")
    strict = commit(registered, STRICT)
    with fails_with("gate.policy"):
        promote(strict, "delay", 1, reason="go", actor="ada")
    assert not gate(strict, "delay", 1, actor="ada").passed


def test_a_loosened_policy_promotes_what_passed_the_stricter_one(registered: Project) -> None:
    gate(commit(registered, SETTINGS), "delay", 1, actor="ada")
    fewer = commit(registered, LOOSE + "\n[lint]\n")
    move = promote(fewer, "delay", 1, reason="go", actor="ada")
    gated = next(e for e in history(fewer, "delay") if e.action == "gate")
    then, now = gated.detail["policy"], move.entry.detail["policy"]
    assert then["commit"] != now["commit"]
    assert then["digest"] != now["digest"]


def test_without_git_the_working_file_is_the_policy(registered: Project) -> None:
    gate(registered, "delay", 1, actor="ada")
    move = promote(registered, "delay", 1, reason="go", actor="ada")
    assert move.entry.detail["policy"]["commit"] == ""
    assert not policy_notice(registered, "delay")


def test_an_audit_finds_a_promotion_that_the_policy_forbade(registered: Project) -> None:
    governed = commit(registered, SETTINGS + GOVERNED.replace("required = 1", "required = 0"))
    gate(governed, "delay", 1, actor="ada")
    honest = promote(governed, "delay", 1, reason="go", actor="pat").entry
    assert not audit(governed).problems
    with Registry(governed).ledger.writing() as writer:
        forged = writer.append(
            Draft(
                action="promote",
                model="delay",
                actor="ada",
                version=1,
                alias="champion",
                before=1,
                after=1,
                reason="go",
                digest=honest.digest,
                detail=dict(honest.detail),
            )
        )
    assert [p.seq for p in audit(governed).problems if p.seq] == [forged.seq]
