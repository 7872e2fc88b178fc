"""The gate `latency`: how long a version's answers take, asked over HTTP of a BentoML process.

The gate is an entry point of `gristmill.gates`, as another package's would be: what measures in the
serving path lies above the registry.

One version served on loopback for as long as it is measured, beside whatever serves.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version as installed
from importlib.util import find_spec
from typing import Any, ClassVar
from urllib.parse import urlsplit

from gristmill.errors import Conflict, Invalid, Unavailable
from gristmill.files import hold_lock
from gristmill.project import Project
from gristmill.registry import FAIL, INCONCLUSIVE, PASS, Evidence, GateResult, Subject
from gristmill.serving._process import Progress, Served, headers, process

HOST = "127.0.0.1"
WAIT_SECONDS = 300.0


@contextmanager
def candidate(
    project: Project, model: str, version: int, progress: Progress = lambda _: None
) -> Iterator[Served]:
    """Serve exactly this version in a BentoML process with one worker while the block runs.

    What it answers is logged as in serving, in a directory that goes with it. One candidate of a
    project at a time: two would slow each other, so the second waits. Raises Unavailable without
    BentoML or when it does not come up (the version does not load, say), Conflict when another
    candidate is not done in WAIT_SECONDS.
    """
    if find_spec("bentoml") is None:
        raise Unavailable(
            "serving.missing",
            "BentoML is not installed.",
            hint="pip install 'gristmill[serve]'",
        )
    directory = project.state / "candidates" / model
    with hold_lock(project.state / "candidate.lock", _busy, wait=WAIT_SECONDS) as lock:
        shutil.rmtree(directory, ignore_errors=True)  # of one that was killed
        directory.mkdir(parents=True)
        arguments = f"{model!r}, workers=1, version={version}, directory=here.parent"
        try:
            with process(
                directory,
                arguments,
                (HOST, 0),
                log=directory / "output.log",
                lock=lock,
                what=f"{model} version {version}",
                progress=progress,
            ) as served:
                yield served
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _busy(holder: str) -> Conflict:
    return Conflict(
        "serving.candidate",
        f"another version is being measured for over {WAIT_SECONDS:.0f} s: {holder}.",
        hint="Try again when it is done.",
    )


CONFIDENCE = 0.95
QUANTILES = (50, 95, 99)
FEWEST = 72  # with fewer, the 95 % interval of p95 has no upper end
WARM_UP = 20
SECONDS = 120.0
REPLY_SECONDS = 60.0


@dataclass(frozen=True)
class Latency:
    """95 % of single-row requests, warmed up, take at most `milliseconds`.

    Measured by `requests` rows of the hold-out (of the input example without one), sent one after
    the other to a BentoML process on loopback that serves this version alone: reading, checking,
    predicting, logging and HTTP all count. The 95 % interval of p95 decides, so a version near the
    limit cannot be judged with few requests. Each judgement measures anew, so each makes another
    report.
    """

    kind: ClassVar[str] = "latency"
    milliseconds: float
    requests: int = 200

    def __post_init__(self) -> None:
        if self.requests < FEWEST:
            raise Invalid(
                "gate.latency",
                f"requests = {self.requests}: fewer than {FEWEST} cannot bound p95.",
                hint=f"Ask for {FEWEST} or more.",
            )

    def measure(self, subject: Subject) -> dict[str, Any]:
        """`seconds` of each counted request, and `how` they were measured.

        Raises Invalid without rows or when the version refuses them, Unavailable when it cannot be
        served.
        """
        model, rows = subject.model, subject.rows
        if model is None or rows is None or not len(rows):
            raise Invalid("gate.latency", subject.trouble or "there is no row to ask for")
        sample = rows[list(model.schema.names)].iloc[
            [i % len(rows) for i in range(WARM_UP + self.requests)]
        ]
        records = json.loads(sample.to_json(orient="records", date_format="iso"))
        bodies = [json.dumps({"row": record}).encode() for record in records]
        begun = time.monotonic()
        project = Project.load(subject.root)
        with candidate(project, model.name, model.version, subject.progress) as served:
            started = time.monotonic() - begun
            _require_same(served, model.digest)
            taken = ask(served.url, model.version, bodies, subject.progress)
        how = {
            "path": f"POST /predict over HTTP on loopback, by BentoML {installed('bentoml')}",
            "requests": len(taken),
            "warm_up": WARM_UP,
            "start_seconds": round(started, 2),
            "cores": os.cpu_count(),
            "load": round(os.getloadavg()[0], 2),
        }
        return {"seconds": taken, "how": how}

    def evaluate(self, evidence: Evidence) -> GateResult:
        found = evidence.of(self)
        if found is None:
            return GateResult(
                self.kind, "p95", INCONCLUSIVE, evidence.trouble or "nothing was measured"
            )
        taken = [1000 * s for s in found["seconds"]]
        numbers: dict[str, Any] = {}
        for percent in QUANTILES:
            value, low, high = quantile(taken, percent / 100)
            numbers |= {f"p{percent}": value, f"p{percent}_low": low, f"p{percent}_high": high}
        numbers |= {"unit": "ms", "confidence": CONFIDENCE, **found["how"]}
        p95, low, high = (numbers[f"p95{end}"] for end in ("", "_low", "_high"))
        ends = f"{_ms(low)} to {_ms(high)}"
        limit = f"{self.milliseconds:g} ms"
        if high is not None and high <= self.milliseconds:
            verdict, words = PASS, f"p95 {p95:.2f} ms ({ends}) <= {limit}"
        elif low is not None and low > self.milliseconds:
            verdict, words = FAIL, f"p95 {p95:.2f} ms ({ends}) > {limit}"
        else:
            verdict = INCONCLUSIVE
            words = f"p95 {p95:.2f} ms ({ends}): {len(taken)} requests do not tell from {limit}"
        return GateResult(self.kind, "p95", verdict, f"{words}, over HTTP", numbers)


def ask(url: str, version: int, bodies: Sequence[bytes], progress: Progress) -> list[float]:
    """Seconds from each request to the end of its reply, on one connection, without the first
    WARM_UP; fewer than asked for when they take longer than SECONDS together.

    Raises Invalid when one is refused, Unavailable when the connection is lost.
    """
    address = urlsplit(url)
    connection = http.client.HTTPConnection(
        str(address.hostname), address.port, timeout=REPLY_SECONDS
    )
    head = {"Content-Type": "application/json", **headers()}
    taken: list[float] = []
    began = said = time.monotonic()
    try:
        for body in bodies:
            start = time.perf_counter()
            connection.request("POST", "/predict", body, head)
            reply = connection.getresponse()
            text = reply.read()
            taken.append(time.perf_counter() - start)
            if reply.status != 200 or json.loads(text)["version"] != version:
                raise Invalid(
                    "gate.latency",
                    f"the service answered {reply.status} to a row: {text[:300].decode()}",
                )
            now = time.monotonic()
            if now - said > 2:
                said = now
                progress(f"measuring latency: {len(taken)} of {len(bodies)} requests answered")
            if now - began > SECONDS:
                break
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(
            "gate.latency", f"the service was lost after {len(taken)} requests: {error!r}"
        ) from error
    finally:
        connection.close()
    if len(taken) <= WARM_UP:
        raise Invalid("gate.latency", f"{len(taken)} requests took over {SECONDS:.0f} s.")
    return taken[WARM_UP:]


def quantile(values: Sequence[float], share: float) -> tuple[float, float | None, float | None]:
    """A quantile and the ends of its 95 % interval, whatever the distribution; an end is None when
    the values are too few to have it.

    The ends are order statistics, chosen by the binomial number of values beneath the quantile:
    H. A. David, H. N. Nagaraja, Order Statistics, 3rd edition, section 7.1.
    """
    import numpy as np
    from scipy.stats import binom

    ordered, count = sorted(values), len(values)
    below = binom(count, share)
    low = int(below.ppf((1 - CONFIDENCE) / 2))
    high = int(below.ppf((1 + CONFIDENCE) / 2)) + 1
    return (
        float(np.quantile(ordered, share)),
        ordered[low - 1] if low >= 1 else None,
        ordered[high - 1] if high <= count else None,
    )


def _require_same(served: Served, digest: str) -> None:
    """What answers is what is judged."""
    address = urlsplit(served.url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
    try:
        connection.request("GET", "/model", headers=headers())
        said = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if said.get("digest") != digest:
        raise Conflict("gate.latency", f"{served.url} serves another model: {said}")


def _ms(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}"
