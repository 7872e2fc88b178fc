"""A model loads without `allow_code` only when every part of it is of a known format."""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn import ensemble, linear_model, preprocessing
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from xgboost import DMatrix, XGBClassifier, XGBRegressor, train

from gristmill.errors import GristmillError
from gristmill.registry._loading.formats import code_in
from gristmill.registry._loading.loading import SWITCH, load_own

ROWS = np.random.default_rng(1).normal(size=(60, 3))
FRAME = pd.DataFrame(ROWS, columns=["a", "b", "c"])
TRUTH = (ROWS[:, 0] + ROWS[:, 1] > 0).astype(int)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ordinary model of each flavor, as MLflow writes it."""
    import mlflow.sklearn
    import mlflow.xgboost

    root = tmp_path_factory.mktemp("saved")
    model = make_pipeline(preprocessing.StandardScaler(), linear_model.LogisticRegression())
    mlflow.sklearn.save_model(
        model.fit(FRAME, TRUTH),
        root / "sklearn",
        input_example=FRAME.head(2),
        pip_requirements=["scikit-learn"],
    )
    booster = XGBClassifier(n_estimators=2).fit(FRAME, TRUTH)
    mlflow.xgboost.save_model(booster, root / "xgboost", pip_requirements=["xgboost-cpu"])
    return root


@contextmanager
def mlmodel(directory: Path) -> Iterator[Any]:
    """What its MLmodel file says, to be changed."""
    content = yaml.safe_load((directory / "MLmodel").read_text())
    yield content
    (directory / "MLmodel").write_text(yaml.safe_dump(content))


@contextmanager
def schema(directory: Path, name: str = "model.skops") -> Iterator[Any]:
    """The schema of its skops file, to be changed."""
    with zipfile.ZipFile(directory / name) as archive:
        members = {n: archive.read(n) for n in archive.namelist()}
    content = json.loads(members["schema.json"])
    yield content
    members["schema.json"] = json.dumps(content).encode()
    with zipfile.ZipFile(directory / name, "w") as archive:
        for member, text in members.items():
            archive.writestr(member, text)


class Bomb:
    def __init__(self, outside: Path) -> None:
        self.marker = outside / "exploded"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.marker,))


def constant(value: Any) -> dict[str, Any]:
    """A skops node of a JSON value."""
    return {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "JsonNode",
        "content": json.dumps(value),
    }


def node(loader: str, module: str, name: str, **rest: Any) -> dict[str, Any]:
    return {"__loader__": loader, "__module__": module, "__class__": name, **rest}


def call(module: str, name: str, *arguments: Any) -> dict[str, Any]:
    """A skops node that calls a type with arguments."""
    content = node("TupleNode", "builtins", "tuple", content=[constant(a) for a in arguments])
    return node("ConstructorFromReduceNode", module, name, content=content)


def trusting(directory: Path, made: dict[str, Any], *names: str) -> None:
    with schema(directory) as content:
        content["content"]["content"]["verbose"] = made
    with mlmodel(directory) as declared:
        declared["flavors"]["sklearn"]["skops_trusted_types"] = list(names)


def pickle_in_a_subfolder(model: Path, outside: Path) -> None:
    (model / "inner").mkdir()
    (model / "inner/weights").write_bytes(pickle.dumps(Bomb(outside), protocol=0))
    with mlmodel(model) as declared:
        declared["flavors"]["python_function"]["data"] = "inner/weights"


def pickle_beside(model: Path, outside: Path) -> None:
    (model / "notes.txt").write_bytes(pickle.dumps(Bomb(outside), protocol=0))


def broken_off_pickle(model: Path, outside: Path) -> None:
    (model / "notes.txt").write_bytes(pickle.dumps(Bomb(outside), protocol=1)[:-1] + b"\xff")


def memmap(model: Path, outside: Path) -> None:
    made = call("numpy", "memmap", str(outside / "kept"), "uint8", "w+", 0, [1])
    trusting(model, made, "numpy.memmap")


def memmap_of_an_array(model: Path, outside: Path) -> None:
    with schema(model) as content:
        steps = content["content"]["content"]
        name = json.dumps(steps)
        first = next(part for part in name.split('"') if part.endswith(".npy"))
        steps["verbose"] = node("NdArrayNode", "numpy", "memmap", type="numpy", file=first)
    with mlmodel(model) as declared:
        declared["flavors"]["sklearn"]["skops_trusted_types"] = ["numpy.memmap"]


def pandas_expression(model: Path, outside: Path) -> None:
    name = "pandas.core.computation.expr"
    text = f"@importlib.import_module('pathlib').Path({str(outside / 'exploded')!r}).touch()"
    trusting(model, call(name, "Expr", text, "python", "pandas", None, 1), f"{name}.Expr")


def pandas_file(model: Path, outside: Path) -> None:
    name = "pandas.io.pytables"
    made = call(name, "HDFStore", str(outside / "exploded"), "w")
    trusting(model, made, f"{name}.HDFStore")


def numpy_file(model: Path, outside: Path) -> None:
    name = "numpy.lib._datasource"
    made = call(name, "Repository", str(outside), str(outside / "made"))
    trusting(model, made, f"{name}.Repository")


def operator_function(model: Path, outside: Path) -> None:
    attributes = node("TupleNode", "builtins", "tuple", content=[constant("x")])
    trusting(model, node("OperatorFuncNode", "operator", "methodcaller", attrs=attributes))


def method(model: Path, outside: Path) -> None:
    owner = node("ObjectNode", "sklearn.dummy", "DummyClassifier")
    made = node("MethodNode", "sklearn.dummy", "DummyClassifier")
    trusting(model, {**made, "content": {"func": "fit", "obj": owner}})


def old_protocol(model: Path, outside: Path) -> None:
    with schema(model) as content:
        content["protocol"] = 0


def absolute_skops(model: Path, outside: Path) -> None:
    shutil.move(model / "model.skops", outside / "model.skops")
    with mlmodel(model) as declared:
        path = str(outside / "model.skops")
        declared["flavors"]["python_function"]["model_path"] = path
        declared["flavors"]["sklearn"]["pickled_model"] = path


def relative_skops(model: Path, outside: Path) -> None:
    shutil.move(model / "model.skops", outside / "model.skops")
    with mlmodel(model) as declared:
        path = f"../{outside.name}/model.skops"
        declared["flavors"]["python_function"]["model_path"] = path
        declared["flavors"]["sklearn"]["pickled_model"] = path


def two_files(model: Path, outside: Path) -> None:
    (model / "inner").mkdir()
    shutil.copy(model / "model.skops", model / "inner/model.skops")
    shutil.copy(model / "MLmodel", model / "inner/MLmodel")
    with mlmodel(model) as declared:
        declared["flavors"]["python_function"]["data"] = "inner"


def unknown_key(model: Path, outside: Path) -> None:
    with mlmodel(model) as declared:
        declared["flavors"]["python_function"]["model_config"] = {"a": 1}


def code_of_the_flavor(model: Path, outside: Path) -> None:
    with mlmodel(model) as declared:
        declared["flavors"]["sklearn"]["code"] = "code"


def other_method(model: Path, outside: Path) -> None:
    with mlmodel(model) as declared:
        declared["flavors"]["python_function"]["predict_fn"] = "get_raw_model"


def other_requirements(model: Path, outside: Path) -> None:
    (outside / "kept.txt").write_text("scikit-learn\n")
    (model / "requirements.txt").write_text(f"scikit-learn\v-r {outside}/kept.txt\n")


def yaml_aliases(model: Path, outside: Path) -> None:
    lines = ["metadata:", "  a0: &a0 [1, 1]"]
    lines += [f"  a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40)]
    with (model / "MLmodel").open("a") as file:
        file.write("\n".join(lines) + "\n")


def pipe(model: Path, outside: Path) -> None:
    os.mkfifo(model / "pipe")


def link(model: Path, outside: Path) -> None:
    (model / "linked").symlink_to(outside)


SKLEARN: list[Callable[[Path, Path], None]] = [
    pickle_in_a_subfolder,
    pickle_beside,
    broken_off_pickle,
    memmap,
    memmap_of_an_array,
    pandas_expression,
    pandas_file,
    numpy_file,
    operator_function,
    method,
    old_protocol,
    absolute_skops,
    relative_skops,
    two_files,
    unknown_key,
    code_of_the_flavor,
    other_method,
    other_requirements,
    yaml_aliases,
    pipe,
    link,
]


def absolute_booster(model: Path, outside: Path) -> None:
    shutil.move(model / "model.ubj", outside / "model.ubj")
    with mlmodel(model) as declared:
        path = str(outside / "model.ubj")
        declared["flavors"]["python_function"]["data"] = path
        declared["flavors"]["xgboost"]["data"] = path


def data_of_another_folder(model: Path, outside: Path) -> None:
    (model / "inner").mkdir()
    shutil.copy(model / "model.ubj", model / "inner/model.ubj")
    shutil.copy(model / "MLmodel", model / "inner/MLmodel")
    with mlmodel(model) as declared:
        declared["flavors"]["python_function"]["data"] = "inner/model.ubj"


def other_class(model: Path, outside: Path) -> None:
    with mlmodel(model) as declared:
        declared["flavors"]["xgboost"]["model_class"] = "xgboost.collective.CommunicatorContext"


XGBOOST: list[Callable[[Path, Path], None]] = [
    absolute_booster,
    data_of_another_folder,
    other_class,
]


@pytest.mark.parametrize(
    ("flavor", "attack"),
    [("sklearn", a) for a in SKLEARN] + [("xgboost", a) for a in XGBOOST],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_is_not_known_is_refused_and_nothing_outside_changes(
    flavor: str,
    attack: Callable[[Path, Path], None],
    saved: Path,
    tmp_path: Path,
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("as it was")
    model = tmp_path / "model"
    shutil.copytree(saved / flavor, model)
    attack(model, outside)
    before = {p: p.read_bytes() for p in outside.iterdir()}
    with pytest.raises(GristmillError) as error:
        load_own(model, allow_code=False)
    assert error.value.code in {"model.code", "model.link", "model.mlmodel", "file.aliases"}
    assert {p: p.read_bytes() for p in outside.iterdir()} == before


def columns(model: Any) -> Any:
    """A pipeline over numbers and categories."""
    encoder = preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    numbers = make_pipeline(SimpleImputer(), preprocessing.StandardScaler())
    return make_pipeline(
        ColumnTransformer([("numbers", numbers, ["a", "b"]), ("categories", encoder, ["c"])]),
        model,
    )


MODELS = [
    linear_model.LinearRegression(),
    linear_model.LogisticRegressionCV(Cs=2, cv=2, l1_ratios=(0,), use_legacy_attributes=False),
    linear_model.PoissonRegressor(),
    linear_model.Ridge(),
    linear_model.SGDClassifier(),
    DecisionTreeClassifier(),
    ensemble.AdaBoostClassifier(n_estimators=2),
    ensemble.BaggingClassifier(n_estimators=2),
    ensemble.ExtraTreesRegressor(n_estimators=2),
    ensemble.GradientBoostingClassifier(n_estimators=2),
    ensemble.HistGradientBoostingClassifier(max_iter=2),
    ensemble.HistGradientBoostingRegressor(max_iter=2, random_state=np.random.RandomState(1)),
    ensemble.IsolationForest(n_estimators=2),
    ensemble.RandomForestClassifier(n_estimators=2),
    ensemble.StackingClassifier([("a", GaussianNB()), ("b", DecisionTreeClassifier())]),
    KNeighborsClassifier(),
    MLPClassifier(max_iter=5),
    SVC(probability=False),
    XGBClassifier(n_estimators=2),
    XGBRegressor(n_estimators=2),
    GridSearchCV(linear_model.LogisticRegression(), {"C": [1, 2]}, scoring="roc_auc"),
    make_pipeline(
        preprocessing.FunctionTransformer(np.exp),
        preprocessing.SplineTransformer(),
        SelectKBest(k=3),
        PCA(2),
        linear_model.LogisticRegression(),
    ),
]


@pytest.mark.parametrize("model", [*MODELS, *map(columns, MODELS[:-1])], ids=lambda m: str(m)[:40])
@pytest.mark.filterwarnings("ignore")
def test_ordinary_models_of_scikit_learn_load(model: Any, saved: Path, tmp_path: Path) -> None:
    import skops.io

    model.fit(FRAME, TRUTH)
    directory = tmp_path / "model"
    shutil.copytree(saved / "sklearn", directory)
    skops.io.dump(model, directory / "model.skops")
    with mlmodel(directory) as declared:
        trusted = skops.io.get_untrusted_types(file=directory / "model.skops")
        declared["flavors"]["sklearn"]["skops_trusted_types"] = trusted
    assert code_in(directory) == ()
    loaded = load_own(directory, allow_code=False)
    assert np.array_equal(loaded.predict(FRAME), model.predict(FRAME))


@pytest.mark.parametrize("form", ["json", "ubj"])
@pytest.mark.parametrize("kind", [XGBClassifier, XGBRegressor, None])
def test_ordinary_models_of_xgboost_load(kind: Any, form: str, tmp_path: Path) -> None:
    import mlflow.xgboost

    matrix = DMatrix(FRAME, TRUTH)
    model = kind(n_estimators=2).fit(FRAME, TRUTH) if kind else train({}, matrix, 2)
    directory = tmp_path / "model"
    mlflow.xgboost.save_model(model, directory, model_format=form, pip_requirements=["xgboost"])
    loaded = load_own(directory, allow_code=False)
    expected = model.predict(FRAME if kind else matrix)
    assert np.array_equal(loaded.predict(FRAME), expected)


@pytest.mark.parametrize("value", ["false", None])
def test_mlflows_switch_is_as_it_was_after_a_load(
    value: str | None, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.pyfunc

    monkeypatch.delenv(SWITCH, raising=False)
    if value:
        monkeypatch.setenv(SWITCH, value)
    seen = []
    real = mlflow.pyfunc.load_model
    monkeypatch.setattr(
        mlflow.pyfunc, "load_model", lambda path: seen.append(os.environ[SWITCH]) or real(path)
    )
    load_own(saved / "sklearn", allow_code=False)
    load_own(saved / "xgboost", allow_code=False)
    assert seen == ["true", "false"]
    assert os.environ.get(SWITCH) == value


class Watch:
    """What the process opens below a directory, or starts, while it is on."""

    def __init__(self) -> None:
        self.below: str | None = None
        self.seen: list[str] = []
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.below is None:
            return
        if event in {"os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork"} or (
            event in {"open", "os.remove", "os.rename", "os.mkdir", "os.truncate", "os.listdir"}
            and str(arguments[0]).startswith(self.below)
        ):
            self.seen.append(f"{event} {arguments}")

    @contextmanager
    def on(self, below: Path) -> Iterator[None]:
        self.below, self.seen = str(below), []
        try:
            yield
        finally:
            self.below = None


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


def paths_of(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield here
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths_of(part, (*here, key))


def changed(chance: random.Random, value: Any, keys: list[str], values: list[Any]) -> None:
    """One place of a tree gets another value, goes, or gets another key beside it."""
    places = [place for place in paths_of(value) if place]
    if not places:
        return
    *way, last = chance.choice(places)
    for key in way:
        value = value[key]
    act = chance.choice(["put", "put", "drop", "add"])
    if act == "add" and isinstance(value, dict):
        last = chance.choice(keys)
    if act == "drop":
        del value[last]
    else:
        value[last] = deepcopy(chance.choice(values))


def tried(watch: Watch, model: Path, outside: Path) -> None:
    before = {p: p.read_bytes() for p in outside.iterdir()}
    with watch.on(outside), suppress(GristmillError):
        load_own(model, allow_code=False)
    assert watch.seen == []
    assert {p: p.read_bytes() for p in outside.iterdir()} == before


KEYS = ["data", "model_path", "code", "model_code_path", "loader_module", "model_config", "env"]
KEYS += ["pickled_model", "serialization_format", "skops_trusted_types", "model_class"]
KEYS += ["predict_fn", "python_model"]
FUZZ = pytest.mark.parametrize("seed", range(3))  # each tries 50 changes, the same each time


@contextmanager
def fresh(saved: Path, flavor: str) -> Iterator[tuple[Path, Path]]:
    """A copy of a model that contains pickles too, and a directory outside with the same."""
    with tempfile.TemporaryDirectory() as root:
        model, outside = Path(root, "model"), Path(root, "outside")
        shutil.copytree(saved / flavor, model)
        shutil.copytree(saved / flavor, outside)
        (outside / "weights").write_bytes(pickle.dumps(Bomb(outside), protocol=0))
        yield model, outside


@FUZZ
def test_no_change_of_the_mlmodel_file_reaches_outside(
    seed: int, saved: Path, watch: Watch
) -> None:
    chance = random.Random(seed)
    for _ in range(50):
        with fresh(saved, chance.choice(["sklearn", "xgboost"])) as (model, outside):
            inside = chance.choice(["", "weights", "inner/weights"])
            if inside:
                (model / inside).parent.mkdir(exist_ok=True)
                shutil.copy(outside / "weights", model / inside)
            values: list[Any] = [None, True, 7, "", ".", "..", "code", "inner", "weights", [], {}]
            values += [f"{outside}/{n}" for n in ("weights", "model.skops", "model.ubj", "MLmodel")]
            values += ["../outside/weights", "inner/weights", "pickle", "cloudpickle", "skops"]
            values += ["mlflow.sklearn", "mlflow.xgboost", "mlflow.pyfunc.model", "os"]
            values += [["os.system"], {"code": "inner"}]
            with mlmodel(model) as declared:
                for _ in range(chance.randint(1, 3)):
                    changed(chance, declared, KEYS, values)
            tried(watch, model, outside)


@FUZZ
def test_no_change_of_a_skops_schema_reaches_outside(seed: int, saved: Path, watch: Watch) -> None:
    chance = random.Random(seed)
    words = "memmap save fromfile system Popen Pipeline ndarray str numpy os subprocess pandas "
    words += "builtins operator sklearn.pipeline ConstructorFromReduceNode MethodNode PartialNode "
    words += "OperatorFuncNode FunctionNode TypeNode ObjectNode CachedNode DictNode JsonNode"
    for _ in range(50):
        with fresh(saved, "sklearn") as (model, outside):
            path = str(outside / "kept")
            values: list[Any] = [None, 1, [], {}, path, *words.split()]
            values += 30 * [call("numpy", "memmap", path)]  # so that some are where skops looks
            with schema(model) as content:
                for _ in range(chance.randint(1, 3)):
                    keys = ["__class__", "__module__", "__loader__", "file"]
                    changed(chance, content, keys, values)
            with mlmodel(model) as declared:
                declared["flavors"]["sklearn"]["skops_trusted_types"] = ["numpy.memmap"]
            tried(watch, model, outside)


@FUZZ
def test_no_change_of_bytes_reaches_outside(seed: int, saved: Path, watch: Watch) -> None:
    chance = random.Random(seed)
    for _ in range(50):
        with fresh(saved, "sklearn") as (model, outside):
            path = model / chance.choice(["MLmodel", "model.skops", "requirements.txt"])
            content = bytearray(path.read_bytes())
            place = chance.randrange(len(content))
            content[place : place + chance.randint(0, 8)] = chance.randbytes(chance.randint(0, 16))
            path.write_bytes(content)
            tried(watch, model, outside)


def test_a_missing_module_of_a_model_with_code_is_named(saved: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(saved / "sklearn", model)
    (model / "model.pkl").write_bytes(b"cabsent_module\nModel\n.")
    with mlmodel(model) as declared:
        declared["flavors"]["python_function"]["model_path"] = "model.pkl"
        declared["flavors"]["sklearn"] |= {
            "pickled_model": "model.pkl",
            "serialization_format": "pickle",
        }
    with pytest.raises(GristmillError) as error:
        load_own(model, allow_code=True)
    assert error.value.code == "model.module"
    assert "absent_module" in error.value.message


def test_a_model_that_opens_the_files_that_requests_name_is_refused(tmp_path: Path) -> None:
    import mlflow.sklearn
    from sklearn.feature_extraction.text import TfidfVectorizer

    (tmp_path / "secret").write_text("one word and another")
    for source, text in (("content", "one word and another"), ("filename", tmp_path / "secret")):
        model = make_pipeline(TfidfVectorizer(input=source), linear_model.LogisticRegression())
        model.fit([str(text)] * 4, [0, 1, 0, 1])
        mlflow.sklearn.save_model(model, tmp_path / source, pip_requirements=["scikit-learn"])
    assert code_in(tmp_path / "content") == ()
    assert len(code_in(tmp_path / "filename")) == 1
