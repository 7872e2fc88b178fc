"""Outputs joined to inputs: who must run before whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gristmill.errors import Invalid, NotFound
from gristmill.pipeline._step import StepSpec, overlaps


@dataclass(frozen=True)
class Dag:
    """Steps by name in an order in which every step comes after those it needs."""

    steps: Mapping[str, StepSpec]
    needs: Mapping[str, frozenset[str]]

    def descendants(self, names: Iterable[str]) -> set[str]:
        """Every step that needs one of `names`, directly or not, without `names`."""
        start = set(names)
        found: set[str] = set()
        for name in self.steps:
            if self.needs[name] & (start | found):
                found.add(name)
        return found - start

    def ancestors(self, names: Iterable[str]) -> set[str]:
        """Every step that one of `names` needs, directly or not."""
        found: set[str] = set()
        pending = list(names)
        while pending:
            for need in self.needs[pending.pop()]:
                if need not in found:
                    found.add(need)
                    pending.append(need)
        return found

    def external_inputs(self) -> dict[str, list[str]]:
        """Inputs no step writes, with the steps that read them."""
        written = [o.path for s in self.steps.values() for o in s.outputs]
        found: dict[str, list[str]] = {}
        for step in self.steps.values():
            for path in step.inputs:
                if not any(overlaps(path, w) for w in written):
                    found.setdefault(path, []).append(step.name)
        return found

    def find(self, word: str) -> str:
        """The step's name for a name or a notebook's path; raises NotFound."""
        if word in self.steps:
            return word
        for step in self.steps.values():
            if step.notebook == word.removeprefix("./"):
                return step.name
        known = ", ".join(self.steps) or "none"
        raise NotFound("step.not-found", f"there is no step `{word}`.", hint=f"Steps: {known}.")


def build_dag(steps: Iterable[StepSpec]) -> Dag:
    """Join outputs to inputs.

    Raises Invalid when two steps have one name, two write one path (or one inside the other),
    or the steps form a cycle.
    """
    by_name: dict[str, StepSpec] = {}
    writers: list[tuple[str, StepSpec]] = []
    for step in sorted(steps, key=lambda s: s.name):
        twin = by_name.get(step.name)
        if twin is not None:
            raise Invalid(
                "dag.same-name",
                f"{twin.notebook} and {step.notebook} are both called `{step.name}`.",
                hint="Rename one of the notebooks.",
            )
        by_name[step.name] = step
        for output in step.outputs:
            for path, other in writers:
                if overlaps(path, output.path):
                    raise Invalid(
                        "dag.two-writers",
                        f"{other.place()} writes {path} and {step.place()} writes {output.path}.",
                        hint="Every path has one step that writes it.",
                    )
            writers.append((output.path, step))
    exact = {path: writer.name for path, writer in writers}
    needs = {
        name: frozenset(_writers_of(path, exact) for path in step.inputs) - {None}
        for name, step in by_name.items()
    }
    full = {
        name: frozenset(n for n in found if n is not None) | _directory_reads(step, writers)
        for (name, found), step in zip(needs.items(), by_name.values(), strict=True)
    }
    order = _order(by_name, full)
    return Dag({n: by_name[n] for n in order}, {n: full[n] for n in order})


def _writers_of(path: str, exact: Mapping[str, str]) -> str | None:
    """The step that writes `path` or a directory it lies in."""
    parts = path.split("/")
    for length in range(len(parts), 0, -1):
        writer = exact.get("/".join(parts[:length]))
        if writer is not None:
            return writer
    return None


def _directory_reads(step: StepSpec, writers: list[tuple[str, StepSpec]]) -> frozenset[str]:
    """Steps that write inside a directory this step reads."""
    return frozenset(
        writer.name
        for path in step.inputs
        for written, writer in writers
        if written.startswith(path + "/")
    )


def _order(steps: Mapping[str, StepSpec], needs: Mapping[str, frozenset[str]]) -> list[str]:
    done: dict[str, None] = {}
    pending = set(steps)
    while pending:
        ready = sorted(n for n in pending if needs[n] <= done.keys())
        if not ready:
            cycle = _cycle(pending, needs)
            places = "; ".join(steps[n].place() for n in cycle)
            raise Invalid(
                "dag.cycle",
                f"the steps need each other in a circle: {' -> '.join([*cycle, cycle[0]])}.",
                hint=f"Change an input or output in one of: {places}.",
            )
        done.update(dict.fromkeys(ready))
        pending.difference_update(ready)
    return list(done)


def _cycle(pending: set[str], needs: Mapping[str, frozenset[str]]) -> list[str]:
    """One cycle among `pending`, in the direction data flows."""
    path = [min(pending)]
    while True:
        step = min(needs[path[-1]] & pending)
        if step in path:
            return path[path.index(step) :][::-1]
        path.append(step)
