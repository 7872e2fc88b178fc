"""`gristmill/history`, `gristmill/sweeps`, `gristmill/mlflow`: past runs, compared and swept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from gristmill import runs
from gristmill.errors import GristmillError, Invalid, NotFound
from gristmill.project import Project
from gristmill.server._background import BACKGROUND, TAIL, free_port, held, wait_for
from gristmill.server._handlers import ApiRequest, Route
from gristmill.server._running import COMMAND
from gristmill.server._schema import (
    ApplyRequest,
    DiffView,
    MlflowView,
    RunsView,
    SweepParameter,
    SweepRequest,
    SweepSummary,
    SweepsView,
)
from gristmill.sweeps import (
    Sweep,
    SweepSpec,
    TrialState,
    check_sweep,
    is_running,
    load_sweep,
    read_spec,
    sweep_directory,
    sweep_names,
)
from gristmill.workspace import Workspace, load_workspace

MOST = 1000
START_S = 240.0
MLFLOW = "mlflow"
LOG = "server.log"


def listing(asked: ApiRequest) -> RunsView:
    query = asked.query
    try:
        limit = int(query.get("limit", "200"))
    except ValueError:
        limit = 0
    if not 1 <= limit <= MOST:
        raise Invalid("runs.limit", f"limit is {query.get('limit')!r}.", hint=f"1 to {MOST}.")
    rows = runs.search(
        asked.project,
        query.get("where", ""),
        sort=query.get("sort", ""),
        ascending=query.get("ascending") == "true",
        limit=limit + 1,
        sweep=query.get("sweep") or None,
    )
    return RunsView(tuple(rows[:limit]), len(rows) > limit)


def record(asked: ApiRequest) -> runs.RunRecord:
    return runs.find(asked.project, asked.names["run"])


def diff(asked: ApiRequest) -> DiffView:
    one, other = asked.names["one"], asked.names["other"]
    found = runs.diff(asked.project, one, other)
    return DiffView(found, runs.plot_pairs(asked.project, one, other))


def sweeps(asked: ApiRequest) -> SweepsView:
    project = asked.project
    workspace = load_workspace(project)
    return SweepsView(
        files=tuple(sorted(p.stem for p in (project.root / "sweeps").glob("*.yaml"))),
        parameters=tuple(
            SweepParameter(f"{step}.{p.name}", str(p.type), workspace.params[step].get(p.name))
            for step, spec in workspace.dag.steps.items()
            for p in spec.parameters
            if p.fixed
        ),
        metrics=tuple(_metrics(workspace)),
        sweeps=tuple(
            _summary(project, n) for n in sorted({*sweep_names(project), *_begun(project)})
        ),
    )


def start(asked: ApiRequest) -> SweepSummary:
    """Check a sweep as its verb would, then let a process of its own run it."""
    wanted = asked.read(SweepRequest)
    project = asked.project
    words = [*COMMAND, "sweep"]
    if wanted.parameters:
        spec = SweepSpec(
            parameters=wanted.parameters,
            metric=wanted.metric,
            maximize=wanted.maximize,
            method=wanted.method,
            trials=wanted.trials,
        )
        words += [w for k, v in wanted.parameters.items() for w in ("-p", f"{k}={v}")]
        words += ["--metric", wanted.metric, "--method", wanted.method, "--name", wanted.name]
        words += ["--maximize" if wanted.maximize else "--minimize"]
        words += ["--trials", str(wanted.trials)] if wanted.trials else []
    else:
        spec = read_spec(project, wanted.name)
        words += [wanted.name]
    from gristmill.sweeps import require_new_name

    require_new_name(project, wanted.name)
    checked = check_sweep(spec, load_workspace(project, spec.params), f"sweep {wanted.name}")
    BACKGROUND.start(
        _process(project, wanted.name), words, cwd=project.root, log=_log(project, wanted.name),
    )  # fmt: skip
    return SweepSummary(
        wanted.name, spec.method, spec.metric, checked.total, 0, 0, None, {}, alive=True
    )


def sweep(asked: ApiRequest) -> Sweep:
    return load_sweep(asked.project, asked.names["name"])


def best(asked: ApiRequest) -> object:
    """Write a trial's parameters to params.yaml."""
    from gristmill.sweeps import apply_sweep

    wanted = asked.read(ApplyRequest)
    return apply_sweep(asked.project, asked.names["name"], wanted.trial)


def mlflow_view(asked: ApiRequest) -> MlflowView:
    uri = asked.project.tracking_uri
    if uri.startswith(("http://", "https://")):
        return MlflowView(_without_password(uri), own=False)
    name = f"{MLFLOW} {asked.project.root}"
    return MlflowView(_served.get(name, "") if BACKGROUND.alive(name) else "", own=True)


def mlflow_start(asked: ApiRequest) -> MlflowView:
    """Serve MLflow's own pages on the loopback interface, for as long as this server lives."""
    view = mlflow_view(asked)
    if view.url:
        return view
    project = asked.project
    name, port = f"{MLFLOW} {project.root}", free_port()
    log = project.state / "mlflow-ui.log"
    words = ["mlflow", "server", "--backend-store-uri", project.tracking_uri]
    words += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    from gristmill.tracking import experiment_id, mlflow_client

    client = mlflow_client(project)
    page = f"http://127.0.0.1:{port}/#/experiments/{experiment_id(project, client)}/runs"
    process = BACKGROUND.start(name, held(words), cwd=project.root, log=log, environment=quiet)
    wait_for(process, port, log, START_S)
    _served[name] = page
    return MlflowView(_served[name], own=True)


_served: dict[str, str] = {}


def _without_password(uri: str) -> str:
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _metrics(workspace: Workspace) -> Iterator[str]:
    """`FILE:KEY` of what the steps' metrics files hold now."""
    root = workspace.project.root
    for step in workspace.dag.steps.values():
        for output in step.outputs:
            if output.kind != "metrics":
                continue
            try:
                values = json.loads((root / output.path).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            for key, value in values.items() if isinstance(values, dict) else ():
                if isinstance(value, int | float):
                    yield f"{output.path}:{key}"


def _summary(project: Project, name: str) -> SweepSummary:
    try:
        found = load_sweep(project, name)
    except NotFound:
        alive = BACKGROUND.alive(_process(project, name))
        said = "" if alive else _log(project, name).read_text("utf-8", errors="replace")[-TAIL:]
        return SweepSummary(name, "", "", 0, 0, 0, None, {}, alive, said)
    except GristmillError as error:
        return SweepSummary(name, "", "", 0, 0, 0, None, {}, False, error.message)
    ended = sum(t.state.ended for t in found.trials)
    top = found.best
    return SweepSummary(
        name=name,
        method=found.spec.method,
        metric=found.spec.metric,
        total=found.total,
        ended=ended,
        failed=found.count(TrialState.FAILED),
        best=top.value if top else None,
        params=top.params if top else {},
        alive=is_running(project, name),
    )


def _begun(project: Project) -> set[str]:
    """Sweeps that this server began, of which some have written nothing yet."""
    return {path.parent.name for path in (project.state / "sweeps").glob(f"*/{LOG}")}


def _process(project: Project, name: str) -> str:
    return f"sweep {name} of {project.root}"


def _log(project: Project, name: str) -> Path:
    return sweep_directory(project, name) / LOG


ROUTES = [
    Route("GET", "history", listing, query=("where", "sort", "ascending", "limit", "sweep")),
    Route("GET", "history/{run}", record),
    Route("GET", "history/{one}/diff/{other}", diff),
    Route("GET", "sweeps", sweeps),
    Route("POST", "sweeps", start, status=202, body=SweepRequest),
    Route("GET", "sweeps/{name}", sweep),
    Route("POST", "sweeps/{name}/apply", best, body=ApplyRequest),
    Route("GET", "mlflow", mlflow_view),
    Route("POST", "mlflow", mlflow_start),
]
