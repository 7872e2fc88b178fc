"""A real project with an MLflow store on SQLite and small sklearn models."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gristmill.errors import GristmillError
from gristmill.lineage import Lineage
from gristmill.project import Project
from gristmill.registry._ledger.postgres import PostgresStore
from gristmill.registry._ledger.sqlite import SqliteStore

from ..postgres import Server, server

SETTINGS = """
[project]
name = "toy"
[models.delay]
path = "models/best"
metrics = "metrics.json"
reference = "reference.parquet"
holdout = "holdout.parquet"
target = "late"
time = "scheduled"
[[models.delay.gates]]
kind = "minimum"
metric = "roc_auc"
value = 0.6
[[models.delay.gates]]
kind = "better"
metric = "roc_auc"
[[models.delay.gates]]
kind = "lineage"
[models.delay.serving]
port = 3300
"""


def frame(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3))
    chance = 1 / (1 + np.exp(-(1.5 * x[:, 0] + x[:, 1] - 0.5)))
    return pd.DataFrame(
        {
            "a": x[:, 0],
            "b": x[:, 1],
            "c": x[:, 2],
            "scheduled": pd.date_range("2026-01-01", periods=rows, freq="min"),
            "late": rng.random(rows) < chance,
        }
    )


def lineage(step: str = "train", **changes: Any) -> Lineage:
    values: dict[str, Any] = {
        "project": "toy",
        "step": step,
        "run": "run-1",
        "commit": "c" * 40,
        "dirty": False,
        "branch": "main",
        "remote": None,
        "inputs": {"data.csv": "1" * 32},
        "outputs": {"models/best": "2" * 32 + ".dir"},
        "params": {"depth": 3},
        "source": "s" * 64,
        "environment": "e" * 64,
        "notebook": "train.ipynb",
        "author": "ada@example.org",
    }
    return Lineage(**{**values, **changes})


def save(path: Path, features: list[str], rows: int = 2000) -> None:
    """Train on `features` only (others are ignored by the model) and save it as MLflow does."""
    import mlflow.sklearn
    from mlflow.models import infer_signature
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    data = frame(rows, seed=1)
    x, y = data[["a", "b", "c"]], data["late"]
    model = make_pipeline(
        ColumnTransformer([("keep", "passthrough", features)]), LogisticRegression()
    ).fit(x, y)
    shutil.rmtree(path, ignore_errors=True)
    mlflow.sklearn.save_model(
        model,
        str(path),
        signature=infer_signature(x, model.predict_proba(x)),
        input_example=x.head(2),
        pip_requirements=["scikit-learn"],
        pyfunc_predict_fn="predict_proba",
    )


@pytest.fixture(autouse=True)
def own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No fork server of an earlier command takes ours: what it prints would pass by `capsys`."""
    monkeypatch.setenv("GRISTMILL_DRIVER", "0")


@contextmanager
def fails_with(code: str) -> Iterator[None]:
    """The block raises an error of this code."""
    with pytest.raises(GristmillError) as error:
        yield
    assert error.value.code == code


@dataclass(frozen=True)
class Models:
    """Directories of saved models: `weak` knows one feature, `strong` two, `noise` none of use."""

    weak: Path
    strong: Path
    noise: Path


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    root = tmp_path_factory.mktemp("models")
    for name, features in {"weak": ["a"], "strong": ["a", "b"], "noise": ["c"]}.items():
        save(root / name, features)
    return Models(root / "weak", root / "strong", root / "noise")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("GRISTMILL_KEYS", str(tmp_path / "keys"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "gristmill.toml").write_text(SETTINGS)
    (tmp_path / "metrics.json").write_text('{"roc_auc": 0.8, "slices": {"aa": 0.7}}')
    frame(500, seed=2).to_parquet(tmp_path / "reference.parquet")
    frame(3000, seed=3).to_parquet(tmp_path / "holdout.parquet")
    return Project.load(tmp_path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    with server() as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def ledger_url(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The address of an empty ledger, one of each kind; the environment names it."""
    if request.param == "sqlite":
        url = "sqlite:///.gristmill/ledger.db"
    else:
        url = request.getfixturevalue("postgres").database()
    monkeypatch.setenv("GRISTMILL_LEDGER_URL", url)
    monkeypatch.setenv("GRISTMILL_KEYS", str(tmp_path / "keys"))
    return url


def store_at(url: str, root: Path) -> SqliteStore | PostgresStore:
    return PostgresStore(url) if url.startswith("post") else SqliteStore(root / "ledger.db")


def put(project: Project, source: Path) -> None:
    """Lay a saved model where the project's settings expect it."""
    target = project.root / "models" / "best"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


@pytest.fixture
def two(project: Project, models: Models) -> Project:
    """Version 1, champion, and a stronger version 2, judged; the promotion's reason is nasty."""
    from gristmill.registry import gate, promote, register

    for source, params in ((models.weak, {"depth": 3}), (models.strong, {"depth": 5})):
        put(project, source)
        register(project, "delay", lineage=lineage(params=params))
    gate(project, "delay", 1)
    promote(project, "delay", 1, reason="<script>alert(1)</script> | first")
    gate(project, "delay", 2)
    return project
