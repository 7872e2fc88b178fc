"""`serve`: run the BentoML process of a model, in the foreground or around a block of code."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from gristmill.errors import Conflict, NotFound
from gristmill.files import hold_lock
from gristmill.project import Project, finds_project
from gristmill.serving._process import Progress, Served, process
from gristmill.serving._settings import (
    TOKEN,
    check_host,
    log_file,
    serving_directory,
    serving_settings,
)
from gristmill.workspace_trust import require_trust


@finds_project
def serve(
    project: Project,
    model: str,
    *,
    port: int | None = None,
    workers: int | None = None,
    progress: Progress = lambda _: None,
) -> int:
    """Serve the champion of a model until SIGINT or SIGTERM.

    Parameters
    ----------
    project
        The project that declares the model.
    model
        The model's name.
    port, workers
        Used instead of the settings' when given.
    progress
        Hears what is being done.

    Returns
    -------
    int
        BentoML's exit code.

    Raises
    ------
    NotFound
        The model has no champion.
    Conflict
        The port is taken, or the model is already being served.
    Forbidden
        The actor may not deploy.
    Unavailable
        The service does not start.
    """
    stopping: list[int] = []

    def forward(number: int, _: FrameType | None) -> None:
        stopping.append(number)
        raise _Stopped

    before = {s: signal.signal(s, forward) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        with serving(project, model, port=port, workers=workers, progress=progress) as served:
            progress(f"{model} version {served.version} answers at {served.url}")
            return served.process.wait()
    except _Stopped:
        progress("stopped")
        return 0
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def serving(
    project: Project,
    model: str,
    *,
    port: int | None = None,
    workers: int | None = None,
    progress: Progress = lambda _: None,
) -> Iterator[Served]:
    """Serve the champion of `model` in the background while the block runs.

    Port 0 takes a free one. The output is in `.gristmill/serving/<model>.log`. Raises as `serve`,
    Forbidden for who may not deploy.
    """
    from gristmill.registry import Registry, Roles, current_actor, model_settings

    require_trust(project.root)
    model_settings(project, model)
    Roles.of(project).require("deploy", current_actor(project))
    settings = serving_settings(project, model, port=port, workers=workers)
    check_host(settings.host, os.environ.get(TOKEN, ""))
    try:
        Registry(project).version(model, "champion")
    except NotFound as error:
        raise NotFound(
            "serving.no-champion",
            f"{model} has no champion to serve: {error.message}",
            hint=f"Promote a version first: `gristmill model promote {model} VERSION`.",
        ) from error
    directory = serving_directory(project, model)
    directory.mkdir(parents=True, exist_ok=True)
    with (
        hold_lock(directory / "lock", _served(model)) as lock,
        process(
            directory,
            f"{model!r}, workers={settings.workers}",
            (settings.host, settings.port),
            log=log_file(project, model),
            lock=lock,
            what=model,
            progress=progress,
        ) as served,
    ):
        yield served


def _served(model: str) -> Callable[[str], Conflict]:
    return lambda holder: Conflict(
        "serving.running",
        f"{model} is already being served: {holder or 'it is just starting'}.",
        hint="Use that one, or stop it first.",
    )


class _Stopped(BaseException):
    """A signal asked the foreground service to stop."""
