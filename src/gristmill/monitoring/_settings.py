"""The `monitoring` and `retrain` tables of a model, and where the room keeps its files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from gristmill.errors import Invalid
from gristmill.monitoring._statistics.distance import Thresholds
from gristmill.monitoring._statistics.performance import HIGHER
from gristmill.monitoring._statistics.periods import Period, parse_period
from gristmill.project import SETTINGS, Project
from gristmill.records import parse_duration, parse_table

RULES = (
    "drift", "prediction", "quality", "contract", "performance", "segment", "joint", "chart",
    "business",
)  # fmt: skip
REFERENCES = ("training", "rolling", "weekday", "month")


@dataclass(frozen=True)
class MonitoringSettings:
    """How a model is watched.

    `window` is `month` or a length (`12h`, `7d`), counted from `start` or a Monday; `by` is the
    time rows are windowed by, `event` or `receipt`. `budget`: at most one false alarm in that time
    is expected. `metric` is judged against the hold-out at registration, less `margin`. `owners`
    says who besides the model's owner hears of a feature. `reference` is what windows are compared
    with: `training`; `rolling`, the last `rolling` windows of the same version; `weekday` or
    `month`, the training rows of the same weekdays or months. `segments` are category columns whose
    frequent values are judged apart; `floors` the least share of moved rows of single features;
    `joint` asks whether a classifier tells the window's rows from the reference's; `broken` is the
    share of rows that may break a rule of the model's contract. The rest is as in
    `drift.Thresholds`.
    """

    window: str = "7d"
    start: str = ""
    by: str = "event"
    budget: str = "52w"
    metric: str = ""
    margin: float = 0.02
    moved: float = 0.05
    missing: float = 0.02
    outside: float = 0.01
    share: float = 0.3
    broken: float = 0.0
    judge: int = 50
    act: int = 100
    ignore: tuple[str, ...] = ()
    owners: Mapping[str, str] = field(default_factory=dict)
    reference: str = "training"
    rolling: int = 4
    segments: tuple[str, ...] = ()
    floors: Mapping[str, float] = field(default_factory=dict)
    joint: bool = False
    business: Mapping[str, Any] = field(default_factory=dict)
    value: Mapping[str, float] = field(default_factory=dict)

    @property
    def period(self) -> Period:
        return parse_period(self.window, self.start or None)

    def thresholds(self, alpha: float) -> Thresholds:
        """With the chance of a false alarm in a window that the budget leaves to drift."""
        return Thresholds(
            alpha=alpha,
            moved=self.moved,
            missing=self.missing,
            outside=self.outside,
            share=self.share,
            judge=self.judge,
            act=self.act,
        )


@dataclass(frozen=True)
class RetrainSettings:
    """From alert to action.

    The pipeline runs with parameter set `params`, and the parameters named `start` and `end`
    (`step.name`) receive the ISO dates of the last `days` up to the end of the alert's window.
    `on` are the rules that repair; `approve = "person"` stops before promotion. No repair begins
    within `cooldown` of the last one (in the data's time), nor after `attempts` for one alert, nor
    more than `most` (0: any number) within `per`. `rollback`: a version that a repair promoted and
    whose performance then decays gives way to the one before when that does better on the same
    labelled rows, instead of another retraining.
    """

    params: str = ""
    start: str = ""
    end: str = ""
    days: int = 90
    on: tuple[str, ...] = ("drift", "prediction", "performance", "chart")
    approve: str = "auto"
    cooldown: str = "0d"
    attempts: int = 3
    most: int = 0
    per: str = "365d"
    rollback: bool = False


def monitoring_settings(
    project: Project, model: str, *, window: str | None = None, start: str | None = None
) -> MonitoringSettings:
    """The settings of `model`, arguments before the file's. Raises Invalid for a bad value."""
    where = f"{SETTINGS} [models.{model}.monitoring]"
    settings = parse_table(MonitoringSettings, project.table("models", model, "monitoring"), where)
    settings = replace(settings, window=window or settings.window, start=start or settings.start)
    if settings.by not in ("event", "receipt"):
        raise Invalid("monitoring.by", f"{where} by = {settings.by!r}.", hint="event or receipt.")
    if settings.metric and settings.metric not in HIGHER:
        known = ", ".join(HIGHER)
        raise Invalid(
            "monitoring.metric", f"{where} metric = {settings.metric!r}.", hint=f"One of {known}."
        )
    if settings.reference not in REFERENCES:
        raise Invalid(
            "monitoring.reference",
            f"{where} reference = {settings.reference!r}.",
            hint=f"One of {', '.join(REFERENCES)}.",
        )
    for name in ("margin", "moved", "missing", "outside", "share", "broken"):
        if not 0 <= getattr(settings, name) <= 1:
            raise Invalid(
                "monitoring.share", f"{where} {name} must lie between 0 and 1.", hint="A share."
            )
    if not 1 <= settings.judge <= settings.act:
        raise Invalid(
            "monitoring.rows",
            f"{where}: judge = {settings.judge}, act = {settings.act}.",
            hint="Rows needed to act are at least those needed to judge, which are at least 1.",
        )
    if parse_duration(settings.budget, "budget") <= timedelta(0) or settings.rolling < 1:
        raise Invalid(
            "monitoring.budget", f"{where}: budget and rolling must be more than nothing."
        )
    return settings


def retrain_settings(project: Project, model: str) -> RetrainSettings:
    """Raises Invalid, also when the model has no such table."""
    table = project.table("models", model, "retrain")
    where = f"{SETTINGS} [models.{model}.retrain]"
    if not table:
        raise Invalid(
            "retrain.settings",
            f"{where} is missing: it is not said how to retrain {model}.",
            hint='Add it with params, start = "step.parameter", end = "step.parameter", days.',
        )
    settings = parse_table(RetrainSettings, table, where)
    if settings.approve not in ("auto", "person"):
        raise Invalid(
            "retrain.approve", f"{where} approve = {settings.approve!r}.", hint="auto|person"
        )
    for rule in settings.on:
        if rule not in RULES:
            raise Invalid("retrain.on", f"{where} on: {rule!r}.", hint=f"Of {', '.join(RULES)}.")
    if settings.days < 1 or settings.attempts < 1:
        raise Invalid("retrain.days", f"{where}: days and attempts must be at least 1.", hint="")
    parse_duration(settings.cooldown, f"{where} cooldown")
    parse_duration(settings.per, f"{where} per")
    return settings


def directory(project: Project, model: str) -> Path:
    return project.state / "monitoring" / model
