"""One trained, registered and promoted project for the session; each test gets its own copy."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gristmill.project import Project

from .world import FEATURES, MODEL, Traffic, commit, flights, make_project


@dataclass
class World:
    root: Path
    traffic: Traffic
    model: Any

    @property
    def project(self) -> Project:
        return Project.load(self.root)

    def answers(self, frame: pd.DataFrame) -> np.ndarray[Any, Any]:
        """What version 1 says."""
        return np.asarray(self.model.predict(frame[FEATURES]))[:, 1]

    def month(self, number: int, **more: Any) -> pd.DataFrame:
        """Send a month of real flights to the log; returns them."""
        table = flights()
        rows = table[table.scheduled.dt.month == number]
        self.traffic.send(rows, version=1, prediction=self.answers(rows), **more)
        return rows

    def settings(self, text: str) -> None:
        with (self.root / "gristmill.toml").open("a") as file:
            file.write(text)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The project trained on January to March by a real run, its champion loaded."""
    from gristmill.registry import Registry, gate, promote, register
    from gristmill.runner import run

    root = tmp_path_factory.mktemp("trained") / "project"
    make_project(root)
    project = Project.load(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        run(project).raise_for_status()
        commit(root)
        version = register(project, MODEL)
        assert gate(project, MODEL, version.version).passed
        promote(project, MODEL, version.version, reason="the first")
    registry = Registry(project)
    registry.evidence(version, "reference.parquet")
    registry.evidence(version, "holdout.parquet")
    return root, registry.load(version)


@pytest.fixture
def world(trained: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    source, model = trained
    root = tmp_path / "project"
    shutil.copytree(source, root, symlinks=True)
    monkeypatch.chdir(root)
    return World(root, Traffic(root), model)
