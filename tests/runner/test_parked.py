"""The registry of parked kernels, on processes that stand for kernels."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gristmill.errors import Conflict, NotFound
from gristmill.pipeline import CodeCell
from gristmill.processes import start_time
from gristmill.runner import ParkedKernel, ParkedKernels, end_orphans
from gristmill.runner._kernels.parked import MAX_PARKED, digests
from gristmill.runner._lock import note_kernel

Make = Callable[[str], ParkedKernel]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Parks a process for a step."""
    processes = []

    def park(step: str) -> ParkedKernel:
        process = subprocess.Popen(["sleep", "60"])
        processes.append(process)
        connection = str(ParkedKernels(tmp_path).connections / "none.json")
        kernel = ParkedKernel(
            step, "run", f"{step}.ipynb", connection, process.pid,
            start_time(process.pid), float(len(processes)), 3, "x.ipynb", (), {}, {}, {}, {},
            None, "failed", {},
        )  # fmt: skip
        ParkedKernels(tmp_path).keep(kernel)
        return kernel

    yield park
    for process in processes:
        process.kill()
        process.wait()


def test_the_next_run_spares_parked_kernels_unless_a_run_was_going_on_in_one(
    tmp_path: Path, make: Make
) -> None:
    waits, resuming = make("waits"), make("resuming")
    ParkedKernels(tmp_path).resume(resuming, "killed-run")
    for kernel in (waits, resuming):
        note_kernel(tmp_path / "runs/killed-run", kernel.step, kernel.pid)
    assert end_orphans(tmp_path / "runs") == 1
    assert waits.alive
    assert not resuming.alive
    assert [k.step for k in ParkedKernels(tmp_path).all()] == ["waits"]


def test_one_kernel_a_step_and_a_bound_on_all(tmp_path: Path, make: Make) -> None:
    first, second = make("a"), make("a")
    assert not first.alive
    others = [make(f"step-{i}") for i in range(MAX_PARKED)]
    assert not second.alive
    assert [k.alive for k in others] == [True] * MAX_PARKED
    registry = ParkedKernels(tmp_path)
    with pytest.raises(Conflict) as several:
        registry.find()
    assert "step-1" in several.value.message
    with pytest.raises(NotFound) as none:
        registry.find("a")
    assert none.value.code == "kernel.not-parked"
    for kernel in others[1:]:
        registry.end(kernel)
    assert registry.find() == others[0]


def test_a_reused_process_id_is_nobodys_kernel(tmp_path: Path, make: Make) -> None:
    kernel = make("a")
    stale = replace(kernel, started=kernel.started - 5)
    registry = ParkedKernels(tmp_path)
    registry.keep(stale)
    assert registry.all() == []
    assert kernel.alive


def test_a_broken_record_is_dropped(tmp_path: Path, make: Make) -> None:
    path = ParkedKernels(tmp_path).path(make("a"))
    path.write_text('{"step": "a"')
    assert ParkedKernels(tmp_path).all() == []
    assert not path.exists()


def test_layout_and_comments_do_not_change_a_cell_but_tags_that_mean_something_do() -> None:
    def one(source: str, *tags: str) -> tuple[str, ...]:
        return digests([CodeCell(0, source, frozenset(tags))])

    assert one("x=1 # why") == one("x = 1", "slow")
    assert one("x = 1") != one("x = 2")
    assert one("x = 1") != one("x = 1", "skip-execution")
