"""Nothing to do, found from file times: never wrong, and quick for edits that change no code."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gristmill.cli import main
from gristmill.freshness import INDEX, tree_digest, unchanged_steps
from gristmill.pipeline import normalise_code
from gristmill.project import Project
from gristmill.runner import RunRequest, plan_run, run
from gristmill.workspace import load_workspace
from tests.conftest import copied, edit_notebook, shell, write_notebook

pytestmark = pytest.mark.slow

Edit = Callable[[Path], object]


@pytest.fixture(scope="module")
def finished(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of two steps, a module and an output directory, all fresh."""
    root = copied(blank, tmp_path_factory.mktemp("index") / "project")
    (root / "raw.csv").write_text("1\n2\n")
    (root / "helper.py").write_text("def double(x):\n    return 2 * x\n")
    write_notebook(
        root / "first.ipynb",
        'from gristmill import Input, Output\nraw: Input = "raw.csv"\nparts: Output = "parts"',
        "import os\nfrom helper import double\nos.mkdir(parts)",
        "for n in range(2):\n    open(f'{parts}/{n}.txt', 'w').write(str(double(n)))",
    )
    write_notebook(
        root / "steps/second.ipynb",
        'from gristmill import Input, Output\nparts: Input = "parts"\n'
        'total: Output = "total.txt"\nplus: int = 1',
        "import os\nn = sum(int(open(f'{parts}/{f}').read()) for f in os.listdir(parts))\n"
        "open(total, 'w').write(str(n + plus))",
    )
    write_notebook(root / "notes.ipynb", "print(1)", step=False)
    run(Project.load(root)).raise_for_status()
    return root


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    return copy_of(finished, tmp_path / "copy")


def copy_of(finished: Path, target: Path) -> Path:
    shutil.copytree(finished, target, symlinks=True)
    run(Project.load(target)).raise_for_status()
    assert unchanged_steps(str(target)) == 2
    return target


def same_size(path: Path, old: str, new: str) -> None:
    """Another content of the same size under the same modification time."""
    before = path.stat()
    path.write_text(path.read_text().replace(old, new))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def cell(path: Path, index: int, change: Callable[[str], str]) -> None:
    edit_notebook(path, lambda n: n.cells[index].update(source=change(n.cells[index].source)))


HARMLESS: dict[str, Edit] = {
    "nothing": lambda root: None,
    "touch": lambda root: os.utime(root / "raw.csv"),
    "markdown": lambda root: cell(root / "first.ipynb", 0, lambda s: s + " more"),
    "comment": lambda root: cell(root / "first.ipynb", 2, lambda s: "# why\n" + s),
    "format": lambda root: cell(root / "first.ipynb", 3, lambda s: s.replace("2)", " 2 )")),
    "two notebooks": lambda root: [
        cell(root / "first.ipynb", 0, lambda s: s + "!"),
        cell(root / "steps/second.ipynb", 2, lambda s: s + "  # sum"),
    ],
    "module's comment": lambda root: (root / "helper.py").write_text(
        "def double(x):\n    return 2 * x  # twice\n"
    ),
    "saved aside and renamed": lambda root: [
        shutil.copy(root / "first.ipynb", root / ".aside"),
        os.replace(root / ".aside", root / "first.ipynb"),
    ],
}
TELLING: dict[str, Edit] = {
    "code": lambda root: cell(root / "first.ipynb", 3, lambda s: s.replace("2)", "3)")),
    "default": lambda root: cell(root / "steps/second.ipynb", 1, lambda s: s.replace("1", "2")),
    "module": lambda root: same_size(root / "helper.py", "2 *", "3 *"),
    "input": lambda root: same_size(root / "raw.csv", "2", "3"),
    "output gone": lambda root: (root / "total.txt").unlink(),
    "output altered": lambda root: same_size(root / "total.txt", "3", "4"),
    "file in output": lambda root: (root / "parts/2.txt").write_text("0"),
    "new step": lambda root: write_notebook(
        root / "steps/third.ipynb", 'from gristmill import Output\nx: Output = "x"', "open(x, 'w')"
    ),
    "note becomes step": lambda root: edit_notebook(
        root / "notes.ipynb", lambda n: n.cells[1].metadata.update(tags=["parameters"])
    ),
    "parameters": lambda root: (root / "params.yaml").write_text("steps-second: {plus: 5}\n"),
    "environment": lambda root: (root / "requirements.txt").write_text("pandas\n"),
    "kernel": lambda root: edit_notebook(
        root / "first.ipynb", lambda n: n.metadata.kernelspec.update(name="other")
    ),
    "lock": lambda root: (root / "dvc.lock").unlink(),
    "index": lambda root: (root / INDEX).write_text("{"),
}


@pytest.mark.parametrize("edit", HARMLESS)
def test_what_changes_no_code_is_answered_at_once(project: Path, edit: str) -> None:
    HARMLESS[edit](project)
    assert unchanged_steps(str(project)) == 2
    assert not plan_run(load_workspace(Project.load(project)), RunRequest()).stale
    assert "up to date" in shell(project, "dvc", "status").stdout
    assert unchanged_steps(str(project)) == 2


@pytest.mark.parametrize("edit", TELLING)
def test_what_may_change_a_result_is_left_to_the_planner(project: Path, edit: str) -> None:
    TELLING[edit](project)
    assert unchanged_steps(str(project)) is None


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(edits=st.lists(st.sampled_from([*HARMLESS, *TELLING]), min_size=1, max_size=4))
def test_never_fresh_when_the_planner_would_run(
    finished: Path, tmp_path_factory: pytest.TempPathFactory, edits: list[str]
) -> None:
    root = copy_of(finished, tmp_path_factory.mktemp("law") / "project")
    for edit in edits:
        try:
            {**HARMLESS, **TELLING}[edit](root)
        except FileNotFoundError:  # an earlier edit removed it
            continue
        if unchanged_steps(str(root)) is not None:
            assert not plan_run(load_workspace(Project.load(root)), RunRequest()).stale


def test_a_run_that_goes_on_is_waited_for(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import fcntl

    with open(project / ".gristmill/lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert unchanged_steps(str(project)) is None
    assert main(["-C", str(project / "steps"), "run"]) == 0
    assert capfd.readouterr().out.startswith("nothing to do: 2 steps are fresh")


NAMES = st.sampled_from(["a", "b", "f"])
LINES = st.lists(
    st.one_of(
        st.builds("{} = {}".format, NAMES, st.integers(-9, 9)),
        st.builds("{} = f'{{{}}}'  # {}".format, NAMES, NAMES, NAMES),
        st.builds("%time {}".format, NAMES),
        st.builds("for {} in {}:\n    pass".format, NAMES, NAMES),
        st.just("# words"),
        st.just(""),
    ),
    max_size=4,
).map("\n".join)


@given(one=LINES, other=LINES)
def test_equal_digests_mean_equal_normalised_source(one: str, other: str) -> None:
    if tree_digest(one) == tree_digest(other):
        assert normalise_code(one) == normalise_code(other)


def test_json_of_the_index_survives_names_of_any_script(tmp_path: Path) -> None:
    from gristmill.freshness import to_json

    value = {'a "b" é \u2028': [1, -2, "ü\n"], "x": {}}
    assert json.loads(to_json(value)) == value
