"""The parts of `reproduce` that bring a clean tree to life: data, environment, the run.

`reproduce`: make a version again from its commit, data and environment, and compare.

The clean tree is a git worktree below the project's state, with this project's DVC cache, its own
MLflow store, and the parameters that the kept lineage tells. Nothing outside it changes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from gristmill.errors import Invalid, NotFound, StepFailed, Unavailable
from gristmill.files import scratch_directory
from gristmill.lineage import Lineage, git, share_cache
from gristmill.project import SETTINGS, Project, finds_project
from gristmill.registry._gates.scoring import accepted_rows, outputs, truth_labels
from gristmill.registry._settings import (
    Tolerances,
    model_settings,
    read_metrics,
    tolerances_of,
)
from gristmill.registry._supply.sbom import LOCK
from gristmill.registry._versions.store import Registry
from gristmill.registry._versions.version import Version
from gristmill.workspace import load_workspace
from gristmill.workspace_trust import require_trust

IDENTICAL, CLOSE, DIFFERENT = "identical", "within tolerance", "different"
UNKNOWN = "not compared"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Reproduction:
    """What came of making a version again.

    `predictions` and `metrics` are `identical`, `within tolerance` (that of the model's settings),
    `different` or `not compared`; `difference` names
    the first hold-out row (from 0) or metric that is not the same, an artifact when neither could
    be compared, "" when none is; `rows` were compared. `artifacts` have other bytes, as a model
    always has by the date that MLflow writes into it. `environment` says what it ran in; `steps`
    ran, `seconds` long.
    """

    model: str
    version: int
    commit: str
    environment: str
    predictions: str
    metrics: str
    rows: int
    difference: str
    artifacts: tuple[str, ...]
    steps: int
    seconds: float

    @property
    def same(self) -> bool:
        """Whether all that could be compared is the same within tolerance, and something could."""
        results = {self.predictions, self.metrics}
        return DIFFERENT not in results and bool({IDENTICAL, CLOSE} & results)

    def record(self) -> dict[str, Any]:
        return asdict(self) | {"same": self.same}


@finds_project
def reproduce(
    project: Project,
    model: str,
    version: int | str,
    *,
    keep: bool = False,
    progress: Progress = lambda _: None,
) -> Reproduction:
    """Run the steps that made a version again, from nothing, and compare with it.

    Parameters
    ----------
    project
        The project.
    model, version
        The version: its number or an alias.
    keep
        Whether the clean tree is left behind.
    progress
        Told what is being done.

    Returns
    -------
    Reproduction
        Whether artifacts, metrics and predictions are identical, or the first difference.

    Raises
    ------
    Invalid
        The lineage does not say enough, or the tree was not clean.
    NotFound
        The commit or the data is nowhere to be had.
    StepFailed
        A step does not run.
    Unavailable
        The environment cannot be had.
    """
    require_trust(project.root)
    registry = Registry(project)
    target = registry.version(model, version)
    line = target.lineage
    why = _irreproducible(target)
    if why:
        raise Invalid(
            "reproduce.lineage",
            f"{model} version {target.version} cannot be made again: {why}.",
            hint='Demand it: a gate of kind "lineage" with `clean = true`.',
        )
    tolerances = tolerances_of(project, model)
    with _worktree(project, str(line.commit), keep=keep, progress=progress) as clean:
        steps = target.origins
        python, environment = environment_of(registry, target, clean, progress)
        checkout_data(project, clean, steps, progress)
        ran, seconds = run_again(clean, line.step, steps, python, progress)
        progress("comparing")
        settings = model_settings(clean, model)
        artifacts = differing(clean, steps)
        metrics, difference = _metrics(
            target.metrics, read_metrics(clean, settings.metrics), tolerances
        )
        predictions, rows, row = _predictions(
            registry, target, clean.root / settings.path, tolerances.predictions
        )
    first = row or difference
    if (predictions, metrics) == (UNKNOWN, UNKNOWN) and artifacts:
        first = first or artifacts[0]
    return Reproduction(
        model,
        target.version,
        str(line.commit),
        environment,
        predictions,
        metrics,
        rows,
        first,
        artifacts,
        ran,
        seconds,
    )


@contextlib.contextmanager
def _worktree(
    project: Project, commit: str, *, keep: bool, progress: Progress
) -> Iterator[Project]:
    """The project as it was committed, in a directory of its own."""
    top = git(project.root, "rev-parse", "--show-toplevel")
    if top is None or git(project.root, "cat-file", "-e", f"{commit}^{{commit}}") is None:
        raise NotFound(
            "reproduce.commit",
            f"git has no commit {commit[:12]} here.",
            hint="Fetch it: `git fetch --all`.",
        )
    with contextlib.ExitStack() as stack:
        if keep:
            project.state.mkdir(exist_ok=True)
            place = Path(tempfile.mkdtemp(prefix="reproduce-", dir=project.state))
            stack.callback(progress, f"kept {place / 'tree'}")
        else:
            stack.callback(git, project.root, "worktree", "prune")
            place = stack.enter_context(scratch_directory(project.state, "reproduce"))
        git(project.root, "worktree", "prune")
        progress(f"checking out {commit[:12]}")
        made = git(project.root, "worktree", "add", "--detach", str(place / "tree"), commit)
        below = place / "tree" / project.root.resolve().relative_to(Path(top).resolve())
        if made is None or not (below / SETTINGS).is_file():
            raise NotFound(
                "reproduce.tree", f"commit {commit[:12]} holds no {SETTINGS} of this project."
            )
        yield Project.load(below)


def _irreproducible(version: Version) -> str:
    """Why the lineage does not say enough, "" when it does."""
    if not version.lineage.commit:
        return "no commit is recorded"
    if version.unrecorded:
        return f"no record is left of the run of step {', '.join(version.unrecorded)}"
    if any(line.dirty is not False for line in version.origins.values()):
        return "its tree had uncommitted changes"
    return ""


def _metrics(
    before: Mapping[str, float], after: Mapping[str, float], tolerances: Tolerances
) -> tuple[str, str]:
    """Whether they are the same, and the first that is not."""
    if not before:
        return UNKNOWN, ""
    for name in sorted({*before, *after}):
        if name not in before or name not in after:
            return DIFFERENT, f"metric {name}: {before.get(name)} then, {after.get(name)} now"
        allowed = tolerances.metrics.get(name, tolerances.metric)
        if not math.isclose(before[name], after[name], rel_tol=allowed, abs_tol=allowed):
            return DIFFERENT, f"metric {name}: {before[name]} then, {after[name]} now"
    return IDENTICAL if dict(before) == dict(after) else CLOSE, ""


def _predictions(
    registry: Registry, version: Version, made: Path, allowed: float
) -> tuple[str, int, str]:
    """Whether both models say the same on the hold-out, on how many rows, and the first row not."""
    import numpy as np
    import pandas as pd

    from gristmill.registry._loading.loading import load_own

    settings = model_settings(registry.project, version.model)
    if Version.HOLDOUT not in version.evidence or not settings.target:
        return UNKNOWN, 0, ""
    frame = pd.read_parquet(registry.evidence(version, Version.HOLDOUT))
    binary = settings.target in frame and truth_labels(frame[settings.target])[1]
    both = []
    for model in (registry.load(version), load_own(made, allow_code=settings.allow_code)):
        both.append(np.asarray(outputs(*accepted_rows(model, frame, settings), binary=binary)))
    before, after = both
    if before.shape != after.shape:
        return DIFFERENT, len(frame), f"outputs of shape {before.shape} then, {after.shape} now"
    if np.array_equal(before, after):
        return IDENTICAL, len(frame), ""
    same = before == after
    if all(np.issubdtype(values.dtype, np.number) for values in both):
        same = np.isclose(before, after, rtol=allowed, atol=allowed, equal_nan=True)
    unequal = np.flatnonzero(~same.reshape(len(same), -1).all(axis=1))
    if not len(unequal):
        return CLOSE, len(frame), ""
    row = int(unequal[0])
    text = f"hold-out row {row}: {before[row]!r} then, {after[row]!r} now"
    return DIFFERENT, len(frame), f"{text} ({len(unequal)} of {len(frame)} rows differ)"


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
    share_cache(project.root, clean.root)
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
    from gristmill import _version

    folder = place / "gristmill"
    folder.mkdir()
    (folder / "gristmill").symlink_to(Path(_version.__file__).resolve().parent)
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
