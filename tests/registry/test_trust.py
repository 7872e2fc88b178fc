"""A stranger's ledger: its models are not loaded, its contract is not imported."""

from __future__ import annotations

from pathlib import Path

import mlflow.pyfunc
import pytest

from gristmill.project import Project
from gristmill.registry import Registry, compare, register
from gristmill.workspace_trust import trust

from .conftest import Models, fails_with, lineage, put


def test_a_model_is_loaded_once_its_project_is_trusted(
    project: Project, models: Models, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for source, depth in ((models.weak, 1), (models.strong, 2)):
        put(project, source)
        register(project, "delay", lineage=lineage(params={"depth": depth}))
    registry = Registry(project)
    version = registry.version("delay", 1)
    loaded: list[str] = []
    load_model = mlflow.pyfunc.load_model
    monkeypatch.setattr(
        mlflow.pyfunc, "load_model", lambda path: loaded.append(path) or load_model(path)
    )
    monkeypatch.delenv("GRISTMILL_TRUST")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with fails_with("project.untrusted"):
        registry.load(version)
    with fails_with("project.untrusted"):
        compare(project, "delay", [1, 2])
    assert loaded == []
    trust(project.root)
    assert registry.load(version) is not None
    assert len(loaded) == 1
