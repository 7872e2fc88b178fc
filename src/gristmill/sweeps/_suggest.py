"""What to try next: by a grid, at random, or by Optuna with its own storage."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Protocol

from gristmill.errors import Unavailable
from gristmill.sweeps._space import Space, grid, random_point
from gristmill.sweeps._spec import CheckedSweep
from gristmill.sweeps._state import Trial, TrialState


class Suggester(Protocol):
    def ask(self, number: int) -> dict[str, Any]:
        """The parameters of trial `number`, counted from 0."""

    def restart(self, trial: Trial) -> None:
        """A trial that a dead process began begins again."""

    def prune(self, trial: Trial, step: int, value: float) -> bool:
        """Take in a report; returns whether the trial should stop."""

    def tell(self, trial: Trial) -> None:
        """The trial has ended."""


class FixedPoints:
    """Points that no result changes: a grid, or drawn from a seed."""

    def __init__(self, checked: CheckedSweep) -> None:
        self._spaces = checked.spaces
        self._seed = checked.spec.seed
        self._grid = list(grid(checked.spaces)) if checked.spec.method == "grid" else None

    def ask(self, number: int) -> dict[str, Any]:
        if self._grid is not None:
            return self._grid[number]
        return random_point(self._spaces, self._seed, number)

    def restart(self, trial: Trial) -> None:
        """Its parameters are in its record."""

    def prune(self, trial: Trial, step: int, value: float) -> bool:
        return False

    def tell(self, trial: Trial) -> None:
        """Nothing is learnt from it."""


class Optuna:
    """Optuna's TPE and median pruner over a study in SQLite, which outlives this process."""

    def __init__(self, checked: CheckedSweep, storage: Path, name: str) -> None:
        try:
            import optuna
        except ImportError as error:
            raise Unavailable(
                "sweep.no-optuna",
                "Optuna is not installed.",
                hint="pip install 'gristmill[sweeps]', or use --method random.",
            ) from error
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna
        self._spaces = checked.spaces
        seed = checked.spec.seed
        pruner = optuna.pruners.MedianPruner() if checked.spec.prune else None
        storage.parent.mkdir(parents=True, exist_ok=True)
        self.study = optuna.create_study(
            study_name=name,
            storage=f"sqlite:///{storage}",
            sampler=self._sampler(seed),
            pruner=pruner or optuna.pruners.NopPruner(),
            direction="maximize" if checked.spec.maximize else "minimize",
            load_if_exists=True,
        )
        self._trials: dict[int, Any] = {}
        if self.study.trials:  # a resumed study must not draw what it drew before
            self.study.sampler = self._sampler(seed + len(self.study.trials))

    def _sampler(self, seed: int) -> Any:
        """TPE that keeps trials which run at once apart; Optuna calls that experimental."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)
            return self._optuna.samplers.TPESampler(seed=seed, constant_liar=True)

    def ask(self, number: int) -> dict[str, Any]:
        trial = self.study.ask()
        self._trials[number] = trial
        return {name: _suggest(trial, name, space) for name, space in self._spaces.items()}

    def restart(self, trial: Trial) -> None:
        for stored in self.study.get_trials(deepcopy=False):
            unfinished = not stored.state.is_finished()
            if unfinished and stored.number not in {t.number for t in self._trials.values()}:
                self.study.tell(stored.number, state=self._optuna.trial.TrialState.FAIL)
        self.study.enqueue_trial(_indices(trial.params, self._spaces))
        trial.params = self.ask(trial.number)

    def prune(self, trial: Trial, step: int, value: float) -> bool:
        optuna_trial = self._trials[trial.number]
        optuna_trial.report(value, step)
        return bool(optuna_trial.should_prune())

    def tell(self, trial: Trial) -> None:
        states = self._optuna.trial.TrialState
        optuna_trial = self._trials.pop(trial.number)
        if trial.state == TrialState.DONE:
            self.study.tell(optuna_trial, trial.value)
        else:
            pruned = trial.state == TrialState.PRUNED
            self.study.tell(optuna_trial, state=states.PRUNED if pruned else states.FAIL)


def _suggest(trial: Any, name: str, space: Space) -> Any:
    if space.choices:  # by index: Optuna keeps only plain values
        return space.choices[trial.suggest_int(name, 0, len(space.choices) - 1)]
    if space.whole:
        step = 1 if space.log else int(space.step or 1)
        return trial.suggest_int(name, space.low, space.high, step=step, log=space.log)
    return trial.suggest_float(name, space.low, space.high, step=space.step, log=space.log)


def _indices(params: dict[str, Any], spaces: Any) -> dict[str, Any]:
    return {n: s.choices.index(params[n]) if s.choices else params[n] for n, s in spaces.items()}


def suggester(checked: CheckedSweep, directory: Path, name: str) -> Suggester:
    if checked.spec.method == "optuna":
        return Optuna(checked, directory / "optuna.db", name)
    return FixedPoints(checked)
