"""Laws of the schedule, played on a clock of their own (row 9), and the settings behind it."""

from __future__ import annotations

import heapq
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.errors import Invalid, NotFound
from gristmill.project import Project
from gristmill.runner._schedule import OVERTAKES, Schedule, State, backoff
from gristmill.workspace import StepPolicy, capacity, require_fit, run_settings, tagged
from gristmill.workspace._settings import step_policies

CAPACITY = {"workers": 3, "cpus": 4, "memory": 10}


class Case(NamedTuple):
    """Steps by number; `ends` are the outcomes of a step's attempts: ok, failed, or to retry."""

    needs: dict[str, list[str]]
    demands: dict[str, dict[str, int]]
    seconds: dict[str, int]
    ends: dict[str, list[str]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    names = [f"s{i}" for i in range(draw(st.integers(1, 12)))]
    needs = {
        n: draw(st.lists(st.sampled_from(names[:i]), unique=True, max_size=3)) if i else []
        for i, n in enumerate(names)
    }
    demands = {
        n: {
            "workers": 1,
            "cpus": draw(st.integers(0, CAPACITY["cpus"])),
            "memory": draw(st.sampled_from([0, 0, 3, 10])),
        }
        for n in names
    }
    seconds = {n: draw(st.integers(1, 5)) for n in names}
    ends = {
        n: ["again"] * draw(st.sampled_from([0, 0, 0, 1, 2]))
        + [draw(st.sampled_from(["ok", "ok", "ok", "failed"]))]
        for n in names
    }
    return Case(needs, demands, seconds, ends)


class Played(NamedTuple):
    began: list[str]
    states: dict[str, State]
    blocked: dict[str, list[str]]
    cancelled: list[str]


def play(case: Case, *, keep_going: bool = True, cancel_after: int | None = None) -> Played:
    """Run the case to its end; the laws that hold at every moment are asserted on the way."""
    schedule = Schedule(case.needs, case.needs, case.demands, CAPACITY, keep_going=keep_going)
    now, began, heap = 0.0, [], []  # type: ignore[var-annotated]
    blocked: dict[str, list[str]] = {}
    cancelled: list[str] = []
    left = {n: list(ends) for n, ends in case.ends.items()}
    ended_ok: set[str] = set()
    while not schedule.finished:
        while (step := schedule.start(now)) is not None:
            assert set(case.needs[step]) <= ended_ok
            assert not cancelled
            began.append(step)
            heapq.heappush(heap, (now + case.seconds[step], step))
            for name, there in CAPACITY.items():
                assert sum(case.demands[s][name] for s in schedule.running) <= there
        if cancel_after is not None and len(began) >= cancel_after and not cancelled:
            cancelled = schedule.cancel() or ["nothing was left"]
            continue
        wake = schedule.wakes
        assert heap or wake is not None, "nothing runs and nothing will"
        if heap and (wake is None or heap[0][0] <= wake):
            now, step = heapq.heappop(heap)
            end = left[step].pop(0)
            if end == "again":
                schedule.retry(step, now + 1)
                continue
            if end == "ok":
                ended_ok.add(step)
            new = schedule.end(step, ok=end == "ok")
            assert not blocked.keys() & new.keys()
            blocked |= new
        else:
            assert wake is not None
            now = wake
    assert not heap
    return Played(began, schedule.states, blocked, cancelled)


def descendants(case: Case, roots: set[str]) -> set[str]:
    reached = set(roots)
    for name, needs in case.needs.items():
        if reached & set(needs):
            reached.add(name)
    return reached - roots


@given(cases())
def test_every_step_ends_in_one_state_and_only_descendants_of_failures_do_not_run(
    case: Case,
) -> None:
    played = play(case)
    failed = {n for n, s in played.states.items() if s is State.FAILED}
    lost = descendants(case, failed)
    assert (
        {n for n, s in played.states.items() if s is State.BLOCKED} == lost == set(played.blocked)
    )
    for name, state in played.states.items():
        times = 0 if name in lost else len(case.ends[name])
        assert played.began.count(name) == times
        if name not in lost:
            expected = State.SUCCEEDED if case.ends[name][-1] == "ok" else State.FAILED
            assert state is expected


@given(cases())
def test_fail_fast_begins_nothing_after_a_failure(case: Case) -> None:
    played = play(case, keep_going=False)
    final = {State.SUCCEEDED, State.FAILED, State.BLOCKED}
    assert set(played.states.values()) <= final
    assert {n for n, s in played.states.items() if s is State.BLOCKED} == set(played.blocked)


@given(cases(), st.integers(0, 12))
def test_cancelling_begins_nothing_more_and_settles_everything(case: Case, after: int) -> None:
    played = play(case, cancel_after=after)
    assert not {State.PENDING, State.RUNNING} & set(played.states.values())
    for name in played.cancelled:
        if name in played.states:
            assert played.states[name] is State.CANCELLED


@given(st.integers(5, 40), st.lists(st.integers(1, 6), min_size=5, max_size=40))
def test_small_steps_do_not_starve_a_big_one(count: int, lengths: list[int]) -> None:
    small = [f"s{i}" for i in range(count)]
    order = ["first", "big", *small]
    demands = {n: {"cpus": 1} for n in order} | {"big": {"cpus": 4}}
    schedule = Schedule(order, dict.fromkeys(order, ()), demands, {"cpus": 4})
    began: list[str] = []
    running: list[tuple[int, str]] = []
    now = 0
    while "big" not in began:
        while (step := schedule.start(now)) is not None:
            running.append((now + lengths[len(began) % len(lengths)], step))
            began.append(step)
        now, step = min(running)
        running.remove((now, step))
        schedule.end(step, ok=True)
    assert began.index("big") <= 1 + OVERTAKES


@given(st.floats(0.01, 100), st.integers(1, 2000), st.floats(0, 1, exclude_max=True))
def test_backoff_doubles_within_bounds(first: float, attempt: int, chance: float) -> None:
    middle = min(first * 2.0 ** min(attempt - 1, 30), 3600)
    assert 0.75 * middle <= backoff(first, attempt, chance) <= 1.25 * middle
    assert backoff(1.0, 3, 0.5) == 4.0


def project_with(root: Path, text: str) -> Project:
    (root / "gristmill.toml").write_text(text)
    return Project.load(root)


def test_settings_become_numbers(tmp_path: Path) -> None:
    project = project_with(
        tmp_path,
        '[steps.fit]\ncpus = 2\nmemory = "1.5GB"\ngpus = 1\nretries = 3\nbackoff = "2s"\n'
        'timeout = "30m"\ncell_timeout = "1.5m"\ntags = ["slow"]\n'
        '[run]\nworkers = 2\ncpus = 8\nmemory = "2GB"\ngpus = 1\n',
    )
    policies = step_policies(project, ["fit", "load"])
    assert policies["fit"] == StepPolicy(2, 1_500_000_000, 1, 3, 2.0, 1800.0, 90.0, ("slow",))
    assert policies["load"] == StepPolicy()
    assert policies["fit"].threads()["OMP_NUM_THREADS"] == "2"
    assert policies["load"].threads() == {}
    there = capacity(run_settings(project), 0)
    assert there == {"workers": 2, "cpus": 8, "memory": 2 * 10**9, "gpus": 1}
    assert capacity(run_settings(project), 16)["cpus"] == 16
    require_fit(policies, policies, there)
    assert tagged(policies, ["slow"]) == ["fit"]
    with pytest.raises(NotFound, match="no step has the tag `quick`"):
        tagged(policies, ["quick"])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[steps.fit]\ncpu = 2", ["[steps.fit]", "`cpu`"]),
        ("[steps.fti]\ncpus = 2", ["[steps]", "`fti`"]),
        ("[steps.fit]\ncpus = -1", ["[steps.fit]", "cpus", "-1"]),
        ('[steps.fit]\nmemory = "4 apples"', ["[steps.fit]", "memory", "4 apples"]),
        ('[steps.fit]\ntimeout = "soon"', ["[steps.fit]", "timeout", "soon"]),
        ('[steps.fit]\ntimeout = "0s"', ["[steps.fit]", "timeout"]),
        ("[steps.fit]\nretries = true", ["[steps.fit]", "retries"]),
        ("[run]\nworker = 2", ["[run]", "`worker`"]),
        ('[run]\nmemory = "4GB"\n[steps.fit]\nmemory = "5GB"', ["fit", "5 GB", "memory"]),
        ("[run]\ncpus = 2\nworkers = 1\n[steps.fit]\ncpus = 3", ["fit", "3 cpus"]),
        ("[run]\ngpus = 0\n[steps.fit]\ngpus = 1", ["fit", "1 gpus"]),
    ],
)
def test_what_is_wrong_in_settings_is_named(tmp_path: Path, text: str, named: list[str]) -> None:
    project = project_with(tmp_path, text)
    with pytest.raises(Invalid) as caught:
        policies = step_policies(project, ["fit"])
        require_fit(policies, ["fit"], capacity(run_settings(project), 0))
    assert [words for words in named if words not in caught.value.message] == []
