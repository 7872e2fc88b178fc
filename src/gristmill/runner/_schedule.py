"""Which step may begin now: dependencies, capacity, retries. Pure: time is an argument."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import Enum

from gristmill.workspace import Resources

OVERTAKES = 4
"""How many steps may begin before one that was ready earlier and did not fit."""
BACKOFF_LIMIT_S = 3600.0
JITTER = 0.25


class State(Enum):
    """Where a step is. All but the first two are final."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


class Schedule:
    """The states of the steps of one run.

    `order` respects `needs` (names that are not in `order` count as done); `demands` are what each
    step occupies while it runs, `capacity` what there is, by resource name; a demand must fit into
    the capacity alone. Steps are served in the order in which they became ready, those with the
    longest chain of steps behind them first. A smaller step may overtake one that does not fit, at
    most OVERTAKES times, so that none starves.
    """

    def __init__(
        self,
        order: Iterable[str],
        needs: Mapping[str, Collection[str]],
        demands: Mapping[str, Resources],
        capacity: Resources,
        *,
        keep_going: bool = True,
    ) -> None:
        self.states = dict.fromkeys(order, State.PENDING)
        self._needs = {s: [n for n in needs[s] if n in self.states] for s in self.states}
        self._demands = demands
        self._free = dict(capacity)
        self._keep_going = keep_going
        self._cancelled = False
        self._queue: list[str] = []
        self._due: dict[str, float] = {}
        self._overtaken = dict.fromkeys(self.states, 0)
        self._chain = _chains(self.states, self._needs)
        self._admit()

    @property
    def finished(self) -> bool:
        return not any(s in (State.PENDING, State.RUNNING) for s in self.states.values())

    @property
    def running(self) -> list[str]:
        return [step for step, state in self.states.items() if state is State.RUNNING]

    @property
    def wakes(self) -> float | None:
        """When the next retry is due."""
        return min(self._due.values(), default=None)

    def start(self, clock: float) -> str | None:
        """Begin the next step that may and fits; None when there is none at time `clock`."""
        for step in sorted(
            (s for s, at in self._due.items() if at <= clock), key=self._due.__getitem__
        ):
            del self._due[step]
            self._queue.append(step)
        for position, step in enumerate(self._queue):
            if all(self._free[name] >= amount for name, amount in self._demands[step].items()):
                for passed in self._queue[:position]:
                    self._overtaken[passed] += 1
                del self._queue[position]
                self._occupy(step, 1)
                self.states[step] = State.RUNNING
                return step
            if self._overtaken[step] >= OVERTAKES:
                return None
        return None

    def end(self, step: str, *, ok: bool) -> dict[str, list[str]]:
        """A running step ended. Returns the steps that cannot run any more, each with what they
        need that did not succeed."""
        self._occupy(step, -1)
        if ok:
            self.states[step] = State.SUCCEEDED
        else:
            self.states[step] = State.CANCELLED if self._cancelled else State.FAILED
        blocked = self._block()
        self._admit()
        return blocked

    def hold(self, step: str) -> dict[str, list[str]]:
        """A step that began has to wait for something outside of the run, and is none of its
        failures. Returns the steps that cannot run now, as `end` does."""
        self._occupy(step, -1)
        self.states[step] = State.BLOCKED
        blocked = self._block()
        self._admit()
        return blocked

    def retry(self, step: str, at: float) -> None:
        """A running step ended and is to begin again at `at`."""
        self._occupy(step, -1)
        if self._cancelled:
            self.states[step] = State.CANCELLED
            return
        self.states[step] = State.PENDING
        self._due[step] = at

    def cancel(self) -> list[str]:
        """Begin nothing more; returns the steps that now never will."""
        self._cancelled = True
        self._queue.clear()
        self._due.clear()
        pending = [s for s, state in self.states.items() if state is State.PENDING]
        self.states.update(dict.fromkeys(pending, State.CANCELLED))
        return pending

    def _occupy(self, step: str, sign: int) -> None:
        for name, amount in self._demands[step].items():
            self._free[name] -= sign * amount

    def _block(self) -> dict[str, list[str]]:
        bad = (State.FAILED, State.BLOCKED)
        failed = [s for s, state in self.states.items() if state is State.FAILED]
        blocked: dict[str, list[str]] = {}
        if self._cancelled:
            return blocked
        for step, state in self.states.items():
            if state is not State.PENDING:
                continue
            causes = [n for n in self._needs[step] if self.states[n] in bad]
            if causes or (failed and not self._keep_going):
                self.states[step] = State.BLOCKED
                self._due.pop(step, None)
                blocked[step] = sorted(causes or failed)
        self._queue = [s for s in self._queue if s not in blocked]
        return blocked

    def _admit(self) -> None:
        """Queue what has become ready."""
        ready = [
            step
            for step, state in self.states.items()
            if state is State.PENDING
            and step not in self._due
            and step not in self._queue
            and all(self.states[n] is State.SUCCEEDED for n in self._needs[step])
        ]
        self._queue += sorted(ready, key=lambda s: -self._chain[s])


def _chains(steps: Iterable[str], needs: Mapping[str, Collection[str]]) -> dict[str, int]:
    """How many steps the longest chain after each step has."""
    chain = dict.fromkeys(steps, 0)
    for step in reversed(list(chain)):
        for need in needs[step]:
            chain[need] = max(chain[need], chain[step] + 1)
    return chain


def backoff(first: float, attempt: int, chance: float) -> float:
    """Seconds to wait after failed attempt number `attempt` (from 1).

    `first` doubles with each attempt up to an hour; `chance` in [0, 1) moves it by at most a
    quarter either way, so that steps which failed together do not come back together.
    """
    wait = min(first * 2.0 ** min(attempt - 1, 30), BACKOFF_LIMIT_S)
    return wait * (1 - JITTER + 2 * JITTER * chance)
