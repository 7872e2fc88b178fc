"""Save, load and score the pipelines that the training notebooks fit."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from flightlib.features import CATEGORIES, NUMBERS

PACKAGES = ("mlflow", "pandas", "scikit-learn", "skops")
# skops loads only types it knows and these, so a model file cannot bring code of its own.
TRUSTED = {
    "logistic": ["numpy.dtype"],
    "forest": ["numpy.dtype", "sklearn.tree._tree.Tree"],
    "xgboost": ["numpy.dtype", "xgboost.core.Booster", "xgboost.sklearn.XGBClassifier"],
}


def save(pipeline: Any, kind: str, path: str, example: pd.DataFrame) -> None:
    """Write a fitted pipeline to `path` as an MLflow model, in place of what is there.

    `predict` of the saved model gives an (n, 2) array: the probability of being on time and of
    being late. Any number may be missing in a request, whatever the training data held.
    """
    import mlflow.sklearn
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    inputs = [ColSpec("string", name) for name in CATEGORIES]
    inputs += [ColSpec("double", name, required=False) for name in NUMBERS]
    probability = pipeline.predict_proba(example)
    outputs = [TensorSpec(np.dtype(probability.dtype), (-1, 2))]
    packages = [*PACKAGES, "xgboost-cpu"] if kind == "xgboost" else PACKAGES
    shutil.rmtree(path, ignore_errors=True)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    mlflow.sklearn.save_model(
        pipeline,
        path,
        signature=ModelSignature(Schema(inputs), Schema(outputs)),
        input_example=example,
        pip_requirements=[f"{name}=={version(name)}" for name in packages],
        pyfunc_predict_fn="predict_proba",
        serialization_format="skops",
        skops_trusted_types=TRUSTED[kind],
        metadata={"kind": kind},
    )


def load(path: str) -> Any:
    """The fitted scikit-learn pipeline saved at `path`."""
    import mlflow.sklearn

    return mlflow.sklearn.load_model(path)


def scores(late: pd.Series[bool], probability: Any) -> dict[str, float]:
    """ROC AUC (higher is better), log loss and Brier score (lower is better)."""
    return {
        "roc_auc": float(roc_auc_score(late, probability)),
        "log_loss": float(log_loss(late, probability)),
        "brier": float(brier_score_loss(late, probability)),
    }
