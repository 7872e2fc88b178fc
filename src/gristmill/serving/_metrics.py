"""Prometheus metrics of a served model; BentoML's /metrics sums them over the workers.

Import only in a worker: prometheus_client reads PROMETHEUS_MULTIPROC_DIR at import.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from gristmill.serving._served_model import State

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The metrics of `model` in this process."""

    def __init__(self, model: str) -> None:
        self.model = model
        self._collectors = _collectors()
        self._shown: dict[str, tuple[str, ...]] = {}

    def predicted(self, version: int, rows: int) -> None:
        self._collectors["predictions"].labels(self.model, str(version)).inc(rows)

    def labelled(self, count: int) -> None:
        self._collectors["feedback"].labels(self.model).inc(count)

    def took(self, route: str, seconds: float) -> None:
        self._collectors["seconds"].labels(self.model, route).observe(seconds)

    def failed(self, code: str) -> None:
        self._collectors["errors"].labels(self.model, code).inc()

    def show(self, state: State) -> None:
        """Say which version serves and which was refused."""
        model = state.model
        self._turn("info", () if model is None else (str(model.version), model.digest))
        self._turn("refused", () if state.refused is None else (str(state.refused),))

    def _turn(self, name: str, labels: tuple[str, ...]) -> None:
        gauge = self._collectors[name]
        before = self._shown.get(name, ())
        if before and before != labels:
            gauge.labels(self.model, *before).set(0)
        if labels:
            gauge.labels(self.model, *labels).set(1)
        self._shown[name] = labels


@cache
def _collectors() -> dict[str, Any]:
    return {
        "predictions": Counter(
            "gristmill_predictions", "Rows that were predicted and logged.", ["model", "version"]
        ),
        "feedback": Counter("gristmill_feedback_labels", "Labels that were stored.", ["model"]),
        "errors": Counter(
            "gristmill_request_errors",
            "Requests that were refused, by error code.",
            ["model", "code"],
        ),
        "seconds": Histogram(
            "gristmill_request_duration_seconds",
            "Time from receipt of a request to its reply, including the log.",
            ["model", "route"],
            buckets=SECONDS,
        ),
        "info": Gauge(
            "gristmill_model_info",
            "1 for the version that is serving, else 0.",
            ["model", "version", "digest"],
            multiprocess_mode="mostrecent",
        ),
        "refused": Gauge(
            "gristmill_model_refused",
            "1 for a champion that failed to verify or load while an older one serves, else 0.",
            ["model", "version"],
            multiprocess_mode="mostrecent",
        ),
    }
