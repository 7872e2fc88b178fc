"""A real JupyterLab of a test's own: port, folders, settings."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import eventually

PATIENCE = 90_000
EXTENSION = Path(__file__).parents[2] / "src/gristmill/labextension"
FOLDERS = ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR")
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "apputils-extension/themes": {"adaptive-theme": True},
    "notebook-extension/tracker": {"windowingMode": "none"},
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(address: str) -> bool:
    """Does somebody speak HTTP there, whatever he says?"""
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@contextmanager
def laboratory(root: Path, home: Path, port: int) -> Iterator[str]:
    """JupyterLab over `root` with this tree's extension, its own files under `home`, until the
    block ends."""
    environment = {**os.environ, **{f"JUPYTER_{n}": str(home / n.lower()) for n in FOLDERS}}
    for name in ("SETTINGS", "WORKSPACES"):
        environment[f"JUPYTERLAB_{name}_DIR"] = str(home / name.lower())
    for name, values in SETTINGS.items():
        path = home / "settings/@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    labextensions = home / "share/labextensions"
    labextensions.mkdir(parents=True, exist_ok=True)
    if EXTENSION.is_dir():
        (labextensions / "gristmill").symlink_to(EXTENSION)
    enabled = Path("jupyter_server_config.d/gristmill.json")
    (home / "config_dir" / enabled.parent).mkdir(parents=True, exist_ok=True)
    shutil.copy(EXTENSION.parents[2] / "jupyter-config" / enabled, home / "config_dir" / enabled)
    environment["JUPYTER_PATH"] = str(labextensions.parent)
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--ip=127.0.0.1",
        "--IdentityProvider.token=", "--ServerApp.allow_root=True",
        "--LabApp.expose_app_in_browser=True", f"--ServerApp.root_dir={root}",
    ]  # fmt: skip
    home.mkdir(exist_ok=True)
    log = home / "lab.log"
    with open(log, "wb") as file:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=file, stderr=file)
    address = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: answers(f"{address}/api") or process.poll() is not None, every=0.1)
        assert process.poll() is None, log.read_text()
        yield address
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE / 1000)
