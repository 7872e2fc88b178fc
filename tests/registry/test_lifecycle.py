"""Register, judge, promote, roll back: through the public verbs, on real MLflow."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from gristmill.cli import main
from gristmill.errors import Conflict, Forbidden, Invalid, NotFound
from gristmill.project import Project
from gristmill.registry import Registry, audit, gate, promote, register, rollback
from gristmill.registry import champion as champion_promotion
from gristmill.registry._versions.mlflow import aliases

from .conftest import Models, fails_with, frame, lineage, put


def registered(project: Project, source: Path, step: str = "train") -> int:
    put(project, source)
    return register(project, "delay", lineage=lineage(step), actor="ada").version


def test_a_model_goes_from_a_directory_to_champion_and_back(
    project: Project, models: Models
) -> None:
    first = registered(project, models.weak)
    assert gate(project, "delay", first).passed
    promote(project, "delay", first, reason="first", actor="bob")
    between = datetime.now(UTC)
    second = registered(project, models.strong)
    report = gate(project, "delay", second)
    assert report.passed, report
    better = next(r for r in report.results if r.kind == "better")
    assert better.numbers["lower"] > 0.01
    assert better.numbers["rows"] == 3000
    moved = promote(project, "delay", second, reason="better", actor="bob")
    assert (moved.previous, moved.version, moved.changed) == (first, second, True)

    registry = Registry(project)
    assert aliases(registry.client, "delay") == {"champion": second}
    champion = champion_promotion(project, "delay")
    assert champion is not None
    assert champion.version == second
    assert champion.metrics == {"roc_auc": 0.8, "slices.aa": 0.7}
    assert champion.lineage == lineage()
    assert champion.aliases == ("champion",)
    raw = registry.load(champion).predict(frame(5, seed=9)[["a", "b", "c"]])
    assert np.asarray(raw).shape == (5, 2)

    rollback(project, "delay", reason="it degrades", actor="bob")
    assert aliases(registry.client, "delay") == {"champion": first}
    before = champion_promotion(project, "delay", between)
    assert before is not None
    assert before.version == first
    with fails_with("rollback.nothing"):
        rollback(project, "delay", reason="again")
    actions = [(e.action, e.actor, e.before, e.after) for e in registry.ledger.entries("delay")]
    assert [a for a in actions if a[0] in {"promote", "rollback"}] == [
        ("promote", "bob", None, first),
        ("promote", "bob", first, second),
        ("rollback", "bob", second, first),
    ]
    assert audit(project).problems == ()


def test_registering_the_same_bytes_again_gives_the_same_version(
    project: Project, models: Models
) -> None:
    assert registered(project, models.weak) == registered(project, models.weak) == 1
    assert registered(project, models.strong) == 2
    assert [v.version for v in Registry(project).versions("delay")] == [1, 2]


def test_evidence_is_kept_as_it_was_registered(project: Project, models: Models) -> None:
    number = registered(project, models.weak)
    (project.root / "reference.parquet").write_bytes(b"another")
    registry = Registry(project)
    version = registry.version("delay", f"v{number}")
    import pandas as pd

    kept = pd.read_parquet(registry.evidence(version, "reference.parquet"))
    assert kept.equals(frame(500, seed=2))
    assert json.loads(registry.evidence(version, "lineage.json").read_text())["commit"] == "c" * 40
    with pytest.raises(NotFound):
        registry.evidence(version, "../../model/MLmodel")
    registry.evidence(version, "metrics.json").write_text("{}")
    with pytest.raises(Forbidden):
        registry.evidence(version, "metrics.json")


def test_nobody_promotes_without_a_passing_report(project: Project, models: Models) -> None:
    first = registered(project, models.strong)
    with fails_with("gate.missing"):
        promote(project, "delay", first, reason="hurry")
    gate(project, "delay", first)
    promote(project, "delay", first, reason="first")
    second = registered(project, models.noise)
    assert gate(project, "delay", second).verdict == "fail"
    with fails_with("gate.failed"):
        promote(project, "delay", second, reason="hope")
    with pytest.raises(Invalid):
        promote(project, "delay", second, reason=" ", override=True)
    promote(project, "delay", second, reason="the boss says", override=True)
    entry = Registry(project).ledger.holder("delay", "champion")
    assert entry is not None
    assert entry.detail["override"] is True
    assert entry.detail["verdict"] == "fail"


def test_a_report_against_an_earlier_champion_does_not_count(
    project: Project, models: Models
) -> None:
    numbers = [
        registered(project, m, s)
        for m, s in ((models.weak, "x"), (models.strong, "y"), (models.strong, "z"))
    ]
    for number in numbers:
        gate(project, "delay", number)
    promote(project, "delay", numbers[0], reason="first")
    with fails_with("gate.stale"):
        promote(project, "delay", numbers[1], reason="second")
    with fails_with("alias.moved"):
        promote(project, "delay", numbers[1], reason="x", expected=3, override=True)


def test_promoting_the_champion_again_changes_nothing(project: Project, models: Models) -> None:
    number = registered(project, models.weak)
    gate(project, "delay", number)
    promote(project, "delay", number, reason="first")
    count = len(Registry(project).ledger.entries())
    assert not promote(project, "delay", number, reason="again").changed
    assert len(Registry(project).ledger.entries()) == count


def test_incomplete_lineage_fails_and_missing_metric_cannot_be_judged(
    project: Project, models: Models
) -> None:
    put(project, models.weak)
    (project.root / "metrics.json").write_text('{"f1": 0.5}')
    unknown = lineage(commit=None)
    number = register(project, "delay", lineage=unknown).version
    report = gate(project, "delay", number)
    assert {r.kind: r.verdict for r in report.results} == {
        "minimum": "inconclusive",
        "better": "pass",
        "format": "pass",
        "lineage": "fail",
    }
    assert not report.passed


def test_a_champion_that_does_not_take_the_rows_cannot_be_compared(
    project: Project, models: Models
) -> None:
    first = registered(project, models.weak)
    gate(project, "delay", first)
    promote(project, "delay", first, reason="first")
    put(project, models.strong)
    frame(200, 4).drop(columns=["c"]).to_parquet(project.root / "holdout.parquet")
    number = register(project, "delay", lineage=lineage()).version
    report = gate(project, "delay", number)
    better = next(r for r in report.results if r.kind == "better")
    assert better.verdict == "inconclusive"
    assert "has no columns c" in better.message


def test_cli_tells_the_story(
    project: Project, models: Models, capsys: pytest.CaptureFixture[str]
) -> None:
    number = registered(project, models.weak)
    at = ["-C", str(project.root)]
    assert main([*at, "model", "gate", "delay", str(number)]) == 0
    assert main([*at, "model", "promote", "delay", "--reason", "first one"]) == 0
    assert "champion of delay is version 1 (was nobody)" in capsys.readouterr().out
    assert main([*at, "model", "promote", "1", "--reason", "again"]) == 0
    assert "already" in capsys.readouterr().out
    assert main([*at, "model", "rollback", "--reason", "x"]) == Conflict.exit_code
    assert main([*at, "model", "show", "champion"]) == 0
    shown = capsys.readouterr().out
    assert "first one" in shown
    assert "roc_auc" in shown
    assert main([*at, "model", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["aliases"] == ["champion"]
    assert main([*at, "model", "champion", "--at", "2020-01-01"]) == 0
    assert "no champion" in capsys.readouterr().out
    assert main([*at, "audit", "verify"]) == 0
    assert main([*at, "audit", "log", "--model", "delay"]) == 0
    assert main([*at, "model", "show", "7"]) == NotFound.exit_code


@pytest.mark.parametrize("number", ["9" * 30, "9" * 5000, 10**30])
def test_a_number_that_no_database_holds_is_no_version(
    project: Project, models: Models, number: int | str
) -> None:
    registered(project, models.weak)
    with pytest.raises(NotFound):
        gate(project, "delay", number)


@pytest.mark.parametrize("alias", ["latest", "Latest", "7", "v7", "a.b"])
def test_what_mlflow_refuses_as_an_alias_never_reaches_the_ledger(
    project: Project, models: Models, alias: str
) -> None:
    number = registered(project, models.weak)
    gate(project, "delay", number)
    before = len(Registry(project).ledger.entries())
    with pytest.raises(Invalid) as refused:
        promote(project, "delay", number, alias=alias, reason="go", override=True)
    assert refused.value.code == "model.name"
    assert len(Registry(project).ledger.entries()) == before
    promote(project, "delay", number, reason="go", override=True)
