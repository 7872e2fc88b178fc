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
from gristmill.sweeps._pool import Worker, answered
from gristmill.sweeps._reports import read_reports
from gristmill.sweeps._spec import CheckedSweep, SweepSpec, check_sweep, read_spec
from gristmill.sweeps._state import (
    DONE,
    ENDED,
    FAILED,
    FILE,
    PRUNED,
    RUNNING,
    WAITING,
    Sweep,
    Trial,
    load_sweep,
    save,
    sweep_directory,
)
from gristmill.sweeps._suggest import Suggester, suggester
from gristmill.sweeps._tracked import close_parent, open_parent
from gristmill.workspace import load_workspace

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

    Every trial works in a shadow of the project as it was when the sweep began; outputs, `dvc.lock`
    and `params.yaml` stay as they are. A trial that fails stops no other. `listener` hears of each
    trial that starts or ends. Raises Invalid before anything runs, Conflict when the sweep is
    running or has run, NotFound, and Cancelled after Ctrl-C: `resume` goes on.
    """
    place = sweep_directory(project, name)
    if resume:
        load_sweep(project, name)
    else:
        require_new_name(project, name)
        spec = spec or read_spec(project, name)
        where = f"sweep {name}"
        checked = check_sweep(spec, load_workspace(project, spec.params), where)
    with project_lock(place, f"gristmill sweep {name}", wait=False):
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
        asks = suggester(checked, place, name)
        loop = _Loop(project, source, state, checked, asks, listener)
        try:
            loop.run()
        finally:
            close_parent(project, state)
        return state


def require_new_name(project: Project, name: str) -> None:
    """Raise Conflict for the name of a sweep that has run, Invalid for what is no name."""
    if (sweep_directory(project, name) / FILE).exists():
        raise Conflict(
            "sweep.exists",
            f"sweep `{name}` has run already.",
            hint=f"`--resume {name}` goes on; `--name` gives a new one another name.",
        )


def trials(project: Project, name: str) -> Path:
    """Where the shadows of a sweep lie."""
    return project.state / "trials" / name


class _Loop:
    """The trials of a sweep over worker processes."""

    def __init__(
        self,
        project: Project,
        source: Project,
        state: Sweep,
        checked: CheckedSweep,
        asks: Suggester,
        listener: Listener,
    ) -> None:
        self.project = project
        self.source = source
        self.state = state
        self.checked = checked
        self.asks = asks
        self.listener = listener
        self.again = [t for t in state.trials if t.state not in ENDED]
        self.workers: list[Worker] = []
        self.falling: set[int] = set()

    def run(self) -> None:
        try:
            while True:
                self._fill()
                if all(w.busy is None for w in self.workers):
                    return
                for worker in answered(self.workers, POLL_S):
                    self._finish(worker)
                self._hear_reports()
        except KeyboardInterrupt:
            self._stop()
            raise Cancelled(
                "sweep.cancelled",
                f"sweep `{self.state.name}` was stopped.",
                hint=f"`gristmill sweep --resume {self.state.name}` goes on.",
            ) from None
        finally:
            for worker in self.workers:
                worker.close()

    def _fill(self) -> None:
        """Give trials to idle workers, starting workers up to the number wanted."""
        wanted = self.state.spec.workers or max(1, len(os.sched_getaffinity(0)))
        while sum(w.busy is not None for w in self.workers) < wanted:
            trial = self._next()
            if trial is None:
                return
            idle = next((w for w in self.workers if w.busy is None), None)
            if idle is None:
                log = sweep_directory(self.project, self.state.name) / "workers.log"
                idle = Worker(log)
                self.workers.append(idle)
            idle.start(trial.number, self._prepare(trial))
            trial.state = RUNNING
            save(self.project, self.state)
            self.listener(self.state, trial)

    def _next(self) -> Trial | None:
        if self.again:
            trial = self.again.pop(0)
            self.asks.again(trial)
            trial.reports.clear()
            return trial
        number = len(self.state.trials)
        if number >= self.state.total:
            return None
        trial = Trial(number, self.asks.ask(number))
        self.state.trials.append(trial)
        save(self.project, self.state)
        return trial

    def _prepare(self, trial: Trial) -> dict[str, Any]:
        place = self._place(trial)
        end_orphans(place / STATE / "runs")
        make_double(self.source, place, ())
        spec = self.state.spec
        tags = {
            "gristmill.kind": "trial",
            "gristmill.sweep": self.state.name,
            "gristmill.trial": str(trial.number + 1),
            "mlflow.parentRunId": str(self.state.parent),
        }
        return {
            "root": str(place),
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
        answer = worker.answer()
        if not worker.alive:
            self.workers.remove(worker)
            worker.close()
        self._hear(trial)
        status = answer["status"]
        if status == "cancelled":
            trial.state = PRUNED if trial.number in self.falling else WAITING
        else:
            trial.state = DONE if status == "done" else FAILED
        trial.value = answer.get("value")
        trial.run = answer.get("run")
        trial.seconds = round(answer.get("seconds", 0.0), 3)
        trial.error = answer.get("error", "")
        if trial.state in ENDED:
            self.asks.tell(trial)
        end_orphans(self._place(trial) / STATE / "runs")
        clear_double(Project.load(self._place(trial)))
        save(self.project, self.state)
        self.listener(self.state, trial)

    def _hear_reports(self) -> None:
        for worker in self.workers:
            if worker.busy is None or worker.busy in self.falling:
                continue
            trial = self.state.trials[worker.busy]
            if self._hear(trial):
                self.falling.add(trial.number)
                worker.interrupt()

    def _hear(self, trial: Trial) -> bool:
        """Take in a trial's new reports; whether it should stop."""
        new = read_reports(self._reports(trial), len(trial.reports))
        trial.reports += new
        verdicts = [self.asks.prune(trial, step, value) for step, value in new]  # hears all
        return any(verdicts)

    def _stop(self) -> None:
        """Stop every running trial and wait for it; they wait for `--resume`."""
        busy = [w for w in self.workers if w.busy is not None]
        for worker in busy:
            worker.interrupt()
        for worker in busy:
            self._finish(worker)

    def _place(self, trial: Trial) -> Path:
        return trials(self.project, self.state.name) / f"{trial.number + 1:04d}"

    def _reports(self, trial: Trial) -> Path:
        return self._place(trial) / STATE / "reports.jsonl"
