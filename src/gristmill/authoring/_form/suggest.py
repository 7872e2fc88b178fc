"""Parameters that a notebook's literals suggest, and the edits that make one of them. Pure."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from gristmill.authoring._cells import Cell, Parsed, parse_cells
from gristmill.authoring._form.change import append_edits, init_edits, set_edits, without
from gristmill.authoring._form.edits import SOURCE, TAG, Edit, apply_edits
from gristmill.authoring._form.form import VALUE, parameters_cell, read_form, target_of
from gristmill.authoring._form.literals import Occurrence, arguments, constants, paths
from gristmill.authoring._form.rename import names_in
from gristmill.authoring._form.spans import Positions, Splice, splice
from gristmill.authoring._form.values import quoted
from gristmill.errors import NotFound
from gristmill.pipeline import INJECTED, type_of_value

METRICS = re.compile(r"(metric|score)[^/]*(/.*)?\.json$")


@dataclass(frozen=True)
class Suggestion:
    """A parameter that the code suggests.

    Attributes
    ----------
    id
        Names it as long as the notebook stays the same.
    name
        The parameter's name.
    kind
        input, output, metrics, plots or value.
    annotation
        Its type in Python.
    source
        Its default in Python.
    reason
        Why, in a sentence.
    places
        Where the literal occurs.
    move
        Whether an assignment moves to the parameters cell.
    exists
        Whether the parameters cell already declares the name.
    """

    id: str
    name: str
    kind: str
    annotation: str
    source: str
    reason: str
    places: tuple[Occurrence, ...] = field(default=())
    move: bool = False
    exists: bool = False

    @property
    def cell(self) -> int:
        return self.places[0].cell

    @property
    def line(self) -> int:
        return self.places[0].line


def suggest(cells: Sequence[Cell]) -> tuple[Suggestion, ...]:
    """Suggestions in the order of the cells: paths, then constants, then numbers in calls."""
    parsed = _parsed(cells)
    used_names = {n for cell in cells for n in names_in(cell)}
    parameters = parameters_cell(cells)
    suggestions = _paths(cells, parsed, used_names)
    names = {s.name for s in suggestions}
    moved = {p for s in suggestions for p in s.places}
    for occurrence in constants(parsed, parameters.index if parameters else -1):
        if occurrence.name in names or occurrence in moved:
            continue
        suggestions.append(
            Suggestion(
                f"constant:{occurrence.name}",
                occurrence.name,
                VALUE,
                str(type_of_value(occurrence.value)),
                occurrence.text,
                f"{occurrence.name} is set once and used below.",
                (occurrence,),
                move=True,
            )
        )
        names.add(occurrence.name)
    for occurrences in arguments(parsed):
        first = occurrences[0]
        name = _unused_name(first.name, first.context, used_names | names)
        names.add(name)
        suggestions.append(
            Suggestion(
                f"argument:{first.cell}:{first.start}:{first.name}",
                name,
                VALUE,
                str(type_of_value(first.value)),
                first.text,
                f"{first.context}({first.name}={first.text}) takes a number.",
                tuple(occurrences),
            )
        )
    return tuple(sorted(suggestions, key=lambda s: (s.cell, s.line, s.id)))


def suggestion_edits(cells: Sequence[Cell], suggestion_id: str) -> list[Edit]:
    """The edits that follow the suggestion with the id `suggestion_id`.

    The literal gives way to the name, which the parameters cell declares (it is made when there is
    none). Raises NotFound when the notebook no longer suggests it.
    """
    chosen = next((s for s in suggest(cells) if s.id == suggestion_id), None)
    if chosen is None:
        raise NotFound(
            "suggestion.not-found",
            f"there is no suggestion `{suggestion_id}` any more.",
            hint="The notebook has changed: load its suggestions again.",
        )
    parameters = parameters_cell(cells)
    if chosen.exists and parameters is not None and chosen.places[0].cell == parameters.index:
        return set_edits(cells, chosen.name, annotation=chosen.annotation)
    edits: list[Edit] = []
    if parameters is None and chosen.move:
        tagging = init_edits(cells)
        if tagging[0].kind == TAG and tagging[0].cell == chosen.cell:
            current = apply_edits(cells, tagging)
            return tagging + set_edits(current, chosen.name, annotation=chosen.annotation)
    for index in sorted({p.cell for p in chosen.places}):
        before = cells[index].source
        edits.append(Edit(SOURCE, index, before, _replaced(before, index, chosen)))
    if chosen.exists:
        return edits
    current = apply_edits(cells, edits)
    if parameters is None:
        insertion = init_edits(current)
        edits += insertion
        current = apply_edits(current, insertion)
    line = f"{chosen.name}: {chosen.annotation} = {chosen.source}{_comment(cells, chosen)}"
    return edits + append_edits(current, [line], (chosen.annotation,))


def _replaced(source: str, index: int, chosen: Suggestion) -> str:
    at = Positions(source)
    if chosen.move:
        occurrence = next(p for p in chosen.places if p.cell == index)
        return without(_assignment(source, occurrence.name), at)
    changes = [Splice(p.start, p.end, chosen.name) for p in chosen.places if p.cell == index]
    return splice(source, changes)


def _comment(cells: Sequence[Cell], chosen: Suggestion) -> str:
    """The comment behind an assignment goes along with it."""
    if not chosen.move:
        return ""
    at = Positions(cells[chosen.cell].source)
    statement = _assignment(at.source, chosen.places[0].name)
    end = at.span(statement)[1]
    rest = at.source[end : at.line_end(end)].strip()
    return f"  {rest}" if rest.startswith("#") else ""


def _assignment(source: str, name: str) -> ast.stmt:
    tree = parse_cells([Cell(0, "code", source, frozenset(), None, ())])[0].tree
    assert tree is not None
    return next(s for s in tree.body if (target_of(s) or ("",))[0] == name)


def _parsed(cells: Sequence[Cell]) -> list[Parsed]:
    parameters = parameters_cell(cells)
    first = parameters.index if parameters else -1
    parsed = parse_cells([c for c in cells if c.index >= first and INJECTED not in c.tags])
    return [p for p in parsed if p.tree is not None]


def _paths(
    cells: Sequence[Cell], parsed: Sequence[Parsed], used_names: set[str]
) -> list[Suggestion]:
    form = read_form(cells)
    parameters_index = form.cell
    declared = {f.default: f for f in form.fields if f.kind != VALUE}
    texts_by_name = {
        f.name: f for f in form.fields if f.kind == VALUE and isinstance(f.default, str)
    }
    suggestions: list[Suggestion] = []
    names = set(used_names)
    for path, access in paths(parsed).items():
        verb = "written" if access.writes else "read"
        kind, annotation = ("output", "Output") if access.writes else ("input", "Input")
        if access.shows:
            kind, annotation = "plots", "Plots"
        elif access.writes and METRICS.search(path):
            kind, annotation = "metrics", "Metrics"
        reason = f"{path} is {verb} by {access.by}."
        if access.constant is not None:
            constant = access.constant
            if constant.cell == parameters_index:
                if constant.name not in texts_by_name:
                    continue
                suggestions.append(
                    Suggestion(
                        f"path:{path}",
                        constant.name,
                        kind,
                        annotation,
                        constant.text,
                        reason,
                        (constant,),
                        exists=True,
                    )
                )
            elif constant.movable:
                suggestions.append(
                    Suggestion(
                        f"path:{path}",
                        constant.name,
                        kind,
                        annotation,
                        constant.text,
                        reason,
                        (constant,),
                        move=True,
                    )
                )
            continue
        field = declared.get(path)
        if field is not None:
            name, exists = field.name, True
        else:
            name, exists = _unused_name(_name_for(path), "", names), False
        names.add(name)
        suggestions.append(
            Suggestion(
                f"path:{path}",
                name,
                kind,
                annotation,
                quoted(path),
                reason,
                tuple(access.places),
                exists=exists,
            )
        )
    return suggestions


def _name_for(path: str) -> str:
    stem = PurePosixPath(path).name.split(".")[0]
    word = re.sub(r"\W+", "_", stem).strip("_").lower() or "path"
    return f"_{word}".lstrip("_") if not word[0].isdigit() else f"data_{word}"


def _unused_name(name: str, context: str, used_names: set[str]) -> str:
    """A name that nothing in the notebook has: itself, with its context, or numbered."""
    unavailable = used_names | set(dir(builtins)) | set(keyword.kwlist)
    base = re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", context)).strip("_").lower()
    for candidate in (name, f"{name}_path" if not base else f"{base}_{name}"):
        if candidate not in unavailable:
            return candidate
    return next(
        c for n in range(2, len(unavailable) + 3) if (c := f"{name}_{n}") not in unavailable
    )
