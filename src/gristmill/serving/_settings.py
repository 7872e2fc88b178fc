"""The `[models.NAME.serving]` table, and where a served model keeps its files."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from pathlib import Path

from gristmill.errors import Forbidden, Invalid
from gristmill.predictions import feedback_directory, predictions_directory
from gristmill.project import SETTINGS, Project
from gristmill.records import parse_table

TOKEN = "GRISTMILL_SERVE_TOKEN"  # noqa: S105  the variable's name, not a token


@dataclass(frozen=True)
class ServingSettings:
    """The table `[models.NAME.serving]`: how a model is served.

    Attributes
    ----------
    port
        0 takes a free one.
    host
        A loopback address, unless GRISTMILL_SERVE_TOKEN holds a token that clients send.
    workers
        How many processes.
    max_rows
        How many rows one request may have.
    """

    port: int = 3300
    host: str = "127.0.0.1"
    workers: int = 1
    max_rows: int = 1000


def serving_settings(
    project: Project, model: str, *, port: int | None = None, workers: int | None = None
) -> ServingSettings:
    """The settings of `model`, with arguments of the command line before the file's.

    Raises Invalid for a value out of range.
    """
    where = f"{SETTINGS} [models.{model}.serving]"
    settings = parse_table(ServingSettings, project.table("models", model, "serving"), where)
    settings = replace(
        settings,
        port=settings.port if port is None else port,
        workers=settings.workers if workers is None else workers,
    )
    bounds = {"port": (0, 65535), "workers": (1, 64), "max_rows": (1, 1_000_000)}
    for name, (low, high) in bounds.items():
        value = getattr(settings, name)
        if not low <= value <= high:
            raise Invalid(
                "serving.settings",
                f"{where} {name} = {value}: it must be from {low} to {high}.",
                hint=f"Change {name} in {SETTINGS}, or on the command line.",
            )
    return settings


def check_host(host: str, token: str) -> None:
    """Raises Invalid for what is no IP address, Forbidden for an open address without a token."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        raise Invalid(
            "serving.host", f"{host!r} is not an IP address.", hint="Use for example 127.0.0.1."
        ) from error
    if not address.is_loopback and not token:
        raise Forbidden(
            "serving.open",
            f"serving on {host} would let in anybody who can reach this machine.",
            hint=f"Set the environment variable {TOKEN} to a token, or serve on 127.0.0.1.",
        )


@dataclass(frozen=True)
class ServiceFiles:
    """What a service serves (`ref`: an alias it follows, or one version) and where it keeps what it
    answered, what it was told, and which version it served last."""

    ref: str | int
    predictions: Path
    feedback: Path
    memory: Path


def published(project: Project, model: str) -> ServiceFiles:
    """The champion, with the logs that are watched."""
    return ServiceFiles(
        "champion",
        predictions_directory(project, model),
        feedback_directory(project, model),
        serving_directory(project, model) / "served.json",
    )


def aside(version: int, directory: Path) -> ServiceFiles:
    """One version, with logs that nobody watches."""
    return ServiceFiles(
        version, directory / "predictions", directory / "feedback", directory / "served.json"
    )


def serving_directory(project: Project, model: str) -> Path:
    return project.state / "serving" / model


def log_file(project: Project, model: str) -> Path:
    """What the served process prints."""
    return project.state / "serving" / f"{model}.log"
