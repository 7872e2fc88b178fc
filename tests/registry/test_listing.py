"""Every model with its versions and where each stands, however many there are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gristmill.project import Project
from gristmill.registry import (
    Registry,
    Version,
    list_models,
    open_requests,
    report_of,
    status_of,
)
from gristmill.registry._ledger.chain import Draft, canonical
from gristmill.registry._ledger.ledger import Ledger
from gristmill.registry._ledger.postgres import PostgresConnection
from gristmill.registry._ledger.sqlite import SqliteConnection

from .conftest import SETTINGS, lineage

POLICY = "[models.delay.approvals]\nrequired = 1\n"


def write_versions(project: Project, model: str, count: int, *, requested: bool = True) -> None:
    """Versions as the ledger has them, each judged, asked about, and every other approved."""
    with Registry(project).ledger.writing() as writer:
        for number in range(1, count + 1):
            version = Version(
                model, number, "run", f"{number:064}", {"roc_auc": 0.8}, {}, lineage(),
                datetime(2026, 1, 1, tzinfo=UTC), "ada", "train", "here",
            )  # fmt: skip
            common: dict[str, Any] = {
                "model": model, "version": number, "digest": version.digest,
            }  # fmt: skip
            record = canonical(version.record())
            writer.append(Draft("register", actor="ada", document=record, **common))
            report = canonical({"verdict": "pass", "about": {}, "results": [], "n": number})
            judged = writer.append(
                Draft("gate", actor="ada", document=report, detail={"verdict": "pass"}, **common)
            )
            if not requested:
                continue
            detail = {"report": judged.evidence}
            writer.append(Draft("request", actor="ada", detail=detail, **common))
            if number % 2:
                writer.append(Draft("approve", actor="bob", detail=detail, **common))


@pytest.fixture
def project(project: Project, ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> Project:
    assert ledger_url
    monkeypatch.setenv("GRISTMILL_ACTOR", "ada")
    (project.root / "gristmill.toml").write_text(SETTINGS + POLICY)
    return Project.load(project.root)


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], int]:
    """Counts the statements that a call sends to the ledger; asking MLflow fails."""
    statements: list[str] = []

    def no_client(_: Registry) -> None:
        raise AssertionError("MLflow was asked")

    monkeypatch.setattr(Registry, "client", property(no_client))
    for connection in (SqliteConnection, PostgresConnection):

        def execute(
            self: Any, query: str, values: Any = (), original: Any = connection.execute
        ) -> Any:
            statements.append(query)
            return original(self, query, values)

        monkeypatch.setattr(connection, "execute", execute)

    def count(call: Callable[[], Any]) -> int:
        statements.clear()
        call()
        return len(statements)

    return count


@pytest.mark.parametrize(
    "call",
    [list_models, open_requests, lambda project: Registry(project).versions()],
    ids=["list_models", "open_requests", "versions"],
)
def test_more_versions_need_no_more_queries(
    project: Project, queries: Callable[[Callable[[], Any]], int], call: Callable[[Project], Any]
) -> None:
    write_versions(project, "delay", 2)
    few = queries(lambda: call(project))
    for number in range(3):
        write_versions(project, f"model-{number}", 5)
    assert queries(lambda: call(project)) == few > 0


def test_the_listing_says_what_is_said_of_each_version(project: Project) -> None:
    write_versions(project, "delay", 3)
    write_versions(project, "other", 1)
    registry = Registry(project)
    with registry.ledger.writing() as writer:
        for action, number, before in (("promote", 1, None), ("promote", 2, 1)):
            writer.append(
                Draft(
                    action,
                    "delay",
                    "ada",
                    number,
                    "champion",
                    before,
                    number,
                    digest=f"{number:064}",
                )
            )
    listing = list_models(project)
    delay, other = listing.models
    assert (delay.name, delay.champion, delay.previous, delay.problem) == ("delay", 2, 1, "")
    assert (other.name, other.champion, other.previous) == ("other", None, None)
    assert [v.version.version for v in delay.versions] == [3, 2, 1]
    for listed in delay.versions:
        assert listed.version == registry.version("delay", listed.version.version)
        assert listed.approvals == status_of(registry, listed.version)
        assert listed.approvals.granted == bool(listed.version.version % 2)
        report = report_of(registry, listed.version)
        assert report is not None
        assert listed.verdict == report.verdict
    assert list(listing.requests) == open_requests(project) == []


def test_requests_name_who_cannot_answer_them(project: Project) -> None:
    write_versions(project, "delay", 2)
    listing = list_models(project)
    (request,) = listing.requests
    assert request.version == 2
    assert listing.is_author(request, "ada")
    assert not listing.is_author(request, "bob")


def test_an_altered_entry_is_a_problem_of_its_model_alone(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_versions(project, "delay", 1, requested=False)
    write_versions(project, "other", 1, requested=False)
    snapshot = Registry(project).ledger.snapshot()
    (entry,) = snapshot.entries("delay", "gate")
    object.__setattr__(entry, "detail", {"verdict": "fail"})
    monkeypatch.setattr(Ledger, "snapshot", lambda _: snapshot)
    delay, other = list_models(project).models
    assert (bool(delay.problem), delay.versions) == (True, ())
    assert (other.problem, len(other.versions)) == ("", 1)
