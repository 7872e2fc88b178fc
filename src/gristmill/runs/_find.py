"""One run by its name, a beginning of it, `last` or `last~1`; and two of them compared."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gristmill.errors import Invalid, NotFound
from gristmill.lineage import Lineage
from gristmill.pipeline import code_sources, parse_notebook
from gristmill.project import Project, finds_project
from gristmill.runs._compare import RunDiff, changed_steps, compare
from gristmill.runs._record import RECORD_FILE, RunRecord, StepRecord
from gristmill.tracking import RUN_TAG, STEP_TAG, experiment_id, from_mlflow_status, mlflow_client

if TYPE_CHECKING:
    from mlflow import MlflowClient

LAST = re.compile(r"last(?:~(\d+))?$")
NEAREST = 5


@finds_project
def find(project: Project, run: str) -> RunRecord:
    """The record of one run.

    The record beside the executed notebooks is read; MLflow is asked when this machine has none.

    Parameters
    ----------
    project
        The project.
    run
        A run's name, a unique beginning of one, `last`, or `last~N` for the one N before it.

    Raises
    ------
    NotFound
        No run is called so; the hint has the nearest names.
    Invalid
        `runs.ambiguous`, when several names begin so.
    """
    local = local_runs(project)
    if back := LAST.match(run):
        count = int(back[1] or 0)
        if count < len(local):
            return _read(project, local[-1 - count])
        raise NotFound(
            "runs.not-found",
            f"There is no run `{run}`: only {len(local)} run(s) are kept here.",
            hint="`gristmill runs list` shows them.",
        )
    matches = [name for name in local if name.startswith(run)] if run else []
    if run in matches:
        matches = [run]
    if not matches:
        matches = _tracked(project, run)
    if not matches:
        near = difflib.get_close_matches(run, local, NEAREST, cutoff=0.3) or local[-NEAREST:]
        hint = f"Nearest: {', '.join(near)}." if near else "No run is kept here yet."
        raise NotFound("runs.not-found", f"There is no run `{run}`.", hint=hint)
    if len(matches) > 1:
        raise Invalid(
            "runs.ambiguous",
            f"{len(matches)} runs begin with `{run}`.",
            hint=f"Give more of the name: {', '.join(sorted(matches)[-NEAREST:])}.",
        )
    return _read(project, matches[0])


@finds_project
def diff(project: Project, one: str, other: str) -> RunDiff:
    """What `other` changed against `one`.

    Parameters
    ----------
    project
        The project.
    one, other
        Two runs, each as for `find`.
    """
    before, after = find(project, one), find(project, other)
    cells = {
        step: (code_cells(project, before, step), code_cells(project, after, step))
        for step in changed_steps(before, after)
    }
    return compare(before, after, cells)


def local_runs(project: Project) -> list[str]:
    """Names of the runs kept on this machine, oldest first, without those of sweeps."""
    directory = project.state / "runs"
    return sorted(p.name for p in directory.iterdir() if p.is_dir()) if directory.is_dir() else []


def run_files(project: Project, run: str) -> list[Path]:
    """What a run left on this machine: executed notebooks, lineage, logs.

    Parameters
    ----------
    project
        The project.
    run
        The run's name.
    """
    directory = run_directory(project, run)
    return sorted(p for p in directory.iterdir() if p.stat().st_size) if directory else []


def run_directory(project: Project, run: str) -> Path | None:
    """The folder with a run's files, None when they are not on this machine."""
    own = project.state / "runs" / run
    if own.is_dir():
        return own
    return next(project.state.glob(f"trials/*/*/.gristmill/runs/{run}"), None)


def code_cells(project: Project, run: RunRecord, step: str) -> list[str] | None:
    """The code cells of a step as the run had them, from its own executed notebook or from that
    of a run with the same code; None when none is kept."""
    record = run.steps[step]
    for path in _executed(project, run, step):
        try:
            text = path.read_text(encoding="utf-8")
            return code_sources(parse_notebook(text, path.name))
        except (OSError, Invalid):
            continue
    if record.mlflow_run is None:
        return None
    from mlflow.exceptions import MlflowException

    try:
        copy = mlflow_client(project).download_artifacts(
            record.mlflow_run, f"notebook/{step}.ipynb"
        )
    except (MlflowException, OSError):
        return None
    return code_sources(parse_notebook(Path(copy).read_text(encoding="utf-8"), copy))


def _executed(project: Project, run: RunRecord, step: str) -> Iterator[Path]:
    record = run.steps[step]
    directory = run_directory(project, run.run)
    if record.executed and directory is not None:
        yield directory / Path(record.executed).name
    for path in sorted(project.state.glob(f"runs/*/{step}.lineage.json"), reverse=True):
        try:
            lineage = Lineage.from_json(path.read_text(encoding="utf-8"))
        except (OSError, Invalid):
            continue
        if lineage.source == record.source:
            yield path.with_name(f"{step}.ipynb")


def _read(project: Project, run: str) -> RunRecord:
    directory = run_directory(project, run)
    if directory is not None and (directory / RECORD_FILE).is_file():
        return RunRecord.from_json((directory / RECORD_FILE).read_text(encoding="utf-8"))
    return _from_mlflow(project, run)


def _tracked(project: Project, beginning: str) -> list[str]:
    if not re.fullmatch(r"[\w.\-]+", beginning):
        return []
    client = mlflow_client(project)
    experiment = experiment_id(project, client)
    parents = f"tags.`gristmill.kind` != 'step' and tags.`{RUN_TAG}` LIKE '{beginning}%'"
    runs = client.search_runs([experiment], parents, max_results=NEAREST)
    return sorted({r.data.tags[RUN_TAG] for r in runs})


def _from_mlflow(project: Project, run: str) -> RunRecord:
    """A run that left no record here: another machine's, or one that was killed."""
    from mlflow.exceptions import MlflowException

    client = mlflow_client(project)
    tag = f"tags.`{RUN_TAG}` = '{run}'"
    experiment = experiment_id(project, client)
    runs = client.search_runs(
        [experiment], tag, max_results=1000, order_by=["attributes.start_time ASC"]
    )
    parent = next((r for r in runs if STEP_TAG not in r.data.tags), None)
    if parent is None:
        raise NotFound(
            "runs.not-found",
            f"Run {run} was killed before it began a step; nothing is known of it.",
            hint="`gristmill runs list` shows the others.",
        )
    try:
        copy = client.download_artifacts(parent.info.run_id, RECORD_FILE)
        return RunRecord.from_json(Path(copy).read_text(encoding="utf-8"))
    except (MlflowException, OSError):
        pass
    steps = {r.data.tags[STEP_TAG]: _step(client, r) for r in runs if STEP_TAG in r.data.tags}
    info, tags = parent.info, parent.data.tags
    return RunRecord(
        run=run,
        status=from_mlflow_status(info.status),
        started=info.start_time / 1000,
        seconds=sum(s.seconds for s in steps.values()),
        steps=steps,
        trigger=tags.get("gristmill.trigger", "user"),
        set=tags.get("gristmill.params"),
        commit=tags.get("gristmill.commit"),
        mlflow_run=info.run_id,
    )


def _step(client: MlflowClient, run: Any) -> StepRecord:
    from mlflow.exceptions import MlflowException

    info, data = run.info, run.data
    lineage = None
    try:
        copy = client.download_artifacts(info.run_id, "lineage.json")
        lineage = Lineage.from_json(Path(copy).read_text(encoding="utf-8"))
    except (MlflowException, OSError):
        pass
    error = data.tags.get("gristmill.error")
    return StepRecord(
        status=from_mlflow_status(info.status),
        seconds=((info.end_time or info.start_time) - info.start_time) / 1000,
        notebook=data.tags.get("gristmill.notebook", ""),
        source=lineage.source if lineage else None,
        params=lineage.params if lineage else {k: _value(v) for k, v in data.params.items()},
        metrics=dict(data.metrics),
        inputs=lineage.inputs if lineage else {},
        outputs=lineage.outputs if lineage else {},
        executed=lineage.executed if lineage else None,
        error={"code": "", "message": error, "hint": ""} if error else None,
        mlflow_run=info.run_id,
    )


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
