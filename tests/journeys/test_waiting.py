"""A pipeline that pauses for people: it asks, ends, goes on when they agreed, and not otherwise."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gristmill.cli import main
from gristmill.errors import Invalid, NotFound, Waiting
from gristmill.project import Project
from gristmill.registry import Registry
from gristmill.registry import decide as decide_review
from gristmill.runner import RunRequest, run
from gristmill.runner import plan_run as plan_of
from gristmill.runner._request import StepResult, blocked_by
from gristmill.runner._smoke import smoke_project
from gristmill.sandbox import make_double
from gristmill.workspace import load_workspace

from ..browser.world import trained
from ..conftest import commit, shell, write_notebook

POLICY = """
[models.delay.approvals]
required = 2
days = 7
[roles]
register = ["*"]
approve = ["ada", "bob", "cy"]
promote = ["*"]
[steps.publish]
approval = "delay"
[[alerts.routes]]
name = "ops"
url = "OPS_URL"
"""
PUBLISH = (
    'from gristmill import Input, Output\nmodel: Input = "models/best"\n'
    'out: Output = "out/published.txt"\nnote: str = "x"',
    "from pathlib import Path\nPath(out).write_text(note)",
)
TELL = (
    'from gristmill import Input, Output\nsrc: Input = "out/published.txt"\n'
    'out: Output = "out/report.txt"',
    "from pathlib import Path\nPath(out).write_text('report')",
)


@contextmanager
def ears() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A route that listens: its address and what it was told."""
    heard: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", heard
        server.shutdown()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three steps that have never run; the second waits."""
    home = tmp_path_factory.mktemp("waiting")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_KEYS", str(home / "keys"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        root = trained(home / "project", values=())
    settings = (root / "gristmill.toml").read_text().replace('["train.ipynb"]', '["*.ipynb"]')
    (root / "gristmill.toml").write_text(settings + POLICY)
    (root / "params.yaml").write_text("train:\n  columns: ab\n")
    write_notebook(root / "publish.ipynb", *PUBLISH)
    write_notebook(root / "tell.ipynb", *TELL)
    shell(root, "git", "init", "-q", ".")
    commit(root)
    return root


@pytest.fixture
def root(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRISTMILL_KEYS", str(made.parent / "keys"))
    monkeypatch.setenv("GRISTMILL_ACTOR", "pat")
    monkeypatch.setenv("GRISTMILL_DRIVER", "0")
    return made


def statuses(result: Any) -> dict[str, str]:
    return {step: r.status for step, r in result.steps.items()}


def test_it_waits_goes_on_when_approved_and_stops_when_rejected(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = Project.load(root)

    def decide(actor: str, decision: str) -> None:
        newest = Registry(project).versions("delay")[-1].version
        decide_review(project, "delay", newest, decision=decision, reason="read it", actor=actor)

    with ears() as (address, heard):
        monkeypatch.setenv("OPS_URL", address)
        assert main(["-C", str(root), "run", "-p", "publish.note=hello"]) == Waiting.exit_code
        stdout = capsys.readouterr().out
        assert "publish waits for a decision on delay version 1: 0 of 2 approvals" in stdout
        assert "publish waits for a decision" in stdout.split("tell ")[-1]
        assert not (root / "out/published.txt").exists()
        (message,) = heard
        assert message["action"] == "request" and "publish needs a decision" in message["reason"]

        decide("bob", "approve")
        again = run(project, RunRequest(overrides={"publish.note": "hello"}))
        assert (again.status, statuses(again)["publish"]) == ("waiting", "waiting")
        with pytest.raises(Waiting, match="1 of 2 approvals by bob"):
            again.raise_for_status()
        assert [h["action"] for h in heard] == ["request", "approve"], "asked once"

        decide("cy", "reject")
        assert main(["-C", str(root), "resume"]) == 1
        assert "rejected, so publish does not run (cy: read it)" in capsys.readouterr().err
        assert not (root / "out/published.txt").exists()

        decide("cy", "approve")
        assert main(["-C", str(root), "run", "-p", "publish.note=hello"]) == 0
        assert (root / "out/published.txt").read_text() == "hello"
        assert (root / "out/report.txt").read_text() == "report"
        capsys.readouterr()
        assert main(["-C", str(root), "runs", "list", "--where", "status = waiting"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 3

        (root / "params.yaml").write_text("train:\n  columns: a\n")
        other = run(project)
        assert statuses(other) == {"train": "succeeded", "publish": "waiting", "tell": "blocked"}
        assert "delay version 2" in str(other.steps["publish"].error), "another model, asked anew"
        for actor in ("bob", "cy"):
            decide(actor, "approve")
        short = (root / "gristmill.toml").read_text().replace("days = 7", "days = 1e-6")
        (root / "gristmill.toml").write_text(short)
        commit(root)
        expired = run(Project.load(root))
        assert expired.status == "waiting"
        assert "older than" in str(expired.steps["publish"].error)
        assert [h["version"] for h in heard if h["action"] == "request"] == [1, 2, 2], "asked again"
        (root / "gristmill.toml").write_text(short.replace("days = 1e-6", "days = 7"))
        commit(root)
        assert main(["-C", str(root), "resume", "publish"]) == 0
        assert main(["-C", str(root), "resume"]) == NotFound.exit_code
    assert [p.message for p in Registry(project).ledger.verify()] == []


def test_a_double_asks_nobody_and_runs_nothing_that_waits(root: Path) -> None:
    project = Project.load(root)
    for double in (make_double(project, project.state / "double", []), smoke_project(project)):
        assert list(plan_of(load_workspace(double), RunRequest()).decisions) == ["train"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("required = 2", "required = 0", r"approval\.policy"),
        ('approval = "delay"', 'approval = "rain"', r"model\.unknown"),
        ("[steps.publish]", "[steps.train]", "no step before it writes models/best"),
    ],
)
def test_a_decision_that_cannot_come_is_an_error_before_anything_runs(
    root: Path, old: str, new: str, message: str
) -> None:
    settings = root / "gristmill.toml"
    text = settings.read_text()
    try:
        settings.write_text(text.replace(old, new))
        commit(root)
        with pytest.raises((Invalid, NotFound), match=message):
            run(Project.load(root), RunRequest(force=True))
    finally:
        settings.write_text(text)
        commit(root)


def test_a_blocked_step_says_by_what() -> None:
    causes = {
        n: StepResult(s) for n, s in zip("abc", ("waiting", "blocked", "failed"), strict=True)
    }
    reason = blocked_by(causes).reason
    assert reason == "a waits for a decision; b did not run; c did not succeed"
