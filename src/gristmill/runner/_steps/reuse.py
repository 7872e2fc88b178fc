"""What need not be computed: outputs from the run cache here, or from the DVC remote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gristmill.errors import Unavailable
from gristmill.lineage import DvcRepo
from gristmill.pipeline import StepState, staleness
from gristmill.project import Project
from gristmill.runner._interrupts import Interrupts
from gristmill.workspace import Workspace

Notice = Callable[[str], None]


class Reuse:
    """Restores outputs of steps. `pull` is whether to ask the default remote for what is missing
    here; one that fails is named once and not asked again."""

    def __init__(self, dvc: DvcRepo, interrupts: Interrupts, notice: Notice, *, pull: bool) -> None:
        self._dvc = dvc
        self._interrupts = interrupts
        self._notice = notice
        self._remote = dvc.remote
        self._pull = pull and self._remote is not None
        self._has_runs = False
        self._hinted = False
        if pull and self._remote is None:
            notice("there is no DVC remote to pull from; `dvc remote add -d NAME URL` adds one")

    def restore(self, step: str, current: StepState, locked: StepState | None) -> bool:
        """Bring back the outputs this step had with this code, these inputs and parameters."""
        recorded = _only_outputs_differ(current, locked)
        if self._restore(step, recorded=recorded, pull=False):
            return True
        if not self._pull:
            if recorded and self._remote is not None and not self._hinted:
                self._hinted = True
                self._notice(
                    f"outputs that dvc.lock records are missing here; `gristmill run --pull` "
                    f"fetches what the remote `{self._remote}` has"
                )
            return False
        try:
            with self._interrupts.immediate():
                if recorded and self._restore(step, recorded=True, pull=True):
                    return True
                if not self._has_runs:
                    self._notice(f"fetching the run cache from the remote `{self._remote}`")
                    self._dvc.pull_run_cache()
                    self._has_runs = True
                return self._restore(step, recorded=False, pull=True)
        except Unavailable as problem:
            self._pull = False
            self._notice(f"{problem.message} The steps are run instead.")
            return False

    def _restore(self, step: str, *, recorded: bool, pull: bool) -> bool:
        if recorded and self._dvc.restore_recorded(step, pull=pull):
            return True
        if not self._dvc.restore(step, pull=pull):
            return False
        self._dvc.commit(step)
        return True


def _only_outputs_differ(current: StepState, locked: StepState | None) -> bool:
    """Is what `dvc.lock` says of the step still what it would write?"""
    if locked is None or current.outputs.keys() != locked.outputs.keys():
        return False
    return not staleness(replace(current, outputs=locked.outputs), locked).run


def fetch_inputs(project: Project, workspace: Workspace, notice: Notice) -> None:
    """Fetch absent inputs that a `.dvc` file tracks; what the remote lacks stays absent."""
    root = project.root
    tracked = []
    for path in workspace.dag.external_inputs():
        parts = path.split("/")
        prefixes = ("/".join(parts[:n]) for n in range(1, len(parts) + 1))
        outermost = next((p for p in prefixes if (root / f"{p}.dvc").is_file()), None)
        if outermost is not None and not (root / path).exists():
            tracked.append(outermost)
    if not tracked:
        return
    notice(f"fetching {', '.join(tracked)} from the DVC remote")
    dvc = DvcRepo(root)
    try:
        dvc.pull(tracked)
    except Unavailable as problem:
        notice(problem.message)
    finally:
        dvc.close()
