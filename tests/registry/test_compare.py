"""Versions side by side: curves against scikit-learn's, cells, and real models on the same rows."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from gristmill.cli import main
from gristmill.pipeline import cell_changes
from gristmill.project import Project
from gristmill.registry import compare, register
from gristmill.registry._compare.curves import ROUND, curves_of
from gristmill.registry._compare.disagreement import disagreement
from gristmill.registry._gates.statistics import metric_interval
from gristmill.workspace import save_lineage

from .conftest import Models, fails_with, lineage, put


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(20, 3000), st.sampled_from([1, 2, 6]))
def test_a_thinned_curve_has_only_points_of_the_exact_one(seed: int, n: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.3
    truth[:2] = [True, False]
    score = np.clip(np.round(rng.beta(2, 4, n) + 0.2 * truth, digits), 0, 1)
    result = curves_of(truth, score)
    false, true, _ = roc_curve(truth, score, drop_intermediate=False)
    exact = {(round(x, 12), round(y, 12)) for x, y in zip(false, true, strict=True)}
    assert {(round(p.x, 12), round(p.y, 12)) for p in result.roc} <= exact
    assert (result.roc[0].x, result.roc[-1].y) == (0, 1)
    area = np.trapezoid([p.y for p in result.roc], [p.x for p in result.roc])
    assert area == pytest.approx(roc_auc_score(truth, score), abs=0.01)
    precision, recall, _ = precision_recall_curve(truth, score)
    exact = {(round(x, 12), round(y, 12)) for x, y in zip(recall, precision, strict=True)}
    assert {(round(p.x, 12), round(p.y, 12)) for p in result.pr} <= exact
    for cut in ROUND:
        called = score >= cut
        assert result.roc_at(cut).y == pytest.approx(called[truth].mean())
        assert result.roc_at(cut).x == pytest.approx(called[~truth].mean())
    assert sum(b.rows for b in result.calibration) == n


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "accuracy", "f1"])
def test_nine_of_ten_intervals_hold_the_truth(metric: str) -> None:
    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        p = rng.beta(2, 3, n)
        return (rng.random(n) < p).astype(float), p

    true_value = metric_interval(metric, *draw(np.random.default_rng(0), 400_000)).value
    held = 0
    for seed in range(1, 301):
        result = metric_interval(metric, *draw(np.random.default_rng(seed), 400))
        held += result.lower <= true_value <= result.upper
    assert 253 <= held <= 286  # 270 expected; outside with probability 0.002


def test_where_two_models_differ() -> None:
    rng = np.random.default_rng(0)
    n = 4000
    truth = (rng.random(n) < 0.5).astype(float)
    group = rng.choice(["x", "y", None], n)
    first = np.where(truth == 1, 0.9, 0.1)
    second = np.where((group == "y") & (rng.random(n) < 0.5), 1 - first, first)
    result = disagreement(truth, first, second, {"g": group, "z": rng.normal(size=n)})
    worst = result.slices[0]
    assert (worst.column, worst.value, worst.first) == ("g", "y", 1.0)
    assert worst.second == pytest.approx(1 - worst.differ)
    assert sum(c.rows for c in result.confusion) == sum(result.agreement.values()) == n
    assert result.agreement["only the second right"] == 0
    numbers = disagreement(truth * 3.5 + 0.1, first, second, {"g": group})
    assert numbers.confusion == () and numbers.slices[0].value == "y"


def test_only_what_a_cell_does_differs() -> None:
    before = ["x = 1", "fit(x)", "# nothing\nsave( x )"]
    assert cell_changes(before, ["x = 1  # one", "fit(x)", "", "save(x)"]) == ()
    (change,) = cell_changes(before, ["", "x = 1", "fit(x, depth=3)", "save(x)"])
    assert (change.before, change.after, change.title) == (1, 2, "code cell 2, now 3")
    assert change.lines == ("-fit(x)", "+fit(x, depth=3)")
    assert [c.after for c in cell_changes([], before)] == [0, 1, 2]
    long = [f"x{i} = {i}" for i in range(20)]
    (change,) = cell_changes(["\n".join(long)], ["\n".join(["a = 1", *long, "b = 2"])])
    assert change.lines.count("@@") == 1 and "+b = 2" in change.lines


def executed(project: Project, run: str, code: str, depth: int) -> object:
    """A kept run of `train`, whose lineage it returns."""
    path = project.root / f".gristmill/runs/{run}/train.ipynb"
    path.parent.mkdir(parents=True)
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbformat.write(made, path)
    line = lineage(params={"depth": depth})
    line = replace(line, run=run, executed=path.relative_to(project.root).as_posix())
    prepare = replace(
        line, step="prepare", executed=None, inputs={}, outputs=line.inputs, params={"rows": depth}
    )
    save_lineage(project, prepare)
    return line


def test_real_versions_side_by_side(
    project: Project, models: Models, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for run, source, depth in (("r1", models.weak, 3), ("r2", models.strong, 5)):
        put(project, source)
        line = executed(project, run, f"fit('<b>', {depth})", depth)
        register(project, "delay", lineage=line)
    put(project, models.noise)
    register(project, "delay", lineage=lineage())
    messages: list[str] = []
    result = compare(project, "delay", [1, "v2", 3], messages.append)
    assert (result.holdout, result.rows) == (3, 3000)
    assert result.seen == (1, 2)  # the made-up tables all begin at the same time
    better, worse = result.pairs
    auc = {m.metric: m for m in better.metrics}["roc_auc"]
    assert auc.lower > 0 > {m.metric: m for m in worse.metrics}["roc_auc"].upper
    shown = result.scored[1].metrics["roc_auc"]
    assert shown.value == pytest.approx(auc.challenger)
    assert shown.lower < shown.value < shown.upper
    assert better.params["train.depth"] == (3, 5)
    assert [c.lines for cells in better.cells.values() for c in cells] == [
        ("-fit('<b>', 3)", "+fit('<b>', 5)")
    ]
    assert better.where is not None
    assert sum(better.where.agreement.values()) == 3000
    assert {s.column for s in better.where.slices} <= {"a", "b", "c"}
    assert any("Scoring" in s for s in messages)
    with fails_with("compare.versions"):
        compare(project, "delay", [1, "v1"])

    page, at_root = tmp_path / "page.html", ["-C", str(project.root), "model"]
    assert main([*at_root, "compare", "1", "2", "3"]) == 0
    printed = capsys.readouterr().out
    for word in ("DeLong", "train.depth", "version 2 against version 1", "+fit('<b>', 5)"):
        assert word in printed
    assert main([*at_root, "compare", "1", "2", "--html", str(page), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["scored"][0]["curves"]["roc"][0]["x"] == 0
    text = page.read_text()
    assert "<b>'" not in text and "&lt;b&gt;" in text
    assert text.count('class="word better"') > 0
    assert not re.search(r"(src|href)=['\"](?!data:)", text) and "@import" not in text

    class Pictures(HTMLParser):
        named = 0

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            if tag == "svg":
                self.named += bool(dict(attrs).get("aria-label"))

    pictures = Pictures()
    pictures.feed(text)
    assert pictures.named == text.count("<svg") >= 8


def test_versions_that_cannot_be_scored_still_show_what_made_them(
    project: Project, models: Models
) -> None:
    toml = project.root / "gristmill.toml"
    toml.write_text(toml.read_text().replace('holdout = "holdout.parquet"\n', ""))
    bare = Project.load(project.root)
    for source, depth in ((models.weak, 3), (models.strong, 5)):
        put(bare, source)
        register(bare, "delay", lineage=lineage(params={"depth": depth}))
    result = compare(bare, "delay", [1, 2])
    assert "no hold-out" in result.problem
    assert result.pairs[0].params == {"train.depth": (3, 5)}
