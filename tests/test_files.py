"""Files are old or new, never half; what a killed writer leaves goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gristmill.files import (
    remove_directory,
    remove_leftovers,
    replacing,
    scratch_directory,
    write_atomic,
)

WRITER = """
import sys
from pathlib import Path
from gristmill.files import replacing, scratch_directory
with replacing(Path("x")) as aside, scratch_directory(Path(), "work") as folder:
    aside.write_text("half")
    (folder / "part").touch()
    print("writing", flush=True)
    sys.stdin.read()
"""


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "x"
    write_atomic(target, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomic(target, "\ud800")
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["x"]


def test_what_a_killed_writer_leaves_is_swept_and_what_a_living_one_writes_stays(
    tmp_path: Path,
) -> None:
    (tmp_path / ".note.tmp").touch()
    with subprocess.Popen(
        [sys.executable, "-c", WRITER],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        remove_leftovers([tmp_path])
        (aside,) = tmp_path.glob(".x.*")
        (folder,) = tmp_path.glob(".work.*")
        assert folder.stat().st_mode & 0o777 == 0o700
        process.send_signal(signal.SIGKILL)
    assert aside.exists() and folder.exists()
    with scratch_directory(tmp_path, "work") as mine:
        assert not folder.exists() and not aside.exists()
        assert list(mine.iterdir()) == []
    with replacing(tmp_path / "y") as mine:
        mine.touch()
        remove_leftovers([tmp_path])
    assert sorted(os.listdir(tmp_path)) == [".note.tmp", "y"]


def test_a_directory_is_put_in_place_and_removed_as_a_whole(tmp_path: Path) -> None:
    with replacing(tmp_path / "made") as aside:
        (aside / "below").mkdir(parents=True)
        assert not (tmp_path / "made").exists()
    assert (tmp_path / "made/below").is_dir()
    remove_directory(tmp_path / "made")
    assert list(tmp_path.iterdir()) == []
