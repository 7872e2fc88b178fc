"""From the bytes of requests to the bytes of replies: validate, predict, log, answer.

Requests that wait while a prediction runs are predicted together in the next one: a batch is what
has come meanwhile, so an idle service answers at once and a busy one predicts fewer, larger frames.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gristmill.errors import GristmillError, Unavailable
from gristmill.predictions import LineLog, timestamp
from gristmill.predictor import LoadedModel, Row, read_labels
from gristmill.serving._served_model import ServedModel

if TYPE_CHECKING:
    from gristmill.serving._metrics import Metrics

MAX_WAITING = 512
MAX_TOGETHER = 64

log = logging.getLogger(__name__)


@dataclass
class Job:
    """A /predict request: its body, when it came (wall clock and monotonic seconds)."""

    body: bytes
    received: datetime
    clock: float
    future: asyncio.Future[bytes]


@dataclass
class Answer:
    """A checked request: its rows, their ids and, once predicted, the values."""

    job: Job
    rows: list[Row]
    ids: list[str]
    values: list[Any]


class Predictor:
    """Answers /predict in one thread of its own; `submit` and `feedback` belong to the loop."""

    def __init__(
        self, champion: ServedModel, predictions: LineLog, metrics: Metrics, max_rows: int
    ) -> None:
        self._champion = champion
        self._log = predictions
        self._metrics = metrics
        self._max_rows = max_rows
        self._waiting: deque[Job] = deque()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="predict")
        self._task: asyncio.Task[None] | None = None

    async def submit(self, body: bytes) -> bytes:
        """The reply to a body. Raises GristmillError."""
        if len(self._waiting) >= MAX_WAITING:
            raise Unavailable(
                "serving.overloaded",
                f"{len(self._waiting)} requests are already waiting.",
                hint="Try again in a second; send several rows in one request.",
            )
        loop = asyncio.get_running_loop()
        job = Job(body, datetime.now(UTC), time.perf_counter(), loop.create_future())
        self._waiting.append(job)
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._drain())
        return await job.future

    def close(self) -> None:
        self._thread.shutdown(wait=True)

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            jobs = [self._waiting.popleft() for _ in range(min(MAX_TOGETHER, len(self._waiting)))]
            replies = await loop.run_in_executor(self._thread, self._answer, jobs)
            for job, reply in zip(jobs, replies, strict=True):
                if job.future.cancelled():
                    continue
                if isinstance(reply, bytes):
                    job.future.set_result(reply)
                else:
                    job.future.set_exception(reply)

    def _answer(self, jobs: Sequence[Job]) -> list[bytes | Exception]:
        """A reply or an error for each job. One version answers all of them."""
        replies: dict[int, bytes | Exception] = {}
        try:
            model = self._champion.current()
            checked: list[Answer] = []
            for job in jobs:
                try:
                    checked.append(self._check(job, model))
                except GristmillError as problem:
                    replies[id(job)] = problem
            predicted = self._predict(model, checked, replies)
            if predicted:
                self._record(model, predicted)
            for answer in predicted:
                replies[id(answer.job)] = _reply(model, answer)
        except Exception as problem:
            if not isinstance(problem, GristmillError):
                log.exception("answering %s requests", len(jobs))
            return [replies.get(id(job)) or problem for job in jobs]
        return [replies[id(job)] for job in jobs]

    def _check(self, job: Job, model: LoadedModel) -> Answer:
        rows = model.schema.rows(job.body, self._max_rows)
        ids = [row.request_id or secrets.token_hex(16) for row in rows]
        return Answer(job, rows, ids, [])

    def _predict(
        self, model: LoadedModel, answers: list[Answer], replies: dict[int, bytes | Exception]
    ) -> list[Answer]:
        """The answers with values; one that the model refuses fails alone."""
        if not answers:
            return []
        try:
            values = model.predict(model.frame([row for a in answers for row in a.rows]))
        except GristmillError as problem:
            if len(answers) == 1:
                replies[id(answers[0].job)] = problem
                return []
            return [a for answer in answers for a in self._predict(model, [answer], replies)]
        start = 0
        for answer in answers:
            answer.values = values[start : start + len(answer.rows)]
            start += len(answer.rows)
        return answers

    def _record(self, model: LoadedModel, answers: Sequence[Answer]) -> None:
        now = time.perf_counter()
        self._log.append(
            [
                prediction_record(
                    model,
                    request_id,
                    row,
                    value,
                    received=answer.job.received,
                    latency_ms=round((now - answer.job.clock) * 1000, 3),
                )
                for answer in answers
                for request_id, row, value in zip(
                    answer.ids, answer.rows, answer.values, strict=True
                )
            ]
        )
        self._metrics.predicted(model.version, sum(len(a.rows) for a in answers))


def prediction_record(
    model: LoadedModel,
    request_id: str,
    row: Row,
    value: Any,
    *,
    received: datetime,
    latency_ms: float,
) -> dict[str, Any]:
    """A line of the prediction log."""
    return {
        "request_id": request_id,
        "time": timestamp(received),
        "event_time": None if row.event_time is None else timestamp(row.event_time),
        "model": model.name,
        "version": model.version,
        "features": {
            name: timestamp(v) if isinstance(v, datetime) else v
            for name, v in zip(model.schema.names, row.values, strict=True)
        },
        "prediction": value,
        "latency_ms": latency_ms,
    }


def take_labels(body: bytes, limit: int, feedback: LineLog) -> int:
    """Store the labels of a /feedback body; returns how many.

    Ids are not looked up: the prediction may lie in another worker's file, or come later. A label
    without a prediction is counted as an orphan when the log is read.
    """
    labels = read_labels(body, limit)
    received = timestamp(datetime.now(UTC))
    feedback.append(
        [{"request_id": f.request_id, "time": received, "label": f.label} for f in labels]
    )
    return len(labels)


def _reply(model: LoadedModel, answer: Answer) -> bytes:
    return json.dumps(
        {
            "model": model.name,
            "version": model.version,
            "predictions": [
                {"request_id": i, "prediction": v}
                for i, v in zip(answer.ids, answer.values, strict=True)
            ],
        },
        separators=(",", ":"),
    ).encode()
