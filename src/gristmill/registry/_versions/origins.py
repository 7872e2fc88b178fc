"""All steps that a version came from, and the notebooks they ran."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from gristmill.errors import Invalid
from gristmill.lineage import Lineage, git
from gristmill.pipeline import CellChange, Notebook, cell_changes, code_sources, parse_notebook
from gristmill.project import Project

Find = Callable[[str, str, str], Lineage | None]


def upstream(
    trees: Sequence[Project], lineage: Lineage, find: Find
) -> tuple[tuple[Lineage, ...], tuple[str, ...]]:
    """The steps before that of `lineage`, and the names of those whose runs left no record.

    Followed from inputs to the runs that wrote exactly that content: of the records in `trees`,
    else `find(step, path, hash)`.
    """
    writers: dict[tuple[str, str], Lineage] = {}
    for tree in reversed(trees):
        for recorded in recorded_lineages(tree):
            writers.update(dict.fromkeys(recorded.outputs.items(), recorded))
    producers = _producers(trees[0])
    steps: dict[str, Lineage] = {lineage.step: lineage}
    unrecorded: dict[str, None] = {}
    queue = [lineage]
    while queue:
        for path, digest in queue.pop(0).inputs.items():
            step, writer = producers.get(path, ""), writers.get((path, digest))
            if writer is None and step and step not in steps:
                writer = find(step, path, digest)
                if writer is None:
                    unrecorded[step] = None
            if writer is not None and writer.step not in steps:
                steps[writer.step] = writer
                queue.append(writer)
    known = tuple(line for name, line in steps.items() if name != lineage.step)
    return known, tuple(step for step in unrecorded if step not in steps)


def _producers(project: Project) -> dict[str, str]:
    """The step that writes each output."""
    from gristmill.workspace import load_workspace

    steps = load_workspace(project).dag.steps.values()
    return {output.path: step.name for step in steps for output in step.outputs}


def recorded_lineages(project: Project, *, newest_first: bool = False) -> Iterator[Lineage]:
    """The lineage of each step of each run that was not removed, oldest first."""
    for path in sorted(project.state.glob("runs/*/*.lineage.json"), reverse=newest_first):
        try:
            yield Lineage.from_json(path.read_text(encoding="utf-8"))
        except (OSError, Invalid):
            continue  # a run that was killed while it wrote, or was removed just now


def parameters(steps: Mapping[str, Lineage]) -> dict[str, Any]:
    """Every step's parameters as `step.name`."""
    return {f"{s}.{k}": v for s, line in steps.items() for k, v in line.params.items()}


def inputs(steps: Mapping[str, Lineage]) -> dict[str, str]:
    """Every path that a step read, with its hash."""
    return {p: h for line in steps.values() for p, h in line.inputs.items()}


def changed_cells(
    project: Project, before: Mapping[str, Lineage], after: Mapping[str, Lineage]
) -> dict[str, tuple[CellChange, ...]]:
    """Cells that differ in the notebooks of the steps of two versions, by notebook.

    A notebook is read as it was executed, else as it was committed; steps of which one side has
    neither are left out.
    """
    changes: dict[str, tuple[CellChange, ...]] = {}
    for step in sorted({*before, *after}):
        old, new = (_notebook(project, side.get(step)) for side in (before, after))
        unknown = (old is None and step in before) or (new is None and step in after)
        cells = cell_changes(*(code_sources(n) if n else [] for n in (old, new)))
        if cells and not unknown:
            changes[(new or old or Notebook("", "", "", ())).path] = cells
    return changes


def _notebook(project: Project, lineage: Lineage | None) -> Notebook | None:
    if lineage is None or not lineage.notebook:
        return None
    text = None
    if lineage.executed and (project.root / lineage.executed).is_file():
        text = (project.root / lineage.executed).read_text(encoding="utf-8")
    elif lineage.commit:
        text = git(project.root, "show", f"{lineage.commit}:./{lineage.notebook}")
    try:
        return parse_notebook(text, lineage.notebook) if text else None
    except Invalid:
        return None
