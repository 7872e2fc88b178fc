"""`gristmill sweep`: trials in parallel until all have ended; what was done survives any end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gristmill.errors import Cancelled, Conflict
from gristmill.project import STATE, Project, finds_project
from gristmill.runner import end_orphans, project_lock
from gristmill.sandbox import clear_double, make_double
from gristmill.sweeps._mlflow_run import close_parent, open_parent
from gristmill.sweeps._pool import Worker, with_results
from gristmill.sweeps._reports import read_reports
from gristmill.sweeps._spec import CheckedSweep, SweepSpec, check_sweep, read_spec
from gristmill.sweeps._state import (
    FILE,
    Sweep,
    Trial,
    TrialState,
    load_sweep,
    save,
    sweep_directory,
)
from gristmill.sweeps._suggest import Suggester, suggester
from gristmill.workspace import load_workspace
from gristmill.workspace_trust import require_trust

POLL_S = 0.25
Listener = Callable[[Sweep, Trial], None]


def _ignore(sweep: Sweep, trial: Trial) -> None:
    """The default listener."""


@finds_project
def sweep(
    project: Project,
    name: str,
    spec: SweepSpec | None = None,
    *,
    resume: bool = False,
    listener: Listener = _ignore,
) -> Sweep:
    """Run the sweep `spec` (`sweeps/NAME.yaml` when None), or go on with one that was stopped.

    Every trial works in a double of the project as it was when the sweep began; outputs, `dvc.lock`
    and `params.yaml` stay as they are. A trial that fails stops no other.

    Parameters
    ----------
    project
        The project.
    name
        The sweep's name.
    spec
        What to try; None reads `sweeps/NAME.yaml`.
    resume
        Go on with the sweep of that name.
    listener
        Called with the sweep and each trial that starts or ends.

    Raises
    ------
    Invalid
        The sweep cannot run as asked. Nothing has run.
    NotFound
        There is no such file, or no sweep to go on with.
    Conflict
        The sweep is running, or has run and `resume` is off.
    Cancelled
        Ctrl-C stopped it; `resume` goes on.
    """
    require_trust(project.root)
    directory = sweep_directory(project, name)
    if resume:
        load_sweep(project, name)
    else:
        require_new_name(project, name)
        spec = spec or read_spec(project, name)
        where = f"sweep {name}"
        checked = check_sweep(spec, load_workspace(project, spec.params), where)
    with project_lock(directory, f"gristmill sweep {name}", wait=False):
        if spec is None or resume:
            state = load_sweep(project, name)
            source = Project.load(trials(project, name) / "source")
            checked = check_sweep(
                state.spec, load_workspace(source, state.spec.params), f"sweep {name}"
            )
        else:
            workspace = load_workspace(project, spec.params)
            outputs = [o.path for s in workspace.dag.steps.values() for o in s.outputs]
            source = make_double(project, trials(project, name) / "source", outputs)
            state = Sweep(name, checked.spec, checked.total)
        state.parent = open_parent(project, state)
        save(project, state)
        suggestions = suggester(checked, directory, name)
        loop = _Loop(project, source, state, checked, suggestions, listener)
        try:
            loop.run()
        finally:
            close_parent(project, state)
        return state


def require_new_name(project: Project, name: str) -> None:
    """Refuse a name that a new sweep cannot have.

    Parameters
    ----------
    project
        The project.
    name
        The name.

    Raises
    ------
    Conflict
        `sweep.exists`, when a sweep of that name has run.
    Invalid
        `sweep.name`, for a text that is not a sweep's name.
    """
    if (sweep_directory(project, name) / FILE).exists():
        raise Conflict(
            "sweep.exists",
            f"Sweep `{name}` has run already.",
            hint=f"Go on with it by `--resume {name}`, or name the new one with `--name`.",
        )


def trials(project: Project, name: str) -> Path:
    """The folder with the doubles of a sweep, one for each trial."""
    return project.state / "trials" / name


class _Loop:
    """The trials of a sweep over worker processes."""

    def __init__(
        self,
        project: Project,
        source: Project,
        state: Sweep,
        checked: CheckedSweep,
        suggester: Suggester,
        listener: Listener,
    ) -> None:
        self.project = project
        self.source = source
        self.state = state
        self.checked = checked
        self.suggester = suggester
        self.listener = listener
        self.unfinished = [t for t in state.trials if not t.state.ended]
        self.workers: list[Worker] = []
        self.pruned: set[int] = set()

    def run(self) -> None:
        try:
            while True:
                self._fill()
                if all(w.busy is None for w in self.workers):
                    return
                for worker in with_results(self.workers, POLL_S):
                    self._finish(worker)
                self._read_all_reports()
        except KeyboardInterrupt:
            self._stop()
            raise Cancelled(
                "sweep.cancelled",
                f"Sweep `{self.state.name}` was stopped.",
                hint=f"Go on with `gristmill sweep --resume {self.state.name}`.",
            ) from None
        finally:
            for worker in self.workers:
                worker.close()

    def _fill(self) -> None:
        """Give trials to idle workers, starting workers up to the number wanted."""
        limit = self.state.spec.workers or max(1, len(os.sched_getaffinity(0)))
        while sum(w.busy is not None for w in self.workers) < limit:
            trial = self._next()
            if trial is None:
                return
            idle = next((w for w in self.workers if w.busy is None), None)
            if idle is None:
                log = sweep_directory(self.project, self.state.name) / "workers.log"
                idle = Worker(log)
                self.workers.append(idle)
            idle.start(trial.number, self._prepare(trial))
            trial.state = TrialState.RUNNING
            save(self.project, self.state)
            self.listener(self.state, trial)

    def _next(self) -> Trial | None:
        if self.unfinished:
            trial = self.unfinished.pop(0)
            self.suggester.restart(trial)
            trial.reports.clear()
            return trial
        number = len(self.state.trials)
        if number >= self.state.total:
            return None
        trial = Trial(number, self.suggester.ask(number))
        self.state.trials.append(trial)
        save(self.project, self.state)
        return trial

    def _prepare(self, trial: Trial) -> dict[str, Any]:
        root = self._root(trial)
        end_orphans(root / STATE / "runs")
        make_double(self.source, root, ())
        spec = self.state.spec
        tags = {
            "gristmill.kind": "trial",
            "gristmill.sweep": self.state.name,
            "gristmill.trial": str(trial.number + 1),
            "mlflow.parentRunId": str(self.state.parent),
        }
        return {
            "root": str(root),
            "sweep": self.state.name,
            "targets": list(self.checked.targets),
            "params": spec.params,
            "overrides": trial.params,
            "metric": spec.metric,
            "tags": tags,
            "reports": str(self._reports(trial)),
        }

    def _finish(self, worker: Worker) -> None:
        trial = self.state.trials[worker.busy or 0]
        result = worker.result()
        if not worker.alive:
            self.workers.remove(worker)
            worker.close()
        self._read_reports(trial)
        status = result["status"]
        if status == "cancelled":
            is_pruned = trial.number in self.pruned
            trial.state = TrialState.PRUNED if is_pruned else TrialState.WAITING
        else:
            trial.state = TrialState.DONE if status == "done" else TrialState.FAILED
        trial.value = result.get("value")
        trial.run = result.get("run")
        trial.seconds = round(result.get("seconds", 0.0), 3)
        trial.error = result.get("error", "")
        if trial.state.ended:
            self.suggester.tell(trial)
        end_orphans(self._root(trial) / STATE / "runs")
        clear_double(Project.load(self._root(trial)))
        save(self.project, self.state)
        self.listener(self.state, trial)

    def _read_all_reports(self) -> None:
        for worker in self.workers:
            if worker.busy is None or worker.busy in self.pruned:
                continue
            trial = self.state.trials[worker.busy]
            if self._read_reports(trial):
                self.pruned.add(trial.number)
                worker.interrupt()

    def _read_reports(self, trial: Trial) -> bool:
        """Take in a trial's new reports; returns whether it should stop."""
        new = read_reports(self._reports(trial), len(trial.reports))
        trial.reports += new
        verdicts = [self.suggester.prune(trial, step, value) for step, value in new]  # no shortcut
        return any(verdicts)

    def _stop(self) -> None:
        """Stop every running trial and wait for it; they wait for `--resume`."""
        busy = [w for w in self.workers if w.busy is not None]
        for worker in busy:
            worker.interrupt()
        for worker in busy:
            self._finish(worker)

    def _root(self, trial: Trial) -> Path:
        return trials(self.project, self.state.name) / f"{trial.number + 1:04d}"

    def _reports(self, trial: Trial) -> Path:
        return self._root(trial) / STATE / "reports.jsonl"
