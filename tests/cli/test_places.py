"""A command wherever it is asked, in a directory that is gone or closed too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gristmill.cli import main
from gristmill.errors import NotFound, Unavailable

COMMAND = """
import os, sys
from gristmill.cli import main
os.rmdir(os.getcwd())
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("words", [["status"], ["run"], ["init"]])
def test_a_directory_that_is_gone_is_an_error(tmp_path: Path, words: list[str]) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *words],
        cwd=gone,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == NotFound.exit_code, done.stderr
    assert "directory.not-found" in done.stderr and "Traceback" not in done.stderr


def test_a_project_that_may_not_be_written_is_an_error(
    project_root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path, *_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr("gristmill.runner._lock.hold_lock", closed)
    assert main(["-C", str(project_root), "sync"]) == Unavailable.exit_code
    assert "disk.closed" in capsys.readouterr().err
