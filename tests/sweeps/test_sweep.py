"""Sweeps (row 8): spaces, what is refused, trials in parallel, and what a kill leaves behind."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.errors import Conflict, GristmillError, Invalid
from gristmill.pipeline import StepSpec, parse_notebook, parse_step
from gristmill.project import Project
from gristmill.runner import RunRequest, run
from gristmill.runs import search
from gristmill.sweeps import SweepSpec, Trial, apply_sweep, check_sweep, load_sweep, report
from gristmill.sweeps import sweep as run_sweep
from gristmill.sweeps._apply import with_parameters
from gristmill.sweeps._reports import VARIABLE, read_reports
from gristmill.sweeps._space import Space, grid, random_point, read_space
from gristmill.sweeps._state import TrialState
from gristmill.sweeps._suggest import Optuna
from gristmill.workspace import load_workspace
from tests.conftest import commit, copied, shell, write_notebook
from tests.waiting import eventually

pytestmark = pytest.mark.slow

METRIC = "metrics/train.json:auc"


@pytest.fixture(scope="module")
def root(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = copied(blank, tmp_path_factory.mktemp("sweeps") / "p")
    write_notebook(
        root / "data.ipynb",
        "from gristmill import Output\nout: Output = 'data/n.txt'\nn: int = 3",
        "open(out, 'w').write(str(n))",
    )
    write_notebook(
        root / "train.ipynb",
        "from gristmill import Input, Metrics, Output\nsrc: Input = 'data/n.txt'\n"
        "model: Output = 'model.txt'\nscores: Metrics = 'metrics/train.json'\n"
        "rate: float = 0.1\ndepth: int = 2\nkind: str = 'a'\nwait: float = 0.0",
        "import json, time\nimport gristmill",
        "if depth == 13:\n    raise ValueError('unlucky')\n"
        "time.sleep(wait)\n"  # long enough that one trial is done while others run
        "gristmill.report(1, depth)\n"
        "open(model, 'w').write(kind)\n"
        "off = abs(depth - int(open(src).read()))\n"
        "json.dump({'auc': 1 - rate - off / 10}, open(scores, 'w'))",
    )
    write_notebook(
        root / "other.ipynb",
        "from gristmill import Output\nout: Output = 'o.txt'\nn: int = 3",
        "open(out, 'w').write(str(n))",
    )
    (root / "params.yaml").write_text("# ours\ntrain:\n  rate: 0.2  # slow\n")
    commit(root)
    shell(root, "gristmill", "run", "train")
    return root


def untouched(root: Path) -> dict[str, bytes]:
    names = ("dvc.lock", "dvc.yaml", "params.yaml", "model.txt", "metrics/train.json", "data/n.txt")
    return {name: (root / name).read_bytes() for name in names}


def steps_of(root: Path, name: str, trial: Trial) -> dict[str, str]:
    runs = root / f".gristmill/trials/{name}/{trial.number + 1:04d}/.gristmill/runs"
    record = json.loads((runs / str(trial.run) / "run.json").read_text())
    return {step: r["status"] for step, r in record["steps"].items()}


def test_a_grid_whose_one_trial_fails_and_the_best_becomes_the_projects(root: Path) -> None:
    before = untouched(root)
    done = shell(
        root, "gristmill", "sweep", "--name", "g", "-p", "train.depth=2,13,3", "--metric", METRIC,
        "-j", "2",
    )  # fmt: skip
    assert untouched(root) == before
    project = Project.load(root)
    sweep = load_sweep(project, "g")
    assert [(t.state, t.value) for t in sweep.trials] == [
        ("done", pytest.approx(0.7)), ("failed", None), ("done", pytest.approx(0.8)),
    ]  # fmt: skip
    assert "unlucky" in sweep.trials[1].error
    assert sweep.trials[2].reports == [(1, 3.0)]
    assert steps_of(root, "g", sweep.trials[2]) == {"data": "restored", "train": "succeeded"}
    assert "best: train.depth=3" in done.stdout
    rows = search(project, sweep="g", sort="metrics.auc")
    assert rows[0].run == sweep.trials[2].run
    assert sweep.trials[2].run not in {row.run for row in search(project)}
    with pytest.raises(Conflict):
        run_sweep(project, "g", sweep.spec)

    apply_sweep(project, "g")
    text = (root / "params.yaml").read_text()
    assert text == "# ours\ntrain:\n  rate: 0.2  # slow\n  depth: 3\n"
    assert run(project, RunRequest(("train",))).steps["train"].status == "restored"
    assert json.loads((root / "metrics/train.json").read_text())["auc"] == pytest.approx(0.8)


@pytest.mark.kill
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_sweep_goes_on_and_leaves_no_process(root: Path, how: signal.Signals) -> None:
    name = how.name.lower()
    before = untouched(root)
    # a shell makes its background jobs ignore Ctrl-C
    wait = f"train.wait={0.7 + how / 100}"
    command = ["env", "--default-signal=INT", "gristmill", "sweep", "--name", name,
             "--method", "random", "--trials", "3", "-j", "2", "--seed", "5",
             "-p", "train.depth=2..9", "-p", wait, "--metric", METRIC]  # fmt: skip
    log = (root.parent / f"{name}.txt").open("w")
    process = subprocess.Popen(command, cwd=root, stdout=log, stderr=log)
    project = Project.load(root)

    def one_is_done() -> bool:
        if process.poll() is not None:
            return True
        try:
            return load_sweep(project, name).count(TrialState.DONE) >= 1
        except GristmillError:
            return False

    eventually(one_is_done)
    process.send_signal(how)
    assert process.wait(60) != 0
    first = load_sweep(project, name)
    assert not first.finished
    kept = {t.number: t.run for t in first.trials if t.state == TrialState.DONE}
    assert kept
    eventually(lambda: of_trials(root, name) == [], 20)
    sweep = run_sweep(project, name, resume=True)
    assert sweep.finished
    assert sweep.count(TrialState.DONE) == 3
    assert {n: sweep.trials[n].run for n in kept} == kept
    assert untouched(root) == before


def of_trials(root: Path, name: str) -> list[str]:
    """Processes that work for the sweep: in its shadows, or its workers."""
    place = str(root / ".gristmill/trials" / name)
    workers = []
    for process in psutil.process_iter():
        try:
            command, where = " ".join(process.cmdline()), process.cwd()
        except psutil.Error:
            continue
        worker = "sweeps._worker" in command and where.startswith(str(root))
        if worker or where.startswith(place):
            workers.append(f"{process.pid} {command}")
    return workers


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"parameters": {"train.depth": "2,x"}}, "not int"),
        ({"parameters": {"train.depth": [2, 2.5]}}, "2.5"),
        ({"parameters": {"train.nope": [1]}}, "nope"),
        ({"parameters": {"train.src": ["a"]}}, "input or output"),
        ({"parameters": {"nope.depth": [1]}}, "nope"),
        ({"parameters": {"train.rate": "0.1..0.5"}}, "step"),
        ({"parameters": {"train.depth": {"low": 5, "high": 1}}}, "empty"),
        ({"parameters": {"train.depth": {"low": 5, "high": 9, "stp": 1}}}, "stp"),
        ({"parameters": {"train.depth": {"low": 0, "high": 9, "log": True}}}, "log"),
        ({"parameters": {"other.n": [1, 2]}}, "no effect"),
        ({"parameters": {}}, "no parameter"),
        ({"metric": "model.txt:x"}, "Metrics"),
        ({"metric": "metrics/train.json"}, "FILE:KEY"),
        ({"method": "guess"}, "guess"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(
    root: Path, changes: dict[str, Any], what: str
) -> None:
    given = {"parameters": {"train.depth": "1,2"}, "metric": METRIC, **changes}
    with pytest.raises(GristmillError, match=what):
        check_sweep(SweepSpec(**given), load_workspace(Project.load(root)), "here")


STEP = parse_step(
    parse_notebook(
        json.dumps({"cells": [{"cell_type": "code", "metadata": {"tags": ["parameters"]},
                               "source": "a: int = 1\nb: float = 1.0\nc: str = 'x'"}]}), "s.ipynb",
    ), "s",
)  # fmt: skip
assert isinstance(STEP, StepSpec)


@given(
    st.integers(-50, 50), st.integers(0, 40), st.integers(1, 7),
    st.lists(st.text(min_size=1, max_size=3).filter(str.isalnum), min_size=1, max_size=3),
)  # fmt: skip
def test_a_grid_has_every_point_once_and_a_draw_is_one_of_them(
    low: int, width: int, step: int, choices: list[str]
) -> None:
    assert STEP is not None
    spaces = {
        "s.a": read_space(f"{low}..{low + width}:{step}", STEP, "a", "here"),
        "s.c": read_space(",".join(choices), STEP, "c", "here"),
    }
    points = [tuple(p.items()) for p in grid(spaces)]
    assert len(points) == (width // step + 1) * len(choices)
    assert {dict(p)["s.a"] for p in points} == set(range(low, low + width + 1, step))
    assert tuple(random_point(spaces, 3, step).items()) in points
    assert random_point(spaces, 3, step) == random_point(spaces, 3, step)


@given(st.floats(1e-6, 1), st.floats(1, 1e6), st.booleans(), st.integers())
def test_a_draw_lies_in_its_range(low: float, high: float, log: bool, seed: int) -> None:
    value = Space((), low, high, log=log).draw(random.Random(seed))
    assert low <= value <= high
    whole = Space((), 1, round(high), log=log).draw(random.Random(seed))
    assert type(whole) is int
    assert 1 <= whole <= round(high)


def test_parameters_are_written_and_comments_stay() -> None:
    old = "# top\na:\n  x: 1  # one\n\n# about b\nb:\n  y: 'two'\n"
    new = with_parameters(old, {"a": {"x": 5}, "c": {"z": [1, 2]}})
    assert new.startswith("# top\na:\n  x: 5  # one\n\n# about b\nb:\n  y: 'two'\nc:\n")
    assert with_parameters("", {"a": {"x": True}}) == "a:\n  x: true\n"
    assert with_parameters("# only words\n", {"a": {"x": 1}}) == "# only words\na:\n  x: 1\n"


def test_optuna_prunes_what_falls_behind_and_outlives_its_process(
    root: Path, tmp_path: Path
) -> None:
    spec = SweepSpec(
        {"train.depth": "2..9", "train.kind": "a,b", "train.rate": "0.01..1:log"}, METRIC,
        method="optuna", trials=9,
    )  # fmt: skip
    checked = check_sweep(spec, load_workspace(Project.load(root)), "here")
    optuna = Optuna(checked, tmp_path / "o.db", "o")
    for number in range(6):
        trial = Trial(number, optuna.ask(number))
        assert trial.params["train.kind"] in {"a", "b"}
        assert not optuna.prune(trial, 1, 10.0 + number)
        trial.state, trial.value = TrialState.DONE, 10.0
        optuna.tell(trial)
    bad = Trial(6, optuna.ask(6))
    assert optuna.prune(bad, 1, 0.0)
    killed = Trial(7, optuna.ask(7))
    params = dict(killed.params)
    again = Optuna(checked, tmp_path / "o.db", "o")
    again.restart(killed)
    assert killed.params == params
    states = [t.state.name for t in again.study.trials]
    assert states == ["COMPLETE"] * 6 + ["FAIL", "FAIL", "RUNNING"]


def test_reports_are_read_whole_and_only_in_a_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(1, 0.5)
    path = tmp_path / "r.jsonl"
    monkeypatch.setenv(VARIABLE, str(path))
    report(1, 0.5)
    report(2, 0.75)
    with path.open("a") as file:
        file.write("[3, 0.")
    assert read_reports(path, 0) == [(1, 0.5), (2, 0.75)]
    assert read_reports(path, 1) == [(2, 0.75)]


def test_two_sweeps_of_one_name_at_once_are_refused(root: Path) -> None:
    from gristmill.runner import project_lock
    from gristmill.sweeps import sweep_directory

    project = Project.load(root)
    with project_lock(sweep_directory(project, "busy"), "another"), pytest.raises(Conflict):
        run_sweep(project, "busy", SweepSpec({"train.depth": "1,2"}, METRIC))
    with pytest.raises(Invalid):
        run_sweep(project, "../up", SweepSpec({"train.depth": "1,2"}, METRIC))
    assert os.path.exists(root / "params.yaml")
