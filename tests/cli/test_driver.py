"""A forked command is the command: output, exit code, signals, directory, environment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gristmill.errors import Unavailable
from gristmill.warm._client import servers as warm_servers
from tests.conftest import copied, shell, write_notebook
from tests.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project, and a fork server for the command line in a folder of this test's own."""
    folder = tmp_path_factory.mktemp("r")
    folder.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_RUNTIME_DIR", str(folder))
        patch.delenv("GRISTMILL_DRIVER", raising=False)
        root = copied(blank, tmp_path_factory.mktemp("driver") / "a project")
        write_notebook(
            root / "slow.ipynb",
            'from gristmill import Output\nout: Output = "out.txt"\nhang: bool = False',
            "import signal\nopen('begun', 'w').close()\nif hang:\n    signal.pause()\n"
            "open(out, 'w').close()",
        )
        subprocess.run([sys.executable, "-m", "gristmill.cli._driver"], check=True, cwd=root)
        yield root
        warm_servers.stop_servers(kill=True)


def forks() -> int:
    return sum(s["forks"] for s in warm_servers.servers() if s["project"] == "the command line")


def test_output_and_exit_code_are_those_of_the_command(
    served: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = (
        ["gristmill", "status"],
        ["gristmill", "status", "--json"],
        ["gristmill", "status", "nobody"],
        ["gristmill", "-C", "nowhere", "status"],
        ["gristmill", "run", "--workers", "x"],
    )
    before = forks()
    forked = [shell(served, *arguments, check=False) for arguments in commands]
    assert forks() == before + len(commands)
    monkeypatch.setenv("GRISTMILL_DRIVER", "0")
    for arguments, one in zip(commands, forked, strict=True):
        other = shell(served, *arguments, check=False)
        assert (one.returncode, one.stdout, one.stderr) == (
            other.returncode,
            other.stdout,
            other.stderr,
        )


def test_an_output_that_does_not_fit_is_said(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for driver in ("1", "0"):
        monkeypatch.setenv("GRISTMILL_DRIVER", driver)
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                ["gristmill", "status"],
                cwd=served,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == Unavailable.exit_code
        assert "could not be written: No space left on device. [disk.full]" in done.stderr
        assert "[disk.full]" in done.stderr and "Traceback" not in done.stderr


def test_ctrl_c_and_a_kill_reach_the_command(served: Path) -> None:
    for number, code in ((signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)):
        (served / "begun").unlink(missing_ok=True)
        command = ["gristmill", "run", "-p", "slow.hang=true"]
        with subprocess.Popen(
            command, cwd=served, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            eventually((served / "begun").exists)
            process.send_signal(number)
            assert process.wait(timeout=60) == code
        done = shell(served, "gristmill", "run", "-p", "slow.hang=false")
        assert "1 ran" in done.stdout or "nothing to do" in done.stdout or "restored" in done.stdout
        assert not list((served / ".gristmill/runs").glob("*/*.kernel"))


def test_it_works_where_it_was_started_and_with_its_environment(served: Path) -> None:
    (served / "sub").mkdir(exist_ok=True)
    assert "nothing to do" in shell(served / "sub", "gristmill", "status").stdout
    store = served / "elsewhere.db"
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{store}"}
    subprocess.run(["gristmill", "run", "--force"], cwd=served, env=environment, check=True)
    assert store.exists()


def test_a_server_that_is_gone_is_no_loss(served: Path) -> None:
    warm_servers.stop_servers(kill=True)
    wrong = served / "wrong.ipynb"
    write_notebook(wrong, "", "print(undefined)")
    alone = shell(served, "gristmill", "lint", check=False)
    assert (alone.returncode, "undefined" in alone.stdout) == (1, True)
    wrong.unlink()
    eventually(warm_servers.servers)
    assert forks() == 0
    assert "nothing to do" in shell(served, "gristmill", "status").stdout
    assert forks() == 1
