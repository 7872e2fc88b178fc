"""The DAG and the plan, on plain values (rows 5, 6)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.errors import Invalid, NotFound
from gristmill.pipeline import Dag, PathParameter, StepSpec, StepState, build_dag, plan, staleness


def spec(name: str, reads: tuple[str, ...] = (), writes: tuple[str, ...] = ()) -> StepSpec:
    paths = [PathParameter("i", "input", p) for p in reads]
    paths += [PathParameter("o", "output", p) for p in writes]
    return StepSpec(name, f"{name}.ipynb", "python3", "python", 0, 1, tuple(paths), (), "", ())


CHAIN = [spec("c", ("b.csv",), ("c.csv",)), spec("a", (), ("a.csv",)),
         spec("b", ("a.csv",), ("b.csv",))]  # fmt: skip


def test_steps_come_after_what_they_need() -> None:
    dag = build_dag(CHAIN)
    assert list(dag.steps) == ["a", "b", "c"]
    assert dag.ancestors(["c"]) == {"a", "b"}
    assert dag.descendants(["a"]) == {"b", "c"}


def test_reading_inside_an_output_directory_or_around_outputs_joins_steps() -> None:
    dag = build_dag(
        [spec("w", (), ("d/x",)), spec("inside", ("d/x/y.txt",)), spec("around", ("d",))]
    )
    assert dag.needs["inside"] == {"w"}
    assert dag.needs["around"] == {"w"}


def test_two_writers_name_both_notebooks() -> None:
    with pytest.raises(Invalid) as caught:
        build_dag([spec("a", (), ("d",)), spec("b", (), ("d/x",))])
    assert caught.value.code == "dag.two-writers"
    assert {"a.ipynb,", "b.ipynb,"} <= set(caught.value.message.split())


def test_a_cycle_is_drawn() -> None:
    with pytest.raises(Invalid) as caught:
        build_dag([spec("a", ("b",), ("a",)), spec("b", ("a",), ("b",))])
    assert caught.value.code == "dag.cycle"
    assert "b -> a -> b" in caught.value.message


def test_an_unknown_step_lists_the_known() -> None:
    with pytest.raises(NotFound) as caught:
        build_dag(CHAIN).find("z")
    assert "a, b, c" in caught.value.hint
    assert build_dag(CHAIN).find("./b.ipynb") == "b"


def state(dag: Dag, name: str) -> StepState:
    step = dag.steps[name]
    inputs: dict[str, str | None] = dict.fromkeys(step.inputs, "1")
    inputs[f"{name}.py"] = "code"
    return StepState("run", inputs, {"p": 1}, {o.path: "1" for o in step.outputs}, f"{name}.py")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"inputs": {"a.csv": "2", "b.py": "code"}}, "input a.csv changed"),
        ({"inputs": {"a.csv": None, "b.py": "code"}}, "input a.csv is missing"),
        ({"inputs": {"b.py": "code"}}, "input a.csv is no longer read"),
        ({"inputs": {"a.csv": "1", "b.py": "new"}}, "its code changed"),
        ({"params": {"p": True}}, "parameter p: 1 -> True"),
        ({"params": {}}, "parameter p: 1 -> absent"),
        ({"outputs": {"b.csv": None}}, "output b.csv is missing"),
        ({"outputs": {"b.csv": "2"}}, "output b.csv was changed by something else"),
        ({"cmd": "other"}, "its notebook was moved"),
    ],
)
def test_every_change_has_its_reason(change: dict[str, object], reason: str) -> None:
    locked = state(build_dag(CHAIN), "b")
    decision = staleness(replace(locked, **change), locked)  # type: ignore[arg-type]
    assert decision.run
    assert decision.reasons == (reason,)


def test_what_a_step_needs_runs_first() -> None:
    dag = build_dag(CHAIN)
    current = {name: state(dag, name) for name in dag.steps}
    locked = {**current, "a": replace(current["a"], params={"p": 2})}
    chosen = plan(dag, current, locked)
    assert chosen.stale == ("a", "b", "c")
    assert chosen.decisions["b"].why == "a runs first"
    assert plan(dag, current, locked, targets=["b"]).stale == ("a", "b")
    assert plan(dag, current, locked, targets=["c"], only=True).stale == ()
    assert plan(dag, current, current).stale == ()
    assert plan(dag, current, current, force=True).stale == ("a", "b", "c")


@given(st.sets(st.sampled_from(["a", "b", "c"])))
def test_a_plan_is_closed_downwards(changed: set[str]) -> None:
    """Whatever changes, every descendant of a stale step is stale too."""
    dag = build_dag(CHAIN)
    current = {name: state(dag, name) for name in dag.steps}
    locked = {n: replace(s, cmd="old") if n in changed else s for n, s in current.items()}
    stale = set(plan(dag, current, locked).stale)
    assert stale == changed | dag.descendants(changed)
