"""Whether a saved model is of a known format; decided from its files, without loading them.

Known are models of scikit-learn in skops, of XGBoost and LightGBM in their own formats, and ONNX,
whose `MLmodel` says nothing but what MLflow writes for them. Everything else may run code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gristmill.documents import read_yaml
from gristmill.errors import Forbidden, Invalid
from gristmill.registry._loading.digest import require_plain
from gristmill.registry._loading.pickles import is_pickle
from gristmill.registry._loading.skops_schema import VOUCHED, unknown_in

SAVE_AGAIN = "Save the model again with MLflow's `save_model`."
KEYS = {
    "artifact_path",
    "flavors",
    "is_signature_from_type_hint",
    "metadata",
    "mlflow_version",
    "model_id",
    "model_size_bytes",
    "model_uuid",
    "prompts",
    "run_id",
    "saved_input_example_info",
    "signature",
    "type_hint_from_example",
    "utc_time_created",
}
FUNCTION = {"data", "env", "loader_module", "model_path", "predict_fn", "python_version"}
FLAVORS = {
    "sklearn": {"pickled_model", "serialization_format", "skops_trusted_types", "sklearn_version"},
    "xgboost": {"data", "model_class", "model_format", "xgb_version"},
    "lightgbm": {
        "data",
        "lgb_version",
        "model_class",
        "serialization_format",
        "skops_trusted_types",
    },
    "onnx": {"data", "onnx_session_options", "onnx_version", "providers"},
}
PREDICTS = {
    "sklearn": {"predict", "predict_joint_log_proba", "predict_log_proba", "predict_proba"},
}
ENVIRONMENTS = {"conda.yaml", "python_env.yaml"}
XGBOOST = {"", ".json", ".ubj", ".xgb", ".model"}
XGBOOST_CLASSES = {"xgboost.core.Booster"} | {
    f"xgboost.sklearn.XGB{kind}"
    for kind in ("Classifier", "Ranker", "Regressor", "RFClassifier", "RFRegressor")
}
ONNX_OPTIONS = {
    "execution_mode",
    "graph_optimization_level",
    "inter_op_num_threads",
    "intra_op_num_threads",
}
ONNX_PROVIDERS = {"CPUExecutionProvider", "CUDAExecutionProvider"}
INCLUDES = re.compile(r"-r|-c|--r|--c|-.*\\")


def declared(directory: Path) -> Mapping[str, Any]:
    """What the model's MLmodel file says. Raises Invalid when it cannot be read."""
    path = directory / "MLmodel"
    try:
        mlmodel = read_yaml(path, str(path), code="model.mlmodel", hint=SAVE_AGAIN)
    except FileNotFoundError as error:
        raise Invalid("model.mlmodel", f"{path} does not exist.", hint=SAVE_AGAIN) from error
    if not isinstance(mlmodel, dict):
        raise Invalid("model.mlmodel", f"{path} is not a YAML mapping.", hint=SAVE_AGAIN)
    return mlmodel


def code_in(directory: Path) -> tuple[str, ...]:
    """Why loading the model may run code, a phrase each; empty when it is of a known format.

    Raises Invalid for a link or special file inside, or an MLmodel file that cannot be read.
    """
    require_plain(directory)
    mlmodel = declared(directory)
    reasons = [
        f"{path.relative_to(directory).as_posix()} is a pickle"
        for path in sorted(directory.rglob("*"))
        if path.is_file() and is_pickle(path)
    ]
    return tuple(dict.fromkeys([*reasons, *_unknown(mlmodel, directory)]))


def known_flavor(directory: Path) -> str:
    """The flavor that loads the model, of a directory in which `code_in` found nothing."""
    loader: str = declared(directory)["flavors"]["python_function"]["loader_module"]
    return loader.removeprefix("mlflow.")


def require_safe(directory: Path, name: str, *, allowed: bool) -> None:
    """Raises Forbidden when loading may run code and the settings do not allow it."""
    reasons = () if allowed else code_in(directory)
    if reasons:
        raise Forbidden(
            "model.code",
            f"{name} may run code when it is loaded: {'; '.join(reasons)}. Nothing was loaded.",
            hint="Save it as skops or in the library's own format, or set `allow_code = true` "
            "in the model's table if you trust whoever signs it.",
        )


def _unknown(mlmodel: Mapping[str, Any], directory: Path) -> Iterator[str]:
    """What the MLmodel file says that MLflow does not write for a model of a known format."""
    yield from (f"MLmodel has an unknown key {k!r}" for k in mlmodel if k not in KEYS)
    if mlmodel.get("prompts"):
        yield "MLmodel names prompts"
    flavors = mlmodel.get("flavors")
    function = flavors.get("python_function") if isinstance(flavors, dict) else None
    if not isinstance(flavors, dict) or not isinstance(function, dict):
        yield "MLmodel has no python_function"
        return
    if function.get("code"):
        yield f"it contains code of its own ({function['code']}/)"
    if function.get("model_code_path"):
        yield f"it is code ({function['model_code_path']})"
    loader = str(function.get("loader_module"))
    name = loader.removeprefix("mlflow.")
    flavor = flavors.get(name)
    if loader != f"mlflow.{name}" or name not in FLAVORS or not isinstance(flavor, dict):
        yield f"{loader} is not known to be safe"
        return
    yield from (
        f"MLmodel has an unknown flavor {other!r}"
        for other in flavors
        if other not in ("python_function", name)
    )
    yield from _unknown_keys("python_function", function, FUNCTION)
    yield from _unknown_keys(name, flavor, FLAVORS[name])
    yield from _environment(function, directory)
    predict = function.get("predict_fn", "predict")
    if not isinstance(predict, str) or predict not in PREDICTS.get(name, {"predict"}):
        yield f"it would be called by {predict!r}"
    yield from CHECKS[name](function, flavor, directory)


def _unknown_keys(name: str, table: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    for key, value in table.items():
        if key not in known and not (key in ("code", "streamable") and not value):
            yield f"its {name} has an unknown key {key!r}"


def _environment(function: Mapping[str, Any], directory: Path) -> Iterator[str]:
    """MLflow reads the requirements when it loads a model, and the files that they include."""
    environment = function.get("env")
    names = environment.values() if isinstance(environment, dict) else [environment]
    if not all(n is None or (isinstance(n, str) and n in ENVIRONMENTS) for n in names):
        yield "its environment is not described by files of its own"
    for name in ("requirements.txt", "constraints.txt"):
        path = directory / name
        if path.exists() and (not path.is_file() or _includes(path)):
            yield f"{name} refers to other files"


def _includes(path: Path) -> bool:
    """Whether a file of requirements includes others than the constraints beside it."""
    lines = (line.strip() for line in path.read_bytes().decode(errors="replace").splitlines())
    own = "-c constraints.txt" if path.name == "requirements.txt" else None
    return any(INCLUDES.match(line) for line in lines if line != own)


def _file(value: object, directory: Path) -> str | None:
    """Why `value` is no file of the model's own, in the folder itself; None when it is."""
    if not isinstance(value, str) or not value or Path(value).name != value or "\0" in value:
        return f"{value!r} is not a file in the model's folder"
    if not (directory / value).is_file():
        return f"{value} is not a file in the model's folder"
    return None


def _data(
    function: Mapping[str, Any], flavor: Mapping[str, Any], directory: Path
) -> tuple[str, list[str]]:
    """The one file that both flavors name, and why it is not."""
    problem = _file(flavor.get("data"), directory)
    if not problem and (function.get("data") != flavor["data"] or "model_path" in function):
        problem = f"{flavor['data']} is not what its python_function loads"
    return str(flavor.get("data")), [problem] if problem else []


def _sklearn(
    function: Mapping[str, Any], flavor: Mapping[str, Any], directory: Path
) -> Iterator[str]:
    form = flavor.get("serialization_format", "pickle")
    if form != "skops":
        yield f"it is serialized as {form}"
        return
    path = function.get("model_path")
    if problem := _file(path, directory):
        yield problem
        return
    if flavor.get("pickled_model") != path or "data" in function:
        yield f"{path} is not what its python_function loads"
    trusted = flavor.get("skops_trusted_types")
    if not isinstance(trusted, list | None):
        yield f"it asks skops to trust {trusted!r}"
    else:
        yield from (
            f"it asks skops to trust {t}"
            for t in trusted or ()
            if not isinstance(t, str) or t not in VOUCHED
        )
    yield from unknown_in(directory / str(path))


def _xgboost(
    function: Mapping[str, Any], flavor: Mapping[str, Any], directory: Path
) -> Iterator[str]:
    made = flavor.get("model_class", "xgboost.core.Booster")
    if not isinstance(made, str) or made not in XGBOOST_CLASSES:
        yield f"it would make a {made}"
    data, problems = _data(function, flavor, directory)
    yield from problems
    if Path(data).suffix not in XGBOOST:
        yield f"{data} is not XGBoost's own format"


def _lightgbm(
    function: Mapping[str, Any], flavor: Mapping[str, Any], directory: Path
) -> Iterator[str]:
    if flavor.get("model_class") != "lightgbm.basic.Booster":
        yield "LightGBM's scikit-learn models are pickled"
    yield from _data(function, flavor, directory)[1]


def _onnx(function: Mapping[str, Any], flavor: Mapping[str, Any], directory: Path) -> Iterator[str]:
    """Tensors may lie in other files, which an entry `location` names."""
    providers = flavor.get("providers")
    named = providers if isinstance(providers, list) else [providers]
    if not all(p is None or (isinstance(p, str) and p in ONNX_PROVIDERS) for p in named):
        yield f"it wants the providers {providers!r}"
    options = flavor.get("onnx_session_options") or {}
    if not isinstance(options, dict) or options.keys() - ONNX_OPTIONS:
        yield "it sets other options of ONNX Runtime than threads, mode and optimization"
    data, problems = _data(function, flavor, directory)
    yield from problems
    if not problems and b"location" in (directory / data).read_bytes():
        yield f"{data} may refer to other files"


CHECKS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], Path], Iterator[str]]] = {
    "sklearn": _sklearn,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "onnx": _onnx,
}
