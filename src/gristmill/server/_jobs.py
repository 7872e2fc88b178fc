"""`gristmill/jobs`: long verbs that were begun by a request, and what came of them.

A job is a process of its own with a folder in the project's state, so that it outlives this server.
"""

from __future__ import annotations

import re
import sys
import time
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from gristmill.errors import NotFound, StepFailed
from gristmill.processes import start_time
from gristmill.project import Project
from gristmill.runner import run_name
from gristmill.server._background import BACKGROUND, TAIL
from gristmill.server._handlers import ApiRequest, Route
from gristmill.server._job import FAILED, RUNNING, JobRecord, read_job
from gristmill.server._schema import (
    DrillDownRequest,
    JobView,
    MonitorRequest,
    RepairRequest,
    ReproduceRequest,
    ScoreRequest,
)
from gristmill.server._shared import inside

LOG = "job.log"
NAME = re.compile(r"[a-z-]+-[\w-]+")


def start_job(project: Project, verb: str, **arguments: Any) -> JobView:
    """Begin a verb of `_job.JOBS` in a process of its own."""
    name = f"{verb}-{run_name(time.time())}"
    folder = _folder(project, name)
    record = JobRecord(name, verb, arguments)
    record.write(folder)
    command = [sys.executable, "-m", "gristmill.server._job", str(folder)]
    BACKGROUND.start(f"job {folder}", command, cwd=project.root, log=folder / LOG)
    return _view(record)


def listing(request: ApiRequest) -> list[JobView]:
    """The newest first."""
    names = (path.parent.name for path in _folder(request.project, "").glob("*/job.json"))
    jobs = [_look(request.project, name) for name in names]
    return sorted(jobs, key=lambda job: job.job.partition("-2")[2], reverse=True)


def details(request: ApiRequest) -> JobView:
    """The state of one job."""
    return _look(request.project, request.names["job"])


def reproduce(request: ApiRequest) -> JobView:
    """Start a job that reproduces a version."""
    from gristmill.registry import Registry

    body, model = request.read(ReproduceRequest), request.names["model"]
    Registry(request.project).version(model, body.version)
    return start_job(request.project, "reproduce", model=model, **asdict(body))


def score(request: ApiRequest) -> JobView:
    """Start a job that scores a file."""
    from gristmill.registry import Registry

    body, model, project = request.read(ScoreRequest), request.names["model"], request.project
    Registry(project).version(model, body.version)
    inside(project, body.target)
    if not inside(project, body.source).is_file():
        raise NotFound("score.input", f"{body.source} does not exist.", hint="Name a file.")
    return start_job(project, "score", model=model, **asdict(body))


def monitor(request: ApiRequest) -> JobView:
    """Start a job that monitors a model."""
    body, model = request.read(MonitorRequest), _declared(request)
    _time(body.now)
    return start_job(request.project, "monitor", model=model, **asdict(body))


def repair(request: ApiRequest) -> JobView:
    """Start a job that repairs a model."""
    body, model = request.read(RepairRequest), _declared(request)
    _time(body.now)
    return start_job(request.project, "repair", model=model, **asdict(body))


def drill_down(request: ApiRequest) -> JobView:
    """Start a job that draws the drill-down report of a window."""
    body, model = request.read(DrillDownRequest), _declared(request)
    _time(body.window or "")
    return start_job(request.project, "drill-down", model=model, **asdict(body))


def _declared(request: ApiRequest) -> str:
    """The model of the path; NotFound when the settings do not declare it."""
    from gristmill.registry import model_settings

    model_settings(request.project, request.names["model"])
    return request.names["model"]


def _time(text: str) -> datetime | None:
    from gristmill.monitoring import parse_time

    return parse_time(text, "the request") if text else None


def _folder(project: Project, name: str) -> Path:
    return project.state / "jobs" / name


def _look(project: Project, name: str) -> JobView:
    folder = _folder(project, name)
    if not NAME.fullmatch(name) or not folder.is_dir():
        raise NotFound(
            "job.not-found", f"There is no job {name!r}.", hint="`GET jobs` lists those there are."
        )
    record = read_job(folder)
    alive = BACKGROUND.alive(f"job {folder}") or (
        record.pid and abs(start_time(record.pid) - record.started) < 0.01
    )
    if record.state == RUNNING and not alive:
        record = read_job(folder)  # it may have ended since
    if record.state == RUNNING and not alive:
        log = folder / LOG
        text = log.read_text("utf-8", errors="replace")[-TAIL:] if log.is_file() else ""
        error = StepFailed("job.died", f"The process of job {name} is gone.", hint=text.strip())
        record = replace(record, state=FAILED, error=error.record())
    return _view(record)


def _view(record: JobRecord) -> JobView:
    return JobView(
        record.job, record.verb, record.state, record.progress, record.result, record.error
    )


ROUTES = [
    Route("GET", "jobs", listing),
    Route("GET", "jobs/{job}", details),
    Route("POST", "models/{model}/reproduce", reproduce, status=202, body=ReproduceRequest),
    Route("POST", "models/{model}/score", score, status=202, body=ScoreRequest),
    Route("POST", "models/{model}/monitor", monitor, status=202, body=MonitorRequest),
    Route("POST", "models/{model}/repair", repair, status=202, body=RepairRequest),
    Route("POST", "models/{model}/drill-down", drill_down, status=202, body=DrillDownRequest),
]
