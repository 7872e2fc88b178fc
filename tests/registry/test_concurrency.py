"""Many processes at once: exactly one wins, the others are told, nothing is lost."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gristmill.errors import Conflict
from gristmill.project import Project
from gristmill.registry import Registry, audit, promote, register
from gristmill.registry._versions.mlflow import aliases

from .conftest import SETTINGS, Models, lineage, put

pytestmark = pytest.mark.slow

MANY = 16
PRELOAD = "tests.registry.preload"
NAMES = ("GRISTMILL_KEYS", "GRISTMILL_LEDGER_URL")


def begin(barrier: Any, environment: dict[str, str]) -> None:
    """The fork server outlives a test, so its environment is that of an earlier one."""
    assert PRELOAD in sys.modules, "each process would import MLflow for itself"
    os.environ.update(environment)
    barrier.wait()


def at_once(
    processes: int, function: Any, arguments: Iterable[tuple[Any, ...]], **named: Any
) -> list[Any]:
    """Results or exceptions of one call a process; all processes start together."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOAD])
    barrier = context.Barrier(processes)
    with ProcessPoolExecutor(
        processes,
        mp_context=context,
        initializer=begin,
        initargs=(barrier, {k: os.environ.get(k, "") for k in NAMES}),
    ) as pool:
        futures = [pool.submit(function, *a, **named) for a in arguments]
        return [f.exception(timeout=200) or f.result() for f in futures]


def make_versions(project: Project, models: Models, count: int) -> None:
    for number in range(count):
        put(project, models.weak)
        register(project, "delay", lineage=lineage(f"step-{number}"))


def kinds(results: list[Any]) -> Mapping[str, int]:
    names = [type(r).__name__ for r in results]
    return {n: names.count(n) for n in set(names)}


@pytest.mark.usefixtures("ledger_url")
def test_sixteen_promotions_at_once_have_one_winner(project: Project, models: Models) -> None:
    make_versions(project, models, MANY)
    promote(project, "delay", 1, reason="first", override=True)
    calls = [(project, "delay", n) for n in range(1, MANY + 1)]
    results = at_once(MANY, promote, calls, reason="race", override=True, alias="hot", expected=0)
    assert kinds(results) == {"AliasMove": 1, "Conflict": MANY - 1}, results
    (winner,) = [r for r in results if not isinstance(r, Conflict)]
    registry = Registry(project)
    assert aliases(registry.client, "delay") == {"champion": 1, "hot": winner.version}
    assert audit(project).problems == ()


@pytest.mark.usefixtures("ledger_url")
def test_sixteen_promotions_of_one_version_are_one_move(project: Project, models: Models) -> None:
    make_versions(project, models, 1)
    results = at_once(MANY, promote, [(project, "delay", 1)] * MANY, reason="race", override=True)
    assert kinds(results) == {"AliasMove": MANY}, results
    assert [r.changed for r in results].count(True) == 1
    moves = Registry(project).ledger.entries("delay", "promote")
    assert len(moves) == 1


@pytest.mark.usefixtures("ledger_url")
def test_eight_processes_register_in_a_fresh_project(
    tmp_path: Path, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "gristmill.toml").write_text(
        SETTINGS.replace('reference = "reference.parquet"', "").replace(
            'holdout = "holdout.parquet"', ""
        )
    )
    (tmp_path / "metrics.json").write_text("{}")
    shutil.copytree(models.weak, tmp_path / "models" / "best")
    project = Project.load(tmp_path)
    calls = [(project, "delay")] * 8
    results = at_once(8, register, calls, lineage=lineage(), actor="ada")
    assert kinds(results) == {"Version": 8}, results
    numbers = sorted({r.version for r in results})
    assert numbers == list(range(1, len(numbers) + 1))
    assert [v.version for v in Registry(project).versions("delay")] == numbers
    assert audit(project).problems == ()
