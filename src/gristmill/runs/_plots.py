"""The figures of a run: images in its executed notebooks, and its Plots files in DVC's cache."""

from __future__ import annotations

import base64
import contextlib
import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gristmill.errors import GristmillError
from gristmill.pipeline import parse_notebook, parse_step
from gristmill.project import Project
from gristmill.runs._find import find, run_directory
from gristmill.runs._record import RunRecord, StepRecord

IMAGES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml"}
MAX_BYTES = 2_000_000  # of one figure; larger ones are left out
MAX_ROWS = 1000


@dataclass(frozen=True)
class Figure:
    """An image, or a table of numbers.

    Attributes
    ----------
    step
        The step that made it.
    name
        What tells it from the step's other figures: a path, or the code cell that showed it.
    mime, data
        Of an image: its type, and its bytes in base64.
    columns, rows
        Of a table: at most MAX_ROWS rows, with None where a cell holds no number.
    """

    step: str
    name: str
    mime: str = ""
    data: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[float | None, ...], ...] = ()


@dataclass(frozen=True)
class FigurePair:
    """The same figure in two runs.

    Attributes
    ----------
    step, name
        Which figure.
    before, after
        The figure in each run, None where a run has none.
    """

    step: str
    name: str
    before: Figure | None
    after: Figure | None


def plots(project: Project, run: str) -> tuple[Figure, ...]:
    """The figures that a run made itself; steps that were fresh made none.

    Parameters
    ----------
    project
        The project.
    run
        The run, as for `find`.
    """
    record = find(project, run)
    return tuple(
        f for name, step in record.steps.items() for f in _figures(project, record, name, step)
    )


def plot_pairs(project: Project, one: str, other: str) -> tuple[FigurePair, ...]:
    """The figures of two runs beside each other, without those that are equal.

    Parameters
    ----------
    project
        The project.
    one, other
        Two runs, each as for `find`.
    """
    before = {(f.step, f.name): f for f in plots(project, one)}
    after = {(f.step, f.name): f for f in plots(project, other)}
    return tuple(
        FigurePair(*key, before.get(key), after.get(key))
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    )


def _figures(project: Project, record: RunRecord, name: str, step: StepRecord) -> Iterator[Figure]:
    directory = run_directory(project, record.run)
    if not step.executed or directory is None:
        return
    path = directory / Path(step.executed).name
    try:
        text = path.read_text(encoding="utf-8")
        spec = parse_step(parse_notebook(text, step.notebook), name)
    except (OSError, GristmillError):
        return
    yield from _shown(text, name)
    for output in spec.outputs if spec else ():
        digest = step.outputs.get(output.path)
        if output.kind == "plots" and digest and not digest.endswith(".dir"):
            yield from _file(_cached(project, digest), name, output.path)


def _shown(text: str, step: str) -> Iterator[Figure]:
    """Images among the outputs of a notebook."""
    number = 0
    for cell in json.loads(text)["cells"]:
        if cell.get("cell_type") != "code":
            continue
        number += 1
        images = [o.get("data", {}).get("image/png") for o in cell.get("outputs", ())]
        for index, image in enumerate(filter(None, images)):
            data = "".join(image) if isinstance(image, list) else str(image)
            if len(data) <= MAX_BYTES:
                which = f", image {index + 1}" if index else ""
                yield Figure(
                    step, f"code cell {number}{which}", "image/png", data.replace("\n", "")
                )


def _cached(project: Project, digest: str) -> Path | None:
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with contextlib.closing(Repo(str(project.root))) as repo:
            path = Path(repo.cache.local.path) / digest[:2] / digest[2:]
    except DvcException:
        return None
    return path if path.is_file() and path.stat().st_size <= MAX_BYTES else None


def _file(path: Path | None, step: str, name: str) -> Iterator[Figure]:
    if path is None:
        return
    suffix = Path(name).suffix.lower()
    if suffix in IMAGES:
        data = base64.b64encode(path.read_bytes()).decode()
        yield Figure(step, name, IMAGES[suffix], data)
    elif suffix == ".csv":
        lines = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8", errors="replace"))))
        if lines:
            rows = tuple(tuple(map(_number, line)) for line in lines[1 : MAX_ROWS + 1])
            yield Figure(step, name, columns=tuple(lines[0]), rows=rows)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
