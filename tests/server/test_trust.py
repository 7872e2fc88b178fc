"""What JupyterLab may ask of a project that its user has not trusted."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..conftest import copied, write_notebook
from .conftest import Ask

MAKE = 'from gristmill import Output\no: Output = "made.txt"'


@pytest.fixture
def stranger(
    blank: Path, jp_root_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Path:
    monkeypatch.delenv("GRISTMILL_TRUST")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    root = copied(blank, jp_root_dir / "mill")
    write_notebook(root / "make.ipynb", MAKE, 'open(o, "w").write("ran")')
    return root


ACTS = [
    ("POST", "runs", {}),
    ("POST", "sync", {}),
    ("POST", "sweeps", {"name": "s"}),
    ("POST", "mlflow", {}),
    ("POST", "runs/r/cancel", {}),
    ("POST", "steps/make/kernel", {}),
    ("DELETE", "steps/make/kernel", None),
    ("POST", "models/m/score", {"source": "a.csv", "target": "b.csv"}),
    ("POST", "models/m/monitor", {}),
    ("GET", "history", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ACTS)
async def test_what_acts_is_refused(
    ask: Ask, stranger: Path, method: str, path: str, body: dict[str, str] | None
) -> None:
    status, error = await ask(method, path, body, folder="mill")
    assert (status, error["code"]) == (403, "project.untrusted")
    assert not list((stranger / ".gristmill").glob("journals/*"))
    assert not list((stranger / ".gristmill").glob("jobs/*"))


async def test_it_is_read_and_acts_once_it_is_trusted(ask: Ask, stranger: Path) -> None:
    status, view = await ask("GET", "project", folder="mill")
    assert (status, view["found"], view["trusted"]) == (200, True, False)
    for path in ("pipeline", "lint", "models", "sweeps", "jobs"):
        assert (await ask("GET", path, folder="mill"))[0] == 200
    form = {"notebook": "mill/make.ipynb"}
    assert (await ask("POST", "steps/form", form))[0] == 200
    assert await ask("POST", "trust", folder="mill") == (200, {**view, "trusted": True})
    assert await ask("GET", "trust") == (200, [str(stranger)])
    assert (await ask("POST", "sync", folder="mill"))[0] == 200
    assert (await ask("GET", "history", folder="mill"))[0] == 200
    assert (await ask("DELETE", "trust", folder="mill"))[1]["trusted"] is False
    assert (await ask("POST", "sync", folder="mill"))[0] == 403
