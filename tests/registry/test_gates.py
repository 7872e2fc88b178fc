"""Each kind of gate: what passes, what fails, what cannot be judged."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.errors import Invalid
from gristmill.project import Project
from gristmill.registry import Evidence, GateReport, GateResult, Verdict, register
from gristmill.registry import gate as gate_promotion
from gristmill.registry._gates import gates as room
from gristmill.registry._gates.gates import evaluate_gates, kinds, parse_gates
from gristmill.registry._gates.groups import Calibration, Fairness, Slices, reliability
from gristmill.registry._gates.metrics import LineageGate, Maximum, Minimum
from gristmill.registry._gates.scoring import facts_of

from .conftest import SETTINGS, Models, fails_with, lineage, put

RNG = np.random.default_rng(4)
N = 4000
CHANCE = RNG.random(N)
TRUTH = (RNG.random(N) < CHANCE).astype(float)
CARRIER = np.where(np.arange(N) % 4 == 0, "AA", "UA").astype(object)
PLAIN = Evidence(
    metrics={"roc_auc": 0.8},
    truth=TRUTH,
    challenger=CHANCE,
    champion=CHANCE,
    champion_version=1,
    columns={"carrier": CARRIER},
)


@given(st.floats(0, 1), st.floats(0, 1))
def test_bounds_are_inclusive_and_opposite(value: float, limit: float) -> None:
    evidence = Evidence(metrics={"m": value})
    assert (Minimum("m", limit).evaluate(evidence).verdict == Verdict.PASS) == (value >= limit)
    assert (Maximum("m", limit).evaluate(evidence).verdict == Verdict.PASS) == (value <= limit)
    assert Minimum("other", limit).evaluate(evidence).verdict == Verdict.INCONCLUSIVE


def test_slices_find_the_group_that_got_worse() -> None:
    gate = Slices("carrier", "log_loss")
    assert gate.evaluate(PLAIN).verdict == Verdict.PASS
    worse = np.where(CARRIER == "AA", 0.5, CHANCE)
    result = gate.evaluate(replace(PLAIN, challenger=worse))
    assert result.verdict == Verdict.FAIL
    assert "worse than the champion for AA" in result.message
    assert (
        Slices("carrier", "log_loss", tolerance=1)
        .evaluate(replace(PLAIN, challenger=worse))
        .verdict
        == Verdict.PASS
    )
    assert Slices("tail", "log_loss").evaluate(PLAIN).verdict == Verdict.INCONCLUSIVE
    assert Slices("carrier", "log_loss", rows=N).evaluate(PLAIN).verdict == Verdict.INCONCLUSIVE
    assert gate.evaluate(replace(PLAIN, champion_version=None)).verdict == Verdict.PASS


@pytest.mark.slow
def test_slices_of_an_equally_good_model_fail_at_most_alpha() -> None:
    rng = np.random.default_rng(8)
    failed = 0
    for _ in range(300):
        chance = rng.random(400)
        truth = (rng.random(400) < chance).astype(float)
        noise = rng.normal(0, 0.1, (2, 400))
        evidence = Evidence(
            truth=truth,
            challenger=np.clip(chance + noise[0], 0.01, 0.99),
            champion=np.clip(chance + noise[1], 0.01, 0.99),
            champion_version=1,
            columns={"g": np.arange(400) % 4},
        )
        failed += Slices("g", "roc_auc").evaluate(evidence).verdict == Verdict.FAIL
    assert failed <= 24  # 15 expected at most; 25 or more has probability 0.01


def test_fairness_is_the_difference_of_rates() -> None:
    predictions = np.where(CARRIER == "AA", 0.9, 0.1)
    for measure in ("selection_rate", "true_positive_rate", "false_positive_rate"):
        result = Fairness("carrier", measure).evaluate(replace(PLAIN, challenger=predictions))
        assert result.verdict == Verdict.FAIL
        assert result.numbers["rates"] == {"AA": 1.0, "UA": 0.0}
    assert Fairness("carrier").evaluate(PLAIN).verdict == Verdict.PASS
    assert Fairness("carrier", rows=N).evaluate(PLAIN).verdict == Verdict.INCONCLUSIVE


def test_calibration_tells_the_honest_from_the_boastful() -> None:
    assert Calibration().evaluate(PLAIN).verdict == Verdict.PASS
    boast = replace(PLAIN, challenger=(CHANCE > 0.5) * 0.98 + 0.01)
    assert Calibration().evaluate(boast).verdict == Verdict.FAIL
    assert Calibration().evaluate(replace(PLAIN, truth=TRUTH[:100])).verdict == Verdict.INCONCLUSIVE
    assert sum(n for *_, n in reliability(TRUTH, CHANCE)) == N


def test_lineage_may_ask_for_a_clean_tree() -> None:
    assert LineageGate().evaluate(Evidence(dirty=True)).verdict == Verdict.PASS
    verdicts = [
        LineageGate(clean=True).evaluate(Evidence(dirty=d)).verdict for d in (True, None, False)
    ]
    assert verdicts == [Verdict.FAIL, Verdict.FAIL, Verdict.PASS]


def test_a_report_survives_its_record() -> None:
    report = evaluate_gates(
        (Minimum("roc_auc", 0.5), Calibration(), Fairness("x")), PLAIN, {"version": 3}
    )
    again = GateReport.from_record(report.record())
    assert again.record() == report.record()
    assert report.verdict == Verdict.INCONCLUSIVE
    assert not report.passed
    assert evaluate_gates((), PLAIN).passed


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "best"}, r"\[m\] gate 1: .*\[gate\.kind\]"),
        ({"kind": "minimum", "metric": "f1"}, r"gate 1: .*\[settings\.missing-key\]"),
        ({"kind": "better", "metric": "rocauc"}, r"gate 1: .*\[gate\.metric\]"),
        ({"kind": "better", "metric": "f1", "confidence": 2.0}, r"gate 1: .*\[gate\.confidence\]"),
        (
            {"kind": "minimum", "metric": "f1", "valu": 1},
            r"gate 1: .*\[settings\.unknown-key\]",
        ),
    ],
)
def test_a_wrong_table_is_named(table: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        parse_gates([table], "[m]")


@dataclass(frozen=True)
class Weekday:
    kind: ClassVar[str] = "weekday"
    never: str = "Friday"

    def evaluate(self, evidence: Evidence) -> GateResult:
        return GateResult(self.kind, self.never, Verdict.FAIL, "it is Friday")


def test_another_package_adds_a_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("weekday", f"{__name__}:Weekday", room.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: Weekday)
    monkeypatch.setattr(room, "entry_points", lambda group: EntryPoints([point]))
    (gate,) = parse_gates([{"kind": "weekday"}], "[m]")
    assert gate.evaluate(PLAIN).message == "it is Friday"
    taken = EntryPoint("minimum", "x:y", room.GROUP)
    monkeypatch.setattr(room, "entry_points", lambda group: EntryPoints([taken]))
    with fails_with("gate.kind"):
        kinds()


def test_facts_come_from_the_files(models: Models, tmp_path: Path) -> None:
    facts = facts_of(models.weak)
    assert facts.signature
    assert facts.example
    assert facts.code == ()
    assert 1000 < facts.size < 1_000_000
    (tmp_path / "MLmodel").write_text("flavors: {}\n")
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(1))
    bare = facts_of(tmp_path)
    assert (bare.signature, bare.example) == (False, False)
    assert bare.code[0] == "model.pkl is a pickle"


def test_every_gate_judges_a_real_model(project: Project, models: Models) -> None:
    extra = """
[[models.delay.gates]]
kind = "signature"
[[models.delay.gates]]
kind = "format"
[[models.delay.gates]]
kind = "size"
megabytes = 5
[[models.delay.gates]]
kind = "calibration"
limit = 0.1
"""
    (project.root / "gristmill.toml").write_text(SETTINGS + extra)
    project = Project.load(project.root)
    put(project, models.strong)
    register(project, "delay", lineage=lineage())
    report = gate_promotion(project, "delay", 1)
    assert report.passed, report
