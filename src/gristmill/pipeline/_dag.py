"""Outputs joined to inputs: who must run before whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gristmill.errors import Invalid, NotFound
from gristmill.pipeline._step import StepSpec, overlaps


@dataclass(frozen=True)
class Dag:
    """The steps of a project and what each needs of the others.

    Attributes
    ----------
    steps
        Steps by name, each after those that it needs.
    needs
        By step, the names of the steps whose outputs it reads.
    """

    steps: Mapping[str, StepSpec]
    needs: Mapping[str, frozenset[str]]

    def descendants(self, names: Iterable[str]) -> set[str]:
        """Every step that needs one of `names`, directly or not, without `names`."""
        start = set(names)
        reached: set[str] = set()
        for name in self.steps:
            if self.needs[name] & (start | reached):
                reached.add(name)
        return reached - start

    def ancestors(self, names: Iterable[str]) -> set[str]:
        """Every step that one of `names` needs, directly or not."""
        reached: set[str] = set()
        pending = list(names)
        while pending:
            for need in self.needs[pending.pop()]:
                if need not in reached:
                    reached.add(need)
                    pending.append(need)
        return reached

    def external_inputs(self) -> dict[str, list[str]]:
        """Inputs no step writes, with the steps that read them."""
        written = [o.path for s in self.steps.values() for o in s.outputs]
        readers: dict[str, list[str]] = {}
        for step in self.steps.values():
            for path in step.inputs:
                if not any(overlaps(path, w) for w in written):
                    readers.setdefault(path, []).append(step.name)
        return readers

    def find(self, name_or_path: str) -> str:
        """The name of a step.

        Parameters
        ----------
        name_or_path
            A step's name, or its notebook's path relative to the root.

        Returns
        -------
        str
            The step's name.

        Raises
        ------
        NotFound
            `step.not-found`, when no step is called that.
        """
        if name_or_path in self.steps:
            return name_or_path
        for step in self.steps.values():
            if step.notebook == name_or_path.removeprefix("./"):
                return step.name
        names = ", ".join(self.steps) or "none"
        raise NotFound(
            "step.not-found", f"there is no step `{name_or_path}`.", hint=f"Steps: {names}."
        )


def build_dag(steps: Iterable[StepSpec]) -> Dag:
    """Join outputs to inputs.

    Parameters
    ----------
    steps
        The steps, in any order.

    Returns
    -------
    Dag
        Each step comes after those that it needs.

    Raises
    ------
    Invalid
        When two steps have one name (`dag.same-name`), two write one path or one inside the
        other (`dag.two-writers`), or steps need each other in a cycle (`dag.cycle`).
    """
    by_name: dict[str, StepSpec] = {}
    writers: list[tuple[str, StepSpec]] = []
    for step in sorted(steps, key=lambda s: s.name):
        namesake = by_name.get(step.name)
        if namesake is not None:
            raise Invalid(
                "dag.same-name",
                f"{namesake.notebook} and {step.notebook} both make a step named `{step.name}`.",
                hint="Rename one of the notebooks.",
            )
        by_name[step.name] = step
        for output in step.outputs:
            for path, other in writers:
                if overlaps(path, output.path):
                    raise Invalid(
                        "dag.two-writers",
                        f"{other.location()} writes {path}, and {step.location()} writes "
                        f"{output.path}.",
                        hint="Let only one step write each path.",
                    )
            writers.append((output.path, step))
    exact = {path: writer.name for path, writer in writers}
    needs = {
        name: frozenset(_writers_of(path, exact) for path in step.inputs) - {None}
        for name, step in by_name.items()
    }
    all_needs = {
        name: frozenset(n for n in exact_writers if n is not None) | _directory_reads(step, writers)
        for (name, exact_writers), step in zip(needs.items(), by_name.values(), strict=True)
    }
    order = _order(by_name, all_needs)
    return Dag({n: by_name[n] for n in order}, {n: all_needs[n] for n in order})


def _writers_of(path: str, exact: Mapping[str, str]) -> str | None:
    """The step that writes `path` or a directory that contains it."""
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
    """The steps in an order in which each comes after those that it needs."""
    ordered: dict[str, None] = {}
    pending = set(steps)
    while pending:
        ready = sorted(n for n in pending if needs[n] <= ordered.keys())
        if not ready:
            cycle = _cycle(pending, needs)
            locations = "; ".join(steps[n].location() for n in cycle)
            raise Invalid(
                "dag.cycle",
                f"the steps depend on each other in a cycle: {' -> '.join([*cycle, cycle[0]])}.",
                hint=f"Change an input or output in one of: {locations}.",
            )
        ordered.update(dict.fromkeys(ready))
        pending.difference_update(ready)
    return list(ordered)


def _cycle(pending: set[str], needs: Mapping[str, frozenset[str]]) -> list[str]:
    """One cycle among `pending`, in the direction data flows."""
    path = [min(pending)]
    while True:
        step = min(needs[path[-1]] & pending)
        if step in path:
            return path[path.index(step) :][::-1]
        path.append(step)
