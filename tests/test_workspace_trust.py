"""A project that its user has not trusted: it is read, and nothing else."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import gristmill
from gristmill.authoring import lint
from gristmill.dashboards import mail_dashboard, serve_dashboard
from gristmill.errors import Conflict, Forbidden, GristmillError
from gristmill.lineage import DvcRepo
from gristmill.project import Project
from gristmill.registry import Contract, Registry
from gristmill.tracking import mlflow_client
from gristmill.workspace_trust import is_trusted, revoke_trust, trust, trusted_folders
from tests.conftest import commit, shell, write_notebook

MAKE = 'from gristmill import Output\no: Output = "made.txt"'


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the user's trust is recorded. Nothing is trusted."""
    monkeypatch.delenv("GRISTMILL_TRUST")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config/gristmill/trusted.json"


@pytest.fixture
def stranger(project_root: Path, record: Path) -> Project:
    """A project with a step and a model, not trusted."""
    write_notebook(project_root / "make.ipynb", MAKE, 'open(o, "w").write("ran")')
    (project_root / "ours.py").write_text(f'open({str(project_root / "imported")!r}, "w")')
    (project_root / "rows.csv").write_text("a\n1\n")
    with (project_root / "gristmill.toml").open("a") as file:
        file.write('[models.m]\npath = "m"\ncontract = "ours:schema"\n')
    commit(project_root)
    return Project.load(project_root)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        yield server


def asked(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except TimeoutError:
        return False
    return True


def code_of(act: Callable[[], Any]) -> str:
    with pytest.raises(GristmillError) as refused:
        act()
    return refused.value.code


ACTS: dict[str, Callable[[Project], Any]] = {
    "run": gristmill.run,
    "smoke": lambda p: gristmill.run(p, gristmill.RunRequest(smoke=True)),
    "resume": gristmill.resume,
    "open": gristmill.open_kernel,
    "close": gristmill.close_kernel,
    "sync": gristmill.sync,
    "sweep": lambda p: gristmill.sweep(p, "s"),
    "serve": lambda p: gristmill.serve(p, "m"),
    "score": lambda p: gristmill.score(p, "m", p.root / "rows.csv", p.root / "out.csv"),
    "reproduce": lambda p: gristmill.reproduce(p, "m", 1),
    "register": lambda p: gristmill.register(p, "m"),
    "gate": lambda p: gristmill.gate(p, "m", 1),
    "promote": lambda p: gristmill.promote(p, "m", 1, reason="r"),
    "rollback": lambda p: gristmill.rollback(p, "m", reason="r"),
    "request": lambda p: gristmill.request_approval(p, "m", 1, reason="r"),
    "acknowledge": lambda p: gristmill.acknowledge(p, "a"),
    "monitor": lambda p: gristmill.monitor(p, "m"),
    "repair": lambda p: gristmill.repair(p, "m"),
    "drill-down": lambda p: gristmill.drill_down(p, "m"),
    "dashboard": lambda p: serve_dashboard(p, ready=print),
    "contract": lambda p: Contract.load(p, "ours:schema"),
}


@pytest.mark.parametrize("name", ACTS)
def test_nothing_of_it_acts(stranger: Project, name: str) -> None:
    assert code_of(lambda: ACTS[name](stranger)) == "project.untrusted"
    left = {path.name for path in stranger.root.iterdir()}
    assert not left & {"made.txt", "imported", "out.csv", "dvc.yaml"}
    assert not (stranger.state / "journals").exists()


def test_it_can_be_read(stranger: Project) -> None:
    assert [*gristmill.status(stranger).steps] == ["make"]
    assert isinstance(lint(stranger, []), list)
    assert gristmill.parked(stranger) == []
    assert Registry(stranger).ledger.entries() == []
    assert not (stranger.root / "imported").exists()


HOSTS: dict[str, tuple[str, Callable[[Project], Any]]] = {
    "MLflow": ('[tracking]\nuri = "http://127.0.0.1:{}"', mlflow_client),
    "the panel of runs": ('[tracking]\nuri = "http://127.0.0.1:{}"', gristmill.runs.search),
    "the ledger": ('[ledger]\nurl = "postgresql://me@127.0.0.1:{}/l"', Registry),
    "the mail server": (
        '[[alerts.routes]]\nname = "r"\nkind = "email"\nurl = "MAIL"\nto = ["ada@example.org"]',
        lambda project: mail_dashboard(project, "m", "r"),
    ),
    "the DVC remote": ("", lambda project: DvcRepo(project.root).pull_run_cache()),
}


@pytest.mark.parametrize("name", HOSTS)
def test_no_host_that_it_names_is_asked(
    project_root: Path,
    record: Path,
    listener: socket.socket,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    port = listener.getsockname()[1]
    text, act = HOSTS[name]
    with (project_root / "gristmill.toml").open("a") as file:
        file.write(f'{text.format(port)}\n[models.m]\npath = "m"\n')
    shell(project_root, "dvc", "remote", "add", "-d", "r", f"http://127.0.0.1:{port}/r")
    monkeypatch.setenv("MAIL", f"smtp://127.0.0.1:{port}")
    project = Project.load(project_root)
    assert code_of(lambda: act(project)) == "project.untrusted"
    assert not asked(listener)


def test_a_ledger_outside_is_not_opened(project_root: Path, record: Path, tmp_path: Path) -> None:
    with (project_root / "gristmill.toml").open("a") as file:
        file.write(f'[ledger]\nurl = "sqlite:///{tmp_path}/other.db"\n')
    project = Project.load(project_root)
    assert code_of(lambda: Registry(project)) == "project.untrusted"
    assert not (tmp_path / "other.db").exists()


def test_it_runs_once_it_is_trusted_until_that_is_revoked(stranger: Project) -> None:
    refused = shell(stranger.root, "gristmill", "run", check=False)
    assert (refused.returncode, "project.untrusted" in refused.stderr) == (
        Forbidden.exit_code,
        True,
    )
    shell(stranger.root, "gristmill", "trust")
    listed = shell(stranger.root, "gristmill", "trust", "--list").stdout.splitlines()
    assert listed == [str(stranger.root)]
    shell(stranger.root, "gristmill", "run")
    assert (stranger.root / "made.txt").read_text() == "ran"
    shell(stranger.root, "gristmill", "trust", "--revoke")
    assert shell(stranger.root, "gristmill", "run", "-f", check=False).returncode != 0
    assert trusted_folders() == []


def test_who_makes_a_project_trusts_it(tmp_path: Path, record: Path) -> None:
    gristmill.initialise(tmp_path / "mine")
    assert is_trusted(tmp_path / "mine")
    assert not is_trusted(tmp_path)


def test_trust_is_of_a_folder_and_what_lies_in_it(tmp_path: Path, record: Path) -> None:
    folder = tmp_path / "work"
    (folder / "a project").mkdir(parents=True)
    (tmp_path / "way").symlink_to(folder / "a project")
    (tmp_path / "workshop").mkdir()
    trust(folder)
    assert is_trusted(folder / "a project")
    assert is_trusted(tmp_path / "way")
    assert not is_trusted(tmp_path / "workshop")
    with pytest.raises(Conflict) as inherited:
        revoke_trust(folder / "a project")
    assert inherited.value.code == "trust.inherited"
    revoke_trust(folder)
    assert not is_trusted(folder / "a project")
    assert code_of(lambda: trust(tmp_path / "absent")) == "trust.not-found"


def test_a_variable_trusts_for_machines(
    tmp_path: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [str(tmp_path / "one"), "", "relative", str(tmp_path / "two")]
    monkeypatch.setenv("GRISTMILL_TRUST", os.pathsep.join(names))
    monkeypatch.chdir(tmp_path)
    assert trusted_folders() == [tmp_path / "one", tmp_path / "two"]
    assert is_trusted(tmp_path / "two/below")
    assert not is_trusted(tmp_path / "relative")
    assert not record.exists()


def test_the_record_is_the_users_alone(tmp_path: Path, record: Path) -> None:
    trust(tmp_path)
    assert record.stat().st_mode & 0o777 == 0o600
    record.chmod(0o666)
    assert code_of(lambda: is_trusted(tmp_path)) == "trust.record"
    record.chmod(0o600)
    record.write_text('["torn')
    assert code_of(lambda: is_trusted(tmp_path)) == "trust.unreadable"


def test_a_folder_of_another_owner_is_another_folder(tmp_path: Path, record: Path) -> None:
    trust(tmp_path)
    uid = tmp_path.stat().st_uid
    record.write_text(record.read_text().replace(f": {uid}", f": {uid + 1}"))
    assert not is_trusted(tmp_path)


def test_git_starts_no_program_that_a_repository_names(tmp_path: Path) -> None:
    from gristmill.lineage import git, git_state

    root, marker = tmp_path / "repository", tmp_path / "ran"
    root.mkdir()
    (root / "a").write_text("1")
    for words in (["init", "-q"], ["add", "a"]):
        git(root, *words)
    with (root / ".git/config").open("a") as file:
        file.write(f'[core]\n\tfsmonitor = "touch {marker}"\n\thooksPath = "{root}"\n')
    hook = root / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {marker}\n")
    hook.chmod(0o755)
    git(root, "-c", "user.name=a", "-c", "user.email=b@c", "commit", "-qm", "first")
    assert git_state(root).commit
    assert git(root, "worktree", "add", "--detach", str(tmp_path / "tree")) is not None
    assert not marker.exists()
