"""What `pip install` brings: templates, one copy of the built extension, that JupyterLab takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(
    not (ROOT / "src/gristmill/labextension").is_dir(),
    reason="the extension is not built: make extension",
)
def test_the_wheel_has_templates_and_the_extension_once_and_jupyterlab_takes_it(
    tmp_path: Path,
) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "SKIP_JUPYTER_BUILDER": "1"},
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < 1_000_000
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "installed")
    pages = {p.relative_to(ROOT / "src").as_posix() for p in (ROOT / "src").glob("*/*/templates/*")}
    assert pages and pages <= set(names)
    templates = [p.relative_to(ROOT) for p in (ROOT / "templates").rglob("*.ipynb")]
    assert templates and {f"gristmill/{t.as_posix()}" for t in templates} <= set(names)
    assert sum("/remoteEntry." in name for name in names) == 1
    assert not [n for n in names if n.endswith((".ts", ".tsx", ".map"))]
    (data,) = (tmp_path / "installed").glob("*.data/data")
    assert (data / "etc/jupyter/jupyter_server_config.d/gristmill.json").is_file()
    listed = subprocess.run(
        [sys.executable, "-m", "jupyter", "labextension", "list"],
        env={
            **os.environ,
            "JUPYTER_PATH": str(data / "share/jupyter"),
            "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
            "PATH": str(Path(sys.executable).parent),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = (one for one in listed.stderr.splitlines() if one.strip().startswith("gristmill "))
    assert "enabled" in line and "OK" in line
