"""A run that pauses for people: `[steps.NAME] approval = "MODEL"`.

The entry point `gristmill.approval` of the runner. What is decided on is the model as it is in the
project when the step would begin: it becomes a version, is judged, and the reviewers are asked.
Approvals that stand let the step begin, in this run or a later one; another model or another gate
report needs them anew.
"""

from __future__ import annotations

from datetime import timedelta

from gristmill.errors import GateFailed, Invalid, Waiting
from gristmill.project import SETTINGS, Project
from gristmill.registry._approvals import review
from gristmill.registry._approvals.approvals import Policy
from gristmill.registry._approvals.checks import require_pass
from gristmill.registry._gates.reports import report_of
from gristmill.registry._ledger.chain import Entry
from gristmill.registry._ledger.ledger import utc_now
from gristmill.registry._loading.digest import directory_digest
from gristmill.registry._policy import model_policy
from gristmill.registry._promotion import CHAMPION, gate, register
from gristmill.registry._settings import model_settings
from gristmill.registry._versions.store import Registry
from gristmill.registry._versions.version import Version


def check(project: Project, model: str) -> str:
    """The path of the model, as the settings declare it.

    Raises NotFound for a model that they do not declare, Invalid when its policy asks for nobody.
    """
    settings = model_settings(project, model)
    if review.policy_of(model_policy(project, model).project, model).required < 1:
        raise Invalid(
            "approval.policy",
            f"a step waits for a decision on {model}, but no approval is required for it.",
            hint=f"Set `required = 1` or more in {SETTINGS} [models.{model}.approvals].",
        )
    return settings.path


def require(project: Project, model: str, step: str, run: str) -> str:
    """Who approved the model as it is in the project now, in words.

    A version that is champion already was decided on. Raises GateFailed when its gates or a
    reviewer said no, Waiting while too few have decided; they are asked once for each report, and
    again when their answer is overdue.
    """
    registry = Registry(project)
    registry.reconcile()
    version = _version(registry, model)
    name = version.label
    if registry.ledger.aliases(model).get(CHAMPION) == version.version:
        return f"{name} is champion already"
    report = report_of(registry, version)
    if report is None or _outdated(registry, model, report.about["champion"]):
        report = gate(project, model, version.version)
    require_pass(version, report)
    status = review.status_of(registry, version)
    entries = registry.ledger.entries(model, version=version.version)
    if status.rejected:
        rejections = [e for e in entries if e.action == "reject" and e.actor in status.rejected]
        why = "; ".join(f"{e.actor}: {e.reason}" for e in rejections)
        raise GateFailed(
            "approval.rejected",
            f"{name} was rejected, so {step} does not run ({why}).",
            hint="Improve the model, or ask the reviewers to decide again: the last decision "
            "counts.",
        )
    if status.granted:
        return f"{name} has {status.sentence()}"
    if not _is_requested(
        entries, report.digest, review.policy_of(model_policy(project, model).project, model)
    ):
        review.request_approval(
            project, model, version.version, reason=f"run {run} waits: {step} needs a decision"
        )
    raise Waiting(
        "approval.waiting",
        f"{step} waits for a decision on {name}: {status.sentence()}.",
        hint=f"Reviewers decide with `gristmill model approve {model} {version.version} --reason "
        "...` or `reject`; then `gristmill resume` continues the run.",
    )


def _version(registry: Registry, model: str) -> Version:
    """The version with the bytes that are in the project, registered if need be."""
    project = registry.project
    path = project.root / model_settings(project, model).path
    digest = directory_digest(path) if path.is_dir() else None
    same = [v for v in registry.versions(model) if v.digest == digest]
    return same[-1] if same else register(project, model)


def _outdated(registry: Registry, model: str, compared: int | None) -> bool:
    """Whether the report compares with a version that is no longer champion."""
    return registry.ledger.aliases(model).get(CHAMPION) != compared


def _is_requested(entries: list[Entry], report: str, policy: Policy) -> bool:
    since = utc_now() - timedelta(days=policy.days)
    return any(
        e.action == "request" and e.detail.get("report") == report and e.at >= since
        for e in entries
    )
