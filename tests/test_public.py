"""The faces: public names and the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gristmill
from gristmill.cli._commands import COMMANDS, run_command
from gristmill.errors import GristmillError, Invalid
from tests.conftest import shell, write_notebook


def test_every_public_name_exists_and_is_sorted() -> None:
    names = [n for n in gristmill.__all__ if n != "__version__"]
    assert names[4:] == sorted(names[4:])
    for name in gristmill.__all__:
        assert getattr(gristmill, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gristmill.nothing  # noqa: B018


@pytest.mark.parametrize("word", COMMANDS)
def test_every_command_has_help(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command([word, "--help"])
    assert ended.value.code == 0
    assert f"gristmill {word}" in capsys.readouterr().out


def test_planning_imports_nothing_heavy(strangers_project: Path) -> None:
    code = (
        "import sys; from gristmill.cli import main; main(['status']);"
        "print(sorted({'mlflow', 'papermill', 'dvc', 'pandas', 'nbformat', 'IPython'} "
        "& set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=strangers_project, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_errors_survive_pickling_and_carry_exit_code_and_status() -> None:
    import pickle

    def all_of(cls: type[GristmillError]) -> list[type[GristmillError]]:
        return [cls, *(c for sub in cls.__subclasses__() for c in all_of(sub))]

    for cls in all_of(GristmillError):
        assert 400 <= cls.status <= 599
        assert 1 <= cls.exit_code <= 130
    again = pickle.loads(pickle.dumps(Invalid("a.b", "what", hint="do")))
    assert again.record() == {"code": "a.b", "message": "what", "hint": "do"}


def test_a_notebook_opened_in_a_subfolder_works_at_the_root(project_root: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    root = project_root
    (root / "helper.py").write_text("answer = 42\n")
    write_notebook(
        root / "sub/x.ipynb",
        "from gristmill import Output",
        "from pathlib import Path\nimport helper\nprint(helper.answer, Path.cwd().name)",
    )
    notebook = nbformat.read(root / "sub/x.ipynb", as_version=4)
    NotebookClient(notebook, resources={"metadata": {"path": str(root / "sub")}}).execute()
    assert f"working directory is now {root}" in notebook.cells[1].outputs[0].text
    assert notebook.cells[2].outputs[0].text == "42 a project\n"


def test_a_ledger_that_is_none_is_an_error_and_no_traceback(project_root: Path) -> None:
    (project_root / ".gristmill").mkdir(exist_ok=True)
    (project_root / ".gristmill/ledger.db").write_text(
        "not a database, but long enough to look\n" * 9
    )
    done = shell(project_root, "gristmill", "model", "list", check=False)
    assert done.returncode == 7
    assert "ledger.unreadable" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = shell(tmp_path, "gristmill", "-C", "nowhere", "status", check=False)
    assert done.returncode == 3
    assert "nowhere" in done.stderr
