"""Parameters that a notebook's literals suggest, and the edits that make one of them. Pure."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from gristmill.authoring._form.change import append_edits, init_edits, set_edits, without
from gristmill.authoring._form.edits import SOURCE, TAG, Edit, apply_edits
from gristmill.authoring._form.form import VALUE, parameters_cell, read_form, target_of
from gristmill.authoring._form.places import Place, arguments, constants, paths
from gristmill.authoring._form.rename import names_in
from gristmill.authoring._form.spans import Positions, Splice, splice
from gristmill.authoring._form.values import quoted
from gristmill.authoring._rules.cells import Parsed, parse_cells
from gristmill.authoring._rules.finding import Cell
from gristmill.errors import NotFound
from gristmill.pipeline import type_of_value

INJECTED = "injected-parameters"
METRICS = re.compile(r"(metric|score)[^/]*(/.*)?\.json$")


@dataclass(frozen=True)
class Suggestion:
    """A parameter that the code suggests.

    `id` names it as long as the notebook is the same; `kind` is input, output, metrics, plots or
    value; `annotation` and `source` are its type and default in Python; `places` where the literal
    stands (cell index and line); `reason` says in a sentence why; `move` whether an assignment
    moves to the parameters cell, `exists` whether the name is declared there already.
    """

    id: str
    name: str
    kind: str
    annotation: str
    source: str
    reason: str
    places: tuple[Place, ...] = field(default=())
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
    taken = {n for cell in cells for n in names_in(cell)}
    own = parameters_cell(cells)
    found = _paths(cells, parsed, taken)
    settled = {s.name for s in found}
    moved = {p for s in found for p in s.places}
    for place in constants(parsed, own.index if own else -1):
        if place.name in settled or place in moved:
            continue
        found.append(
            Suggestion(
                f"constant:{place.name}",
                place.name,
                VALUE,
                str(type_of_value(place.value)),
                place.text,
                f"{place.name} is set once and used below.",
                (place,),
                move=True,
            )
        )
        settled.add(place.name)
    for places in arguments(parsed):
        first = places[0]
        name = _free(first.name, first.context, taken | settled)
        settled.add(name)
        found.append(
            Suggestion(
                f"argument:{first.cell}:{first.start}:{first.name}",
                name,
                VALUE,
                str(type_of_value(first.value)),
                first.text,
                f"{first.context}({first.name}={first.text}) takes a number.",
                tuple(places),
            )
        )
    return tuple(sorted(found, key=lambda s: (s.cell, s.line, s.id)))


def suggestion_edits(cells: Sequence[Cell], wanted: str) -> list[Edit]:
    """The edits that follow the suggestion with the id `wanted`.

    The literal gives way to the name, which the parameters cell declares (it is made when there is
    none). Raises NotFound when the notebook no longer suggests it.
    """
    chosen = next((s for s in suggest(cells) if s.id == wanted), None)
    if chosen is None:
        raise NotFound(
            "suggestion.not-found",
            f"`{wanted}` is not suggested any more.",
            hint="The notebook changed; look at its suggestions again.",
        )
    own = parameters_cell(cells)
    if chosen.exists and own is not None and chosen.places[0].cell == own.index:
        return set_edits(cells, chosen.name, annotation=chosen.annotation)
    edits: list[Edit] = []
    if own is None and chosen.move:
        start = init_edits(cells)
        if start[0].kind == TAG and start[0].cell == chosen.cell:
            now = apply_edits(cells, start)
            return start + set_edits(now, chosen.name, annotation=chosen.annotation)
    for index in sorted({p.cell for p in chosen.places}):
        before = cells[index].source
        edits.append(Edit(SOURCE, index, before, _replaced(before, index, chosen)))
    if chosen.exists:
        return edits
    now = apply_edits(cells, edits)
    if own is None:
        started = init_edits(now)
        edits += started
        now = apply_edits(now, started)
    line = f"{chosen.name}: {chosen.annotation} = {chosen.source}{_comment(cells, chosen)}"
    return edits + append_edits(now, [line], (chosen.annotation,))


def _replaced(source: str, index: int, chosen: Suggestion) -> str:
    at = Positions(source)
    if chosen.move:
        place = next(p for p in chosen.places if p.cell == index)
        return without(_assignment(source, place.name), at)
    here = [Splice(p.start, p.end, chosen.name) for p in chosen.places if p.cell == index]
    return splice(source, here)


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
    own = parameters_cell(cells)
    first = own.index if own else -1
    parsed = parse_cells([c for c in cells if c.index >= first and INJECTED not in c.tags])
    return [p for p in parsed if p.tree is not None]


def _paths(cells: Sequence[Cell], parsed: Sequence[Parsed], taken: set[str]) -> list[Suggestion]:
    form = read_form(cells)
    own = form.cell
    declared = {f.default: f for f in form.fields if f.kind != VALUE}
    plain = {f.name: f for f in form.fields if f.kind == VALUE and isinstance(f.default, str)}
    found: list[Suggestion] = []
    used = set(taken)
    for path, access in paths(parsed).items():
        verb = "written" if access.writes else "read"
        kind, annotation = ("output", "Output") if access.writes else ("input", "Input")
        if access.shows:
            kind, annotation = "plots", "Plots"
        elif access.writes and METRICS.search(path):
            kind, annotation = "metrics", "Metrics"
        reason = f"{path} is {verb} by {access.by}."
        if access.constant is not None:
            place = access.constant
            if place.cell == own:
                if place.name not in plain:
                    continue
                found.append(
                    Suggestion(
                        f"path:{path}", place.name, kind, annotation, place.text, reason, (place,),
                        exists=True,
                    )
                )  # fmt: skip
            elif place.movable:
                found.append(
                    Suggestion(
                        f"path:{path}", place.name, kind, annotation, place.text, reason, (place,),
                        move=True,
                    )
                )  # fmt: skip
            continue
        held = declared.get(path)
        if held is not None:
            name, exists = held.name, True
        else:
            name, exists = _free(_word(path), "", used), False
        used.add(name)
        found.append(
            Suggestion(
                f"path:{path}", name, kind, annotation, quoted(path), reason,
                tuple(access.places), exists=exists,
            )
        )  # fmt: skip
    return found


def _word(path: str) -> str:
    stem = PurePosixPath(path).name.split(".")[0]
    word = re.sub(r"\W+", "_", stem).strip("_").lower() or "path"
    return f"_{word}".lstrip("_") if not word[0].isdigit() else f"data_{word}"


def _free(name: str, context: str, taken: set[str]) -> str:
    """A name that nothing in the notebook has: itself, with its context, or numbered."""
    bad = taken | set(dir(builtins)) | set(keyword.kwlist)
    base = re.sub(r"\W+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", context)).strip("_").lower()
    for candidate in (name, f"{name}_path" if not base else f"{base}_{name}"):
        if candidate not in bad:
            return candidate
    return next(c for n in range(2, len(bad) + 3) if (c := f"{name}_{n}") not in bad)
