"""The parts of `reproduce` that bring a clean tree to life: data, environment, the run."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from gristmill.errors import NotFound, StepFailed, Unavailable
from gristmill.lineage.dvc_cache import cache_directory
from gristmill.lineage.git import git
from gristmill.lineage.record import Lineage
from gristmill.project import Project
from gristmill.registry.sbom import LOCK
from gristmill.registry.store import Registry
from gristmill.registry.version import Version
from gristmill.runner.workspace import load_workspace

Progress = Callable[[str], None]
COMMAND = "import sys; from gristmill.cli import main; sys.exit(main())"


def environment_of(
    registry: Registry, version: Version, clean: Project, progress: Progress
) -> tuple[str, str]:
    """The interpreter to run with, and what is to be said of it.

    This one, when this project's lock file is still that of the version; else one made from the
    version's lock file by uv. Raises Unavailable.
    """
    wanted = version.lineage.environment
    if wanted is None:
        return sys.executable, "this one; the version's is not recorded"
    here = registry.project.environment_file()
    if here is not None and _md5(here) == wanted:
        return sys.executable, "the locked one"
    if LOCK in version.evidence:
        lock = registry.evidence(version, LOCK)
    else:
        lock = clean.environment_file() or clean.root / "none"
        if not lock.is_file() or _md5(lock) != wanted:
            raise Unavailable(
                "reproduce.environment",
                f"the lock file (md5 {wanted[:12]}) of version {version.version} is nowhere.",
                hint="Versions registered from now on keep it.",
            )
    uv = shutil.which("uv")
    if uv is None:
        raise Unavailable(
            "reproduce.uv",
            f"the environment changed since version {version.version} was made, and there is no uv "
            "to build the old one.",
            hint="Install uv, or check out the old lock file in an environment of its own.",
        )
    progress("building the locked environment")
    place = clean.root.parent / "environment"
    python = place / "bin" / "python"
    _call([uv, "venv", "--quiet", "--python", version.lineage.python or "3", str(place)])
    named = place / (version.lineage.environment_file or "requirements.lock").split("/")[-1]
    shutil.copyfile(lock, named)
    _call([uv, "pip", "install", "--quiet", "--python", str(python), "-r", str(named)])
    return str(python), f"built from the version's lock file ({wanted[:12]})"


def checkout_data(
    project: Project, clean: Project, steps: Mapping[str, Lineage], progress: Progress
) -> None:
    """Lay the data that no step writes into the clean tree, and check its hashes.

    Files that DVC tracks come from this project's cache, else from the remote; others that git does
    not have are copied from the project when they are still the same. Raises NotFound.
    """
    progress("fetching data")
    cache = cache_directory(project.root)
    (clean.root / ".dvc").mkdir(exist_ok=True)
    if not (clean.root / ".dvc" / "config").exists():
        (clean.root / ".dvc" / "config").touch()
    (clean.root / ".dvc" / "config.local").write_text(f"[cache]\n    dir = {cache}\n")
    tracked = (git(clean.root, "ls-files", "--", "*.dvc") or "").splitlines()
    if tracked:
        words = [sys.executable, "-m", "dvc"]
        done = subprocess.run(
            [*words, "checkout", *tracked], cwd=clean.root, capture_output=True, check=False
        )
        if done.returncode:
            _call([*words, "pull", *tracked], cwd=clean.root)
    written = {path for line in steps.values() for path in line.outputs}
    hashes = load_workspace(clean).hashes
    for line in steps.values():
        for path, wanted in line.inputs.items():
            if path in written:
                continue
            if hashes.md5(path) is None and (project.root / path).is_file():
                (clean.root / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(project.root / path, clean.root / path)
            if hashes.md5(path) != wanted:
                raise NotFound(
                    "reproduce.data",
                    f"{path}, which step {line.step} read, is nowhere with its hash {wanted}.",
                    hint="Track data that no step writes with DVC, and push it.",
                )


def run_again(
    clean: Project, step: str, steps: Mapping[str, Lineage], python: str, progress: Progress
) -> tuple[int, float]:
    """Run the step and all before it from nothing; (steps that ran, seconds). Raises StepFailed.

    Another interpreter borrows this Gristmill, which its lock file need not pin, and starts no
    server that would outlive its environment.
    """
    now = load_workspace(clean).params
    words = [python, "-c", COMMAND, "-C", str(clean.root), "run", step, "--force", "--json"]
    for name, line in steps.items():
        for key, value in line.params.items():
            if now.get(name, {}).get(key) != value:
                text = value if isinstance(value, str) else json.dumps(value)
                words += ["-p", f"{name}.{key}={text}"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    environment["MLFLOW_TRACKING_URI"] = f"sqlite:///{clean.state / 'mlflow.db'}"
    if python != sys.executable:
        environment |= {"PYTHONPATH": str(_ourselves(clean.root.parent)), "GRISTMILL_DRIVER": "0"}
        words += ["--kernel", "fresh"]
    begun, ran = time.monotonic(), 0
    with subprocess.Popen(
        words,
        cwd=clean.root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for text in process.stdout or ():
            event: dict[str, Any] = json.loads(text)
            if event["kind"] == "step-started":
                progress(f"running {event['step']}")
            ran += event["kind"] == "step-succeeded"
        said = process.stderr.read().strip() if process.stderr else ""
    if process.returncode:
        raise StepFailed(
            "reproduce.run",
            f"the steps do not run from the clean tree: {said[-800:] or process.returncode}",
            hint="What do they, or Gristmill, need that git, DVC and the lock file do not have?",
        )
    return ran, time.monotonic() - begun


def differing(clean: Project, steps: Mapping[str, Lineage]) -> tuple[str, ...]:
    """Outputs that came out with other bytes than recorded, in the order of the steps.

    A model directory differs by the date that MLflow writes into it.
    """
    workspace = load_workspace(clean)
    return tuple(
        f"{path} of step {step} has other bytes"
        for step in workspace.dag.steps
        if step in steps
        for path, before in steps[step].outputs.items()
        if workspace.hashes.md5(path) != before
    )


def _ourselves(place: Path) -> Path:
    """A directory with this Gristmill and its entry points, and nothing installed beside it."""
    import gristmill

    folder = place / "gristmill"
    folder.mkdir()
    (folder / "gristmill").symlink_to(Path(gristmill.__file__).resolve().parent)
    beside = Path(str(distribution("gristmill").locate_file("")))
    for facts in beside.glob("gristmill-*.dist-info"):
        (folder / facts.name).symlink_to(facts)
    return folder


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _call(words: list[str], cwd: Path | None = None) -> None:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(
            "reproduce.command", f"`{' '.join(words[:4])} ...` failed: {done.stderr.strip()[-800:]}"
        )
