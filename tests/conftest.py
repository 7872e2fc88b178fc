"""Real projects to test on: notebooks on disk, git, DVC, kernels."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gristmill.runner import skip_grammar_import

skip_grammar_import()

import nbformat  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from gristmill.warm import stop_servers  # noqa: E402

# how fast the machine makes examples is no property of the code
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

LEDGER_URL = "GRISTMILL_LEDGER_URL"
# Tools are found beside the interpreter, by fixtures of any scope.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
ROOT = Path(__file__).parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """Projects that tests make are trusted. Fork servers are of these tests alone, for all workers.
    (Paths of sockets have to be short.)"""
    if not hasattr(config, "workerinput"):
        made = {tempfile.gettempdir(), config.option.basetemp or ""}
        os.environ["GRISTMILL_TRUST"] = os.pathsep.join([str(ROOT), *map(str, made)])
        os.environ["GRISTMILL_RUNTIME_DIR"] = tempfile.mkdtemp(prefix="gm-")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        stop_servers(kill=True)
        shutil.rmtree(os.environ["GRISTMILL_RUNTIME_DIR"], ignore_errors=True)


# What is in a folder, or asks for a fixture, is marked; the rest says so itself.
FOLDERS = {"browser": "browser", "journeys": "slow"}
FIXTURES = {"postgres": "postgres", "trained": "slow", "strangers": "slow"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        parts = item.path.relative_to(ROOT / "tests").parts
        names = {FOLDERS[part] for part in parts if part in FOLDERS}
        names |= {FIXTURES[name] for name in getattr(item, "fixturenames", ()) if name in FIXTURES}
        for name in sorted(names):
            item.add_marker(name)


@pytest.fixture(autouse=True)
def own_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the caller's shell reaches a test, and no directory that an earlier test went
    to."""
    monkeypatch.chdir(ROOT)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", LEDGER_URL):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")


def write_notebook(path: Path, *cells: str, step: bool = True, kernel: str = "python3") -> None:
    """A notebook whose first code cell is the parameters cell (unless not `step`)."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata.kernelspec = {"name": kernel, "display_name": kernel, "language": "python"}
    notebook.cells.append(nbformat.v4.new_markdown_cell(f"# {path.stem}"))
    for index, source in enumerate(cells):
        cell = nbformat.v4.new_code_cell(source)
        if index == 0 and step:
            cell.metadata["tags"] = ["parameters"]
        notebook.cells.append(cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def edit_notebook(path: Path, change: Callable[[nbformat.NotebookNode], None]) -> None:
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)


def shell(root: Path, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command as a user would, in `root`."""
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=240, check=False
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{command} failed:\n{done.stdout}\n{done.stderr}")
    return done


def commit(root: Path) -> None:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    shell(root, "git", "add", "-A")
    shell(root, "git", *identity, "commit", "-qm", "work", "--allow-empty")


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project just begun, to be copied: git, DVC and `gristmill init` take a second together."""
    root = tmp_path_factory.mktemp("blank") / "a project"
    root.mkdir()
    shell(root, "git", "init", "-q", ".")
    shell(root, "git", "config", "user.name", "Ada")
    shell(root, "git", "config", "user.email", "ada@example.org")
    shell(root, "gristmill", "init")
    return root


def copied(template: Path, root: Path) -> Path:
    """A copy of a project at `root`, for one test or module to change."""
    return Path(shutil.copytree(template, root, symlinks=True))


@pytest.fixture
def project_root(blank: Path, tmp_path: Path) -> Path:
    """An empty project in a git repository."""
    return copied(blank, tmp_path / "a project")


@pytest.fixture
def strangers_project(strangers: Path, tmp_path: Path) -> Path:
    """A copy of `strangers`."""
    return copied(strangers, tmp_path / "a project")


@pytest.fixture(scope="session")
def strangers(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Notebooks by somebody else: spaces, subfolders, no inputs, two outputs, an output directory,
    2 MB printed by one cell, a local module two steps import, a notebook that is no step."""
    root = copied(blank, tmp_path_factory.mktemp("strangers") / "a project")
    (root / "helper.py").write_text("def double(x):\n    return 2 * x\n")
    write_notebook(
        root / "make data.ipynb",
        "from gristmill import Output\n"
        'numbers: Output = "data/numbers.csv"\nfolder: Output = "data/parts"\nn: int = 10',
        "from pathlib import Path\nfrom helper import double\n"
        "Path(folder).mkdir()\n"
        'for i in range(3):\n    Path(folder, f"{i}.txt").write_text(str(i))\n'
        'Path(numbers).write_text("\\n".join(str(double(i)) for i in range(n)))',
    )
    write_notebook(
        root / "sub/deep er/Big Output.ipynb",
        'from gristmill import Input, Output\nsrc: Input = "data/numbers.csv"\n'
        'out: Output = "out/big.txt"',
        'print("x" * 2_000_000)',
        'open(out, "w").write(open(src).read())',
    )
    write_notebook(
        root / "sub/sum.ipynb",
        'from gristmill import Input, Metrics\nsrc: Input = "data/parts"\n'
        'scores: Metrics = "out/sum.json"\nscale: float = 1',
        "import json, os\nfrom helper import double\n"
        'total = sum(int(open(f"{src}/{f}").read()) for f in os.listdir(src))\n'
        'json.dump({"total": double(total) * scale}, open(scores, "w"))',
    )
    write_notebook(root / "notes.ipynb", "print(1)", step=False)
    commit(root)
    return root
