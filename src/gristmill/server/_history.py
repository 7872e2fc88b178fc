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


def listing(request: ApiRequest) -> RunsView:
    """Past runs that fit the query."""
    query = request.query
    try:
        limit = int(query.get("limit", "200"))
    except ValueError:
        limit = 0
    if not 1 <= limit <= MOST:
        raise Invalid("runs.limit", f"limit is {query.get('limit')!r}.", hint=f"1 to {MOST}.")
    rows = runs.search(
        request.project,
        query.get("where", ""),
        sort=query.get("sort", ""),
        ascending=query.get("ascending") == "true",
        limit=limit + 1,
        sweep=query.get("sweep") or None,
    )
    return RunsView(tuple(rows[:limit]), len(rows) > limit)


def record(request: ApiRequest) -> runs.RunRecord:
    """One past run in full."""
    return runs.find(request.project, request.names["run"])


def diff(request: ApiRequest) -> DiffView:
    """What differs between two runs, with their plots."""
    one, other = request.names["one"], request.names["other"]
    comparison = runs.diff(request.project, one, other)
    return DiffView(comparison, runs.plot_pairs(request.project, one, other))


def sweeps(request: ApiRequest) -> SweepsView:
    """Sweep files, parameters and metrics to choose from, and the sweeps that exist."""
    project = request.project
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


def start(request: ApiRequest) -> SweepSummary:
    """Check a sweep as its verb would, then let a process of its own run it."""
    body = request.read(SweepRequest)
    project = request.project
    command = [*COMMAND, "sweep"]
    if body.parameters:
        spec = SweepSpec(
            parameters=body.parameters,
            metric=body.metric,
            maximize=body.maximize,
            method=body.method,
            trials=body.trials,
        )
        command += [w for k, v in body.parameters.items() for w in ("-p", f"{k}={v}")]
        command += ["--metric", body.metric, "--method", body.method, "--name", body.name]
        command += ["--maximize" if body.maximize else "--minimize"]
        command += ["--trials", str(body.trials)] if body.trials else []
    else:
        spec = read_spec(project, body.name)
        command += [body.name]
    from gristmill.sweeps import require_new_name

    require_new_name(project, body.name)
    checked = check_sweep(spec, load_workspace(project, spec.params), f"sweep {body.name}")
    BACKGROUND.start(
        _process(project, body.name), command, cwd=project.root, log=_log(project, body.name),
    )  # fmt: skip
    return SweepSummary(
        body.name, spec.method, spec.metric, checked.total, 0, 0, None, {}, alive=True
    )


def sweep(request: ApiRequest) -> Sweep:
    """One sweep with all its trials."""
    return load_sweep(request.project, request.names["name"])


def best(request: ApiRequest) -> object:
    """Write a trial's parameters to params.yaml."""
    from gristmill.sweeps import apply_sweep

    body = request.read(ApplyRequest)
    return apply_sweep(request.project, request.names["name"], body.trial)


def mlflow_view(request: ApiRequest) -> MlflowView:
    """The address of MLflow's pages; empty while they are not served."""
    uri = request.project.tracking_uri
    if uri.startswith(("http://", "https://")):
        return MlflowView(_without_password(uri), own=False)
    name = f"{MLFLOW} {request.project.root}"
    return MlflowView(_served.get(name, "") if BACKGROUND.alive(name) else "", own=True)


def mlflow_start(request: ApiRequest) -> MlflowView:
    """Serve MLflow's own pages on the loopback interface, for as long as this server lives."""
    view = mlflow_view(request)
    if view.url:
        return view
    project = request.project
    name, port = f"{MLFLOW} {project.root}", free_port()
    log = project.state / "mlflow-ui.log"
    command = ["mlflow", "server", "--backend-store-uri", project.tracking_uri]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    from gristmill.tracking import experiment_id, mlflow_client

    client = mlflow_client(project)
    page = f"http://127.0.0.1:{port}/#/experiments/{experiment_id(project, client)}/runs"
    process = BACKGROUND.start(name, held(command), cwd=project.root, log=log, environment=quiet)
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
        sweep = load_sweep(project, name)
    except NotFound:
        alive = BACKGROUND.alive(_process(project, name))
        output = "" if alive else _log(project, name).read_text("utf-8", errors="replace")[-TAIL:]
        return SweepSummary(name, "", "", 0, 0, 0, None, {}, alive, output)
    except GristmillError as error:
        return SweepSummary(name, "", "", 0, 0, 0, None, {}, False, error.message)
    ended = sum(t.state.ended for t in sweep.trials)
    top = sweep.best
    return SweepSummary(
        name=name,
        method=sweep.spec.method,
        metric=sweep.spec.metric,
        total=sweep.total,
        ended=ended,
        failed=sweep.count(TrialState.FAILED),
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
