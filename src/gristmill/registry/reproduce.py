"""`reproduce`: make a version again from its commit, data and environment, and compare.

The clean tree is a git worktree below the project's state, with this project's DVC cache, its own
MLflow store, and the parameters that the kept lineage tells. Nothing outside it changes.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gristmill.errors import Invalid, NotFound
from gristmill.lineage.git import git
from gristmill.project import SETTINGS, Project
from gristmill.registry.origins import origins
from gristmill.registry.rebuild import (
    checkout_data,
    differing,
    environment_of,
    run_again,
)
from gristmill.registry.scoring import truth_labels, outputs, taken
from gristmill.registry.settings import model_settings, read_metrics
from gristmill.registry.store import Registry
from gristmill.registry.version import HOLDOUT, Version

IDENTICAL, DIFFERENT, UNKNOWN = "identical", "different", "not compared"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Reproduction:
    """What came of making a version again.

    `predictions` and `metrics` are `identical`, `different` or `not compared`; `difference` names
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
        """Whether all that could be compared is identical, and something could."""
        said = {self.predictions, self.metrics}
        return DIFFERENT not in said and IDENTICAL in said

    def record(self) -> dict[str, Any]:
        return asdict(self) | {"same": self.same}


def reproduce(
    project: Project,
    model: str,
    ref: int | str,
    *,
    keep: bool = False,
    progress: Progress = lambda _: None,
) -> Reproduction:
    """Run the steps that made a version again, from nothing, and compare with it.

    Raises Invalid when its lineage does not say enough, or its tree was not clean; NotFound when
    the commit or data is nowhere; StepFailed when it does not run; Unavailable when its environment
    cannot be had. `keep` leaves the clean tree behind.
    """
    registry = Registry(project)
    version = registry.version(model, ref)
    line = version.lineage
    if not line.commit or line.dirty is not False:
        why = "no commit is recorded" if not line.commit else "its tree had uncommitted changes"
        raise Invalid(
            "reproduce.lineage",
            f"{model} version {version.version} cannot be made again: {why}.",
            hint='Demand it: a gate of kind "lineage" with `clean = true`.',
        )
    with _worktree(project, line.commit, keep=keep, progress=progress) as clean:
        steps = origins(project, line)
        python, environment = environment_of(registry, version, clean, progress)
        checkout_data(project, clean, steps, progress)
        ran, seconds = run_again(clean, line.step, steps, python, progress)
        progress("comparing")
        settings = model_settings(clean, model)
        artifacts = differing(clean, steps)
        metrics, difference = _metrics(version.metrics, read_metrics(clean, settings.metrics))
        predictions, rows, row = _predictions(registry, version, clean.root / settings.path)
    first = row or difference
    if IDENTICAL not in (predictions, metrics) and artifacts:
        first = first or artifacts[0]
    return Reproduction(
        model,
        version.version,
        line.commit,
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
    git(project.root, "worktree", "prune")
    project.state.mkdir(exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="reproduce-", dir=project.state))
    progress(f"checking out {commit[:12]}")
    try:
        made = git(project.root, "worktree", "add", "--detach", str(place / "tree"), commit)
        below = place / "tree" / project.root.resolve().relative_to(Path(top).resolve())
        if made is None or not (below / SETTINGS).is_file():
            raise NotFound(
                "reproduce.tree", f"commit {commit[:12]} holds no {SETTINGS} of this project."
            )
        yield Project.load(below)
    finally:
        if keep:
            progress(f"kept {place / 'tree'}")
        else:
            shutil.rmtree(place, ignore_errors=True)
            git(project.root, "worktree", "prune")


def _metrics(before: Mapping[str, float], after: Mapping[str, float]) -> tuple[str, str]:
    """Whether they are identical, and the first that is not."""
    if not before:
        return UNKNOWN, ""
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            return DIFFERENT, f"metric {name}: {before.get(name)} then, {after.get(name)} now"
    return IDENTICAL, ""


def _predictions(registry: Registry, version: Version, made: Path) -> tuple[str, int, str]:
    """Whether both models say the same on the hold-out, on how many rows, and the first row not."""
    import numpy as np
    import pandas as pd

    from gristmill.registry.loading import load_own

    settings = model_settings(registry.project, version.model)
    if HOLDOUT not in version.evidence or not settings.target:
        return UNKNOWN, 0, ""
    frame = pd.read_parquet(registry.evidence(version, HOLDOUT))
    binary = settings.target in frame and truth_labels(frame[settings.target])[1]
    both = []
    for model in (registry.load(version), load_own(made, allow_code=settings.allow_code)):
        both.append(np.asarray(outputs(*taken(model, frame, settings), binary=binary)))
    before, after = both
    unequal = np.flatnonzero(before != after)
    if not len(unequal):
        return IDENTICAL, len(frame), ""
    row = int(unequal[0])
    text = f"hold-out row {row}: {before[row]!r} then, {after[row]!r} now"
    return DIFFERENT, len(frame), f"{text} ({len(unequal)} of {len(frame)} rows differ)"
