"""A project with two runs of a real step, made in seconds."""

from __future__ import annotations

from pathlib import Path

import nbformat

SETTINGS = """
[project]
name = "toy"
notebooks = ["train.ipynb"]
[models.delay]
owner = "ops@example.org"
purpose = "Say how likely a flight is to be late."
path = "models/best"
metrics = "metrics.json"
reference = "data/reference.parquet"
holdout = "data/holdout.parquet"
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
kind = "calibration"
limit = 0.08
"""
PARAMETERS = """
from gristmill import Input, Metrics, Output

best: Output = "models/best"
reference: Output = "data/reference.parquet"
holdout: Output = "data/holdout.parquet"
metrics: Metrics = "metrics.json"
columns: str = "a"
"""
TRAIN = """
import json, shutil
from pathlib import Path
import mlflow.sklearn, numpy as np, pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

def draw(rows, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 3))
    chance = 1 / (1 + np.exp(-(1.5 * x[:, 0] + x[:, 1] - 0.5)))
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    frame["scheduled"] = pd.date_range("2026-01-01", periods=rows, freq="min")
    return frame.assign(late=rng.random(rows) < chance)

train, test = draw(2000, 1), draw(2500, 2)
x = train[["a", "b", "c"]]
model = make_pipeline(
    ColumnTransformer([("keep", "passthrough", list(columns))]), LogisticRegression()
).fit(x, train["late"])
Path("data").mkdir(exist_ok=True)
train.head(500).to_parquet(reference)
test.to_parquet(holdout)
area = roc_auc_score(test["late"], model.predict_proba(test[["a", "b", "c"]])[:, 1])
Path(metrics).write_text(json.dumps({"roc_auc": float(area)}))
shutil.rmtree(best, ignore_errors=True)
mlflow.sklearn.save_model(
    model, best, signature=infer_signature(x, model.predict_proba(x)), input_example=x.head(2),
    pip_requirements=["scikit-learn"], pyfunc_predict_fn="predict_proba",
)
"""


def notebook(path: Path, *cells: str) -> None:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    made.metadata.kernelspec = {"name": "python3", "display_name": "p", "language": "python"}
    nbformat.write(made, path)


def trained(root: Path, values: tuple[str, ...] = ("a", "ab")) -> Path:
    """A project at `root` whose step ran for each of `values`: the columns its model may use."""
    from gristmill import Project, RunRequest, run

    root.mkdir()
    (root / "gristmill.toml").write_text(SETTINGS)
    notebook(root / "train.ipynb", PARAMETERS, TRAIN)
    made = nbformat.read(root / "train.ipynb", as_version=4)
    made.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(made, root / "train.ipynb")
    project = Project.load(root)
    for columns in values:
        (root / "params.yaml").write_text(f"train:\n  columns: {columns}\n")
        assert run(project, RunRequest()).status == "succeeded"
    return root
