"""Past runs: searched, shown and compared (rows 14, 15)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gristmill
from gristmill.errors import GristmillError, Invalid, NotFound
from gristmill.pipeline import cell_changes
from gristmill.project import Project
from gristmill.runner import run_name
from gristmill.runs import parse_where
from gristmill.runs import search as rows_of
from tests.conftest import commit, copied, edit_notebook, shell, write_notebook

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: trees 80, then 90 with an edited cell, then one that fails."""
    root = copied(blank, tmp_path_factory.mktemp("runs") / "p")
    write_notebook(
        root / "train.ipynb",
        "from gristmill import Metrics, Output\nmodel: Output = 'model.txt'\n"
        "scores: Metrics = 'train.json'\ntrees: int = 80",
        "import json",
        "if trees < 0:\n    raise ValueError('no trees')",
        "open(model, 'w').write(str(trees))\njson.dump({'auc': trees / 100}, open(scores, 'w'))",
    )
    write_notebook(
        root / "check.ipynb",
        "from gristmill import Input, Metrics\nmodel: Input = 'model.txt'\n"
        "scores: Metrics = 'check.json'",
        "import json\njson.dump({'auc': float(open(model).read()) / 200}, open(scores, 'w'))",
    )
    commit(root)
    shell(root, "gristmill", "run")
    edit_notebook(root / "train.ipynb", lambda n: n.cells[2].update(source="import json, math"))
    edit_notebook(root / "train.ipynb", lambda n: n.cells[0].update(source="# words"))
    shell(root, "gristmill", "run", "-p", "train.trees=90")
    shell(root, "gristmill", "run", "-p", "train.trees=-1", check=False)
    return root


def ids(root: Path, where: str = "", **options: Any) -> list[str]:
    order = sorted(p.name for p in (root / ".gristmill/runs").iterdir())
    return [f"r{order.index(r.run)}" for r in rows_of(Project.load(root), where, **options)]


def test_runs_are_found_by_metric_and_parameter(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gristmill.runs._rows.PAGE", 1)
    assert ids(root) == ["r2", "r1", "r0"]
    assert ids(root, limit=2) == ["r2", "r1"]
    assert ids(root, "metrics.auc > 0.41 and params.train.trees = 90") == ["r1"]
    assert ids(root, "metrics.train.auc >= 0.8", sort="metrics.train.auc") == ["r1", "r0"]
    assert ids(root, "params.train.trees < 85") == ["r2", "r0"]
    assert ids(root, sort="params.train.trees", ascending=True) == ["r2", "r0", "r1"]
    assert ids(root, "status = failed") == ["r2"]
    assert ids(root, "status != 'failed' AND trigger = user") == ["r1", "r0"]
    failed = rows_of(Project.load(root), "status = failed")[0]
    assert "auc" not in failed.metrics, "the check did not run: this run has no auc of its own"
    text = shell(root, "gristmill", "runs", "list", "-w", "metrics.auc > 0.41").stdout
    assert "0.45" in text
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize(
    "where", ["auc > 1", "metrics.auc >", "metrics.auc > much", "metrics.auc > 1 or status = x",
              "metrics.auc > 1 and", "params.a = 'it's'", "metrics.a like '%'"],
)  # fmt: skip
def test_a_condition_that_is_not_understood_is_refused(where: str) -> None:
    with pytest.raises(Invalid):
        parse_where(where)


@given(st.lists(st.floats(1_750_000_000, 1_750_500_000)))
def test_runs_sort_by_name_as_by_time(times: list[float]) -> None:
    names = [run_name(time) for time in sorted(times)]
    assert names == sorted(names)


def test_a_run_is_shown_with_what_it_did(root: Path) -> None:
    record = gristmill.runs.find(Project.load(root), "last~1")
    assert record.status == "succeeded"
    assert record.commit
    assert record.dirty
    assert record.steps["train"].params == {"trees": 90}
    assert record.steps["train"].metrics == {"auc": 0.9}
    assert record.steps["check"].inputs.keys() == {"model.txt"}
    text = shell(root, "gristmill", "runs", "show").stdout
    assert "ValueError: no trees" in text
    assert "check  blocked" in text
    gone = shell(root, "gristmill", "runs", "show", record.run[:-1] + "x", check=False)
    assert gone.returncode == NotFound.exit_code
    assert record.run in gone.stderr
    for word in ("last~7", "", "20"):
        with pytest.raises(GristmillError):
            gristmill.runs.find(Project.load(root), word)


def test_two_runs_differ_in_what_was_changed(root: Path) -> None:
    diff = json.loads(shell(root, "gristmill", "runs", "diff", "last~2", "last~1", "--json").stdout)
    assert diff["params"] == {"train.trees": {"before": 80, "after": 90, "delta": None}}
    assert diff["metrics"]["check.auc"]["delta"] == pytest.approx(0.05)
    assert diff["cells"].keys() == {"train"}
    assert [c["before"] for c in diff["cells"]["train"]] == [1]
    assert "+import json, math" in diff["cells"]["train"][0]["lines"]
    assert diff["lineage"].keys() == {
        "commit",
        "data model.txt",
        "data train.json",
        "data check.json",
    }
    assert "the same" in shell(root, "gristmill", "runs", "diff", "last", "last").stdout


def test_a_run_whose_files_are_gone_is_read_from_mlflow(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(root / ".gristmill/runs", copy)
    project = Project.load(root)
    names = sorted(p.name for p in copy.iterdir())
    before = gristmill.runs.diff(project, names[0], names[1])
    shutil.rmtree(root / ".gristmill/runs")
    try:
        assert gristmill.runs.find(project, names[0][:-1]).steps["train"].metrics == {"auc": 0.8}
        assert gristmill.runs.diff(project, names[0], names[1]) == before
    finally:
        shutil.copytree(copy, root / ".gristmill/runs")


LINES = st.lists(st.sampled_from(["a = 1", "b = a", "print(b)", "c = 3", "d = c"]), max_size=6)


@given(LINES, LINES)
def test_cell_changes_account_for_every_cell(before: list[str], after: list[str]) -> None:
    changes = cell_changes(before, after)
    removed = {c.before for c in changes}
    added = {c.after for c in changes}
    kept = [c for i, c in enumerate(before) if i not in removed]
    assert kept == [c for i, c in enumerate(after) if i not in added]
    assert cell_changes(before, [f"{c}  # why" for c in before]) == ()
