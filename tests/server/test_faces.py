"""One wrong input is one error record, whichever face it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import gristmill
from gristmill.cli import _out as out
from gristmill.cli import main
from gristmill.errors import GristmillError
from tests.conftest import write_notebook

from .conftest import Ask

CASES: list[tuple[list[str], Callable[[], Any], tuple[str, str, Mapping[str, Any] | None]]] = [
    (["run", "none"], lambda: gristmill.run("none"), ("POST", "runs", {"targets": ["none"]})),
    (
        ["run", "-p", "grow.m=1"],
        lambda: gristmill.run(overrides={"grow.m": "1"}),
        ("POST", "runs", {"overrides": {"grow.m": "1"}}),
    ),
    (
        ["sync", "--params", "none"],
        lambda: gristmill.sync(params="none"),
        ("POST", "sync", {"params": "none"}),
    ),
    (["runs", "show", "none"], lambda: gristmill.runs.find("none"), ("GET", "history/none", None)),
    (["sweep", "show", "none"], lambda: gristmill.load_sweep("none"), ("GET", "sweeps/none", None)),
    (
        ["model", "show", "delay", "9"],
        lambda: gristmill.show_version("delay", "9"),
        ("GET", "models/delay/versions/9", None),
    ),
    (
        ["model", "promote", "delay", "9", "--reason", "better"],
        lambda: gristmill.promote("delay", 9, reason="better"),
        ("POST", "models/delay/promote", {"version": 9, "reason": "better"}),
    ),
    (
        ["alerts", "resolve", "none", "--reason", "gone"],
        lambda: gristmill.resolve_alert("none", reason="gone"),
        ("POST", "alerts/none/resolve", {"reason": "gone"}),
    ),
    (
        ["open", "--close", "none"],
        lambda: gristmill.close_kernel("none"),
        ("DELETE", "steps/none/kernel", None),
    ),
]


@pytest.fixture
def mill(jp_root_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (jp_root_dir / "gristmill.toml").write_text('[models.delay]\npath = "model"\n')
    write_notebook(
        jp_root_dir / "grow.ipynb",
        'from gristmill import Output\ngrain: Output = "grain.txt"\nn: int = 3',
    )
    monkeypatch.chdir(jp_root_dir)
    return jp_root_dir


async def test_a_wrong_input_is_one_error_record_on_every_face(
    ask: Ask, mill: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed: list[GristmillError] = []
    monkeypatch.setattr(out, "error", printed.append)
    for arguments, function, (method, path, body) in CASES:
        exit_code = main(arguments)
        with pytest.raises(GristmillError) as raised:
            function()
        status, record = await ask(method, path, body)
        assert printed.pop().record() == raised.value.record() == record, arguments
        assert (exit_code, status) == (raised.value.exit_code, raised.value.status)


def test_a_verb_finds_the_project_or_takes_it(mill: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = gristmill.Project.load(mill)
    (mill / "below").mkdir()
    monkeypatch.chdir(mill / "below")
    assert gristmill.status() == gristmill.status(project)
    assert gristmill.status("grow").steps["grow"].stale
    assert gristmill.sync().changed
    assert not gristmill.sync(project).changed
    assert gristmill.list_versions() == gristmill.open_requests(project) == gristmill.parked() == []
    with pytest.raises(GristmillError) as raised:
        gristmill.run("grow", kernel="lukewarm")
    assert raised.value.code == "run.kernel"
    with pytest.raises(GristmillError) as raised:
        gristmill.run("grow", froce=True)  # type: ignore[call-overload]
    assert raised.value.code == "run.option"
    monkeypatch.chdir(mill.parent)
    with pytest.raises(GristmillError) as raised:
        gristmill.status()
    assert raised.value.code == "project.not-found"
