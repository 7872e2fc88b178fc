"""A real project with two registered versions of a real model, the first of them champion."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gristmill.lineage import Lineage
from gristmill.project import Project
from gristmill.registry import Registry, promote

SETTINGS = """
[project]
name = "toy"
[models.delay]
path = "models/best"
target = "late"
time = "scheduled"
[models.delay.serving]
workers = 2
max_rows = 500
"""


def frame(rows: int, seed: int) -> pd.DataFrame:
    """Columns of every servable kind; `age` has missing values."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "distance": rng.normal(size=rows),
            "hour": rng.integers(0, 24, rows),
            "carrier": rng.choice(["UA", "AA", "B6"], rows),
            "wet": rng.random(rows) < 0.3,
            "age": rng.normal(10, 3, rows),
        }
    )
    table.loc[table.index % 7 == 0, "age"] = np.nan
    return table


def save(path: Path, strength: float) -> None:
    import mlflow.sklearn
    from mlflow.models import infer_signature
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    x = frame(600, seed=1)
    y = x["distance"] + x["wet"] > 0
    numbers = make_pipeline(SimpleImputer(), "passthrough")
    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
            (numbers, ["distance", "hour", "wet", "age"]),
        ),
        LogisticRegression(C=strength, max_iter=1000),
    ).fit(x, y)
    mlflow.sklearn.save_model(
        model,
        str(path),
        signature=infer_signature(x, model.predict_proba(x)),
        input_example=x.head(8),
        pip_requirements=["scikit-learn"],
        skops_trusted_types=["numpy.dtype"],
        pyfunc_predict_fn="predict_proba",
    )


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the settings and an MLflow database, made once: migrating takes seconds."""
    root = tmp_path_factory.mktemp("template")
    (root / "gristmill.toml").write_text(SETTINGS)
    project = Project.load(root)
    registry = Registry(project)
    for number, strength in enumerate((0.01, 10.0), start=1):
        save(root / f"saved{number}", strength)
        registry.register(
            "delay",
            path=root / f"saved{number}",
            metrics={},
            reference=None,
            holdout=None,
            lineage=lineage(number),
            actor="ada",
        )
    champion(project, 1)
    return root


@pytest.fixture
def project(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the template. Its MLflow paths still point at the template's artifacts, which
    only reading needs."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    root = tmp_path / "project"
    shutil.copytree(template, root)
    return Project.load(root)


def lineage(number: int) -> Lineage:
    values: dict[str, Any] = {
        "project": "toy",
        "step": "train",
        "run": f"run-{number}",
        "commit": "c" * 40,
        "dirty": False,
        "branch": "main",
        "remote": None,
    }
    return Lineage(**values)


def champion(project: Project, version: int) -> None:
    promote(project, "delay", version, reason="test", actor="ada", override=True)


def row(**changes: Any) -> dict[str, Any]:
    return {
        "distance": 0.5,
        "hour": 7,
        "carrier": "UA",
        "wet": False,
        "age": 3.5,
        **changes,
    }
