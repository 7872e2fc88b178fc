"""The BentoML service of one model: /predict, /feedback, /model beside BentoML's own routes.

The routes are a Starlette application mounted in the service, because a row's columns are those of
the champion's signature and change with it, and because an error is `{code, message, hint}`.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gristmill.errors import Forbidden, GristmillError, Invalid
from gristmill.predictions import LineLog
from gristmill.processes import end_with_parent
from gristmill.project import Project
from gristmill.serving._answering import Predictor, take_labels
from gristmill.serving._served_model import ServedModel, Watcher
from gristmill.serving._settings import (
    TOKEN,
    ServiceFiles,
    ServingSettings,
    aside,
    published,
    serving_settings,
)

if TYPE_CHECKING:
    from gristmill.serving._metrics import Metrics

SUPERVISOR = "GRISTMILL_SERVE_SUPERVISOR"
MAX_BODY = 8 * 2**20
OPEN_PATHS = {"/livez", "/readyz", "/healthz"}

log = logging.getLogger(__name__)


class TooLarge(Invalid):
    status = 413


class Unauthorized(Forbidden):
    status = 401


@dataclass(frozen=True)
class Running:
    """What a worker holds between start and stop."""

    champion: ServedModel
    predictor: Predictor
    predictions: LineLog
    feedback: LineLog
    metrics: Metrics
    watcher: Watcher


class Worker:
    """One process of the service: starts and stops its parts, and answers the routes."""

    def __init__(
        self, project: Project, model: str, settings: ServingSettings, files: ServiceFiles
    ) -> None:
        self.project = project
        self.model = model
        self.settings = settings
        self.files = files
        self._running: Running | None = None

    def start(self) -> None:
        from gristmill.serving._metrics import Metrics

        if SUPERVISOR in os.environ:
            end_with_parent(int(os.environ[SUPERVISOR]))
        metrics = Metrics(self.model)
        champion = ServedModel(self.project, self.model, self.files)
        predictions = LineLog(self.files.predictions)
        feedback = LineLog(self.files.feedback)
        champion.start()
        metrics.show(champion.state)

        def tick() -> None:
            metrics.show(champion.state)
            predictions.sync()
            feedback.sync()

        predictor = Predictor(champion, predictions, metrics, self.settings.max_rows)
        watcher = Watcher(champion, tick)
        self._running = Running(champion, predictor, predictions, feedback, metrics, watcher)
        watcher.start()

    def stop(self) -> None:
        running = self._parts()
        running.watcher.stop()
        running.predictor.close()
        running.predictions.close()
        running.feedback.close()
        self._running = None

    def ready(self) -> bool:
        return self._running is not None and self._running.champion.state.model is not None

    def routes(self) -> list[Route]:
        return [
            Route("/predict", self._guarded("/predict", self._predict), methods=["POST"]),
            Route("/feedback", self._guarded("/feedback", self._feedback), methods=["POST"]),
            Route("/model", self._guarded("/model", self._describe), methods=["GET"]),
        ]

    async def _predict(self, request: Request) -> bytes:
        return await self._parts().predictor.submit(await _body(request))

    async def _feedback(self, request: Request) -> bytes:
        running = self._parts()
        stored = take_labels(await _body(request), self.settings.max_rows, running.feedback)
        running.metrics.labelled(stored)
        return json.dumps({"stored": stored}).encode()

    async def _describe(self, request: Request) -> bytes:
        return json.dumps(self._parts().champion.describe()).encode()

    def _guarded(
        self, route: str, answer: Callable[[Request], Awaitable[bytes]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """Times the route and turns an error into its record."""

        async def handle(request: Request) -> Response:
            start = time.perf_counter()
            metrics = self._parts().metrics
            try:
                reply = Response(await answer(request), media_type="application/json")
            except GristmillError as problem:
                metrics.failed(problem.code)
                reply = error_reply(problem)
            except Exception as problem:  # a bug: say so, keep the record's shape
                log.exception("%s", route)
                internal = GristmillError(
                    "serving.internal",
                    f"{route} failed: {type(problem).__name__}.",
                    hint="The service's log has the traceback.",
                )
                metrics.failed(internal.code)
                reply = error_reply(internal)
            metrics.took(route, time.perf_counter() - start)
            return reply

        return handle

    def _parts(self) -> Running:
        assert self._running is not None, "the worker has not started"
        return self._running


class TokenGuard:
    """ASGI middleware: with a token set, every path but the health checks needs it as bearer."""

    def __init__(self, app: Any, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or self._known(scope):
            await self._app(scope, receive, send)
            return
        reply = error_reply(
            Unauthorized(
                "serving.token",
                "the request carries no valid token.",
                hint=f"Send `Authorization: Bearer TOKEN`, the service's {TOKEN}.",
            )
        )
        reply.headers["WWW-Authenticate"] = "Bearer"
        await reply(scope, receive, send)

    def _known(self, scope: Any) -> bool:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(given[0], b"Bearer " + self._token)


def build(
    root: Path,
    model: str,
    *,
    workers: int | None = None,
    version: int | None = None,
    directory: Path | None = None,
) -> Any:
    """The `bentoml.Service` for `model` of the project at `root`; loads no model yet.

    It serves the champion; with `version` and `directory` that version, its logs in the directory.
    """
    import bentoml

    project = Project.load(root)
    settings = serving_settings(project, model, workers=workers)
    if version is None or directory is None:
        files = published(project, model)
    else:
        files = aside(version, directory)
    worker = Worker(project, model, settings, files)
    app = Starlette(routes=worker.routes())

    class Prediction:
        """Serves one version at a time."""

        @bentoml.on_startup  # type: ignore[untyped-decorator]
        def start(self) -> None:
            worker.start()

        @bentoml.on_shutdown  # type: ignore[untyped-decorator]
        def stop(self) -> None:
            worker.stop()

        def __is_ready__(self) -> bool:
            return worker.ready()

    service = bentoml.service(
        workers=settings.workers,
        traffic={"timeout": 60},
        logging={"access": {"enabled": False}},
    )(bentoml.asgi_app(app, path="/")(Prediction))
    token = os.environ.get(TOKEN, "")
    if token:
        service.add_asgi_middleware(TokenGuard, token=token)
    return service


def error_reply(problem: GristmillError) -> Response:
    reply = Response(
        json.dumps(problem.record()).encode(),
        status_code=problem.status,
        media_type="application/json",
    )
    if problem.status == 503:
        reply.headers["Retry-After"] = "1"
    return reply


async def _body(request: Request) -> bytes:
    parts = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise TooLarge(
                "request.too-large",
                f"the body is larger than {MAX_BODY} bytes.",
                hint="Split it, or use `gristmill score` for a file.",
            )
        parts.append(part)
    return b"".join(parts)
