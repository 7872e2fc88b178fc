"""What a saved model would run when it is loaded; decided from its files, without loading them.

Formats that hold numbers and names only are safe: skops, XGBoost's and LightGBM's own, ONNX.
Everything else (pickle and its relatives, models that are code, unknown flavours) runs code.
"""

from __future__ import annotations

import importlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gristmill.errors import Forbidden, Invalid

PICKLED = {".pkl", ".pickle", ".joblib", ".cloudpickle", ".dill", ".pth", ".pt", ".ckpt"}
LIBRARIES = {"catboost", "lightgbm", "numpy", "pandas", "scipy", "sklearn", "xgboost"}
XGBOOST = {"", ".json", ".ubj", ".xgb", ".model"}
PROTOCOLS = range(2, 6)


def declared(directory: Path) -> Mapping[str, Any]:
    """What the model's MLmodel file says. Raises Invalid when it cannot be read."""
    import yaml

    path = directory / "MLmodel"
    try:
        mlmodel = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Invalid("model.mlmodel", f"{path} cannot be read: {error}") from error
    if not isinstance(mlmodel, dict):
        raise Invalid("model.mlmodel", f"{path} is not a YAML mapping.")
    return mlmodel


def code_in(directory: Path) -> tuple[str, ...]:
    """What runs code when the model is loaded, a phrase each; empty when nothing does."""
    flavors = declared(directory).get("flavors") or {}
    function = flavors.get("python_function") or {}
    reasons = [
        f"{path.relative_to(directory).as_posix()} is a pickle"
        for path in sorted(directory.rglob("*"))
        if path.is_file() and is_pickle(path)
    ]
    if function.get("code"):
        reasons.append(f"it contains code of its own ({function['code']}/)")
    if function.get("model_code_path"):
        reasons.append(f"it is code ({function['model_code_path']})")
    loader = function.get("loader_module")
    check = LOADERS.get(str(loader))
    if check is None:
        reasons.append(f"{loader or 'its loader'} is not known to be safe")
    else:
        reasons += check(flavors, directory)
    return tuple(dict.fromkeys(reasons))


def require_safe(directory: Path, name: str, *, allowed: bool) -> None:
    """Raises Forbidden when loading would run code and the settings do not allow it."""
    reasons = () if allowed else code_in(directory)
    if reasons:
        raise Forbidden(
            "model.code",
            f"{name} would run code when it is loaded: {'; '.join(reasons)}. Nothing was loaded.",
            hint="Save it as skops or in the library's own format, or set `allow_code = true` "
            "in the model's table if you trust whoever signs it.",
        )


def is_pickle(path: Path) -> bool:
    """Whether the file is a pickle by its name or its first bytes, or an archive that holds one."""
    if path.suffix.lower() in PICKLED:
        return True
    with path.open("rb") as file:
        head = file.read(2)
    if len(head) == 2 and head[0] == 0x80 and head[1] in PROTOCOLS:
        return True
    if head == b"PK" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return any(Path(n).suffix.lower() in PICKLED for n in archive.namelist())
    return False


def _sklearn(flavors: Mapping[str, Any], directory: Path) -> list[str]:
    flavor = flavors.get("sklearn") or {}
    form = flavor.get("serialization_format", "pickle")
    if form != "skops":
        return [f"it is serialized as {form}"]
    data = (flavors.get("python_function") or {}).get("model_path", "")
    if not zipfile.is_zipfile(directory / str(data)):
        return [f"{data} is not a skops file"]
    strange = [t for t in flavor.get("skops_trusted_types") or () if not _is_class(str(t))]
    return [f"it asks skops to trust {t}" for t in strange]


def _is_class(name: str) -> bool:
    """Whether the name is that of a class in a library known not to run what it is given.

    MLflow hands skops the list that the model itself brings: functions in it would be called.
    """
    module, _, last = name.rpartition(".")
    if name.partition(".")[0] not in LIBRARIES or not module:
        return False
    try:
        return isinstance(getattr(importlib.import_module(module), last, None), type)
    except ImportError:
        return False


def _xgboost(flavors: Mapping[str, Any], _: Path) -> list[str]:
    flavor = flavors.get("xgboost") or {}
    made = str(flavor.get("model_class", "xgboost.core.Booster"))
    if not made.startswith("xgboost.") or not _is_class(made):
        return [f"it would make a {made}"]
    data = str(flavor.get("data", ""))
    return [] if Path(data).suffix in XGBOOST else [f"{data} is not XGBoost's own format"]


def _lightgbm(flavors: Mapping[str, Any], _: Path) -> list[str]:
    flavor = flavors.get("lightgbm") or {}
    if flavor.get("model_class") == "lightgbm.basic.Booster":
        return []
    return ["LightGBM's scikit-learn models are pickled"]


def _onnx(_: Mapping[str, Any], __: Path) -> list[str]:
    return []


LOADERS = {
    "mlflow.sklearn": _sklearn,
    "mlflow.xgboost": _xgboost,
    "mlflow.lightgbm": _lightgbm,
    "mlflow.onnx": _onnx,
}
