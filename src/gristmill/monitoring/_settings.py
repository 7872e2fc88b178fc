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
    """The table `[models.NAME.monitoring]`: how a model is monitored.

    Attributes
    ----------
    window
        `month`, or a duration in whole hours (`12h`, `7d`).
    start
        An ISO time that windows are counted from; a Monday when "".
    by
        The time that rows are windowed by: `event` or `receipt`.
    budget
        At most one false alarm is expected in this time.
    metric
        What is compared with the hold-out at registration; the task's default when "".
    margin
        How much worse the metric may be.
    moved, missing, outside, share
        As in `distance.Thresholds`.
    broken
        The share of rows that may break a rule of the model's contract.
    judge, act
        The rows needed to judge a window, and to raise an alert on it.
    ignore
        Features that are not watched.
    owners
        Who besides the model's owner hears of a feature, by feature.
    reference
        What windows are compared with: `training`; `rolling`, the windows before of the same
        version; `weekday` or `month`, the training rows of the same weekdays or months.
    rolling
        How many windows a rolling reference has.
    segments
        Category columns whose frequent values are judged apart.
    floors
        The least share of moved rows that counts, by feature.
    joint
        Whether a classifier tries to distinguish the window's rows from the reference's.
    business
        Metrics of the business by name: a table with `file` and `better`.
    value
        The value of outcomes (`true_positive`, ...) and the costs of a `month` and a `retraining`.
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
    """The table `[models.NAME.retrain]`: from alert to action.

    Attributes
    ----------
    params
        The parameter set that the pipeline runs with.
    start, end
        The parameters (`step.name`) that receive the ISO dates of the rows to train on.
    days
        How many days these are, up to the end of the alert's window.
    on
        The rules whose alerts start a repair.
    approve
        `auto`, or `person`: stop before promotion.
    cooldown
        No repair begins within this time of the last one, in the data's time.
    attempts
        How often a failed repair is tried again before a person is asked.
    most, per
        At most so many repairs (0: any number) within this time.
    rollback
        Whether a version that a repair promoted, and that decays, gives way to the one before when
        that does better on the same labelled rows.
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
    """How a model is monitored: its table `[models.NAME.monitoring]`.

    Parameters
    ----------
    project
        The project that declares the model.
    model
        The model's name.
    window, start
        Used instead of the file's when given.

    Raises
    ------
    Invalid
        A value is not valid; the message names the file, the table and the key.
    """
    where = f"{SETTINGS} [models.{model}.monitoring]"
    settings = parse_table(MonitoringSettings, project.table("models", model, "monitoring"), where)
    settings = replace(settings, window=window or settings.window, start=start or settings.start)
    if settings.by not in ("event", "receipt"):
        raise Invalid(
            "monitoring.by",
            f"{where}: by = {settings.by!r} is not valid.",
            hint="Use event or receipt.",
        )
    if settings.metric and settings.metric not in HIGHER:
        known = ", ".join(HIGHER)
        raise Invalid(
            "monitoring.metric",
            f"{where}: metric = {settings.metric!r} is not known.",
            hint=f"Use one of {known}.",
        )
    if settings.reference not in REFERENCES:
        raise Invalid(
            "monitoring.reference",
            f"{where}: reference = {settings.reference!r} is not valid.",
            hint=f"Use one of {', '.join(REFERENCES)}.",
        )
    for name in ("margin", "moved", "missing", "outside", "share", "broken"):
        if not 0 <= getattr(settings, name) <= 1:
            raise Invalid(
                "monitoring.share",
                f"{where}: {name} must be between 0 and 1.",
                hint="Write a share of rows.",
            )
    if not 1 <= settings.judge <= settings.act:
        raise Invalid(
            "monitoring.rows",
            f"{where}: judge = {settings.judge} and act = {settings.act} do not fit together.",
            hint="`act` must be at least `judge`, and `judge` at least 1.",
        )
    if parse_duration(settings.budget, "budget") <= timedelta(0) or settings.rolling < 1:
        raise Invalid(
            "monitoring.budget", f"{where}: budget and rolling must be greater than zero."
        )
    return settings


def retrain_settings(project: Project, model: str) -> RetrainSettings:
    """Raises Invalid, also when the model has no such table."""
    table = project.table("models", model, "retrain")
    where = f"{SETTINGS} [models.{model}.retrain]"
    if not table:
        raise Invalid(
            "retrain.settings",
            f"{where} is missing, so {model} cannot be retrained.",
            hint='Add it with params, start = "step.parameter", end = "step.parameter", days.',
        )
    settings = parse_table(RetrainSettings, table, where)
    if settings.approve not in ("auto", "person"):
        raise Invalid(
            "retrain.approve",
            f"{where}: approve = {settings.approve!r} is not valid.",
            hint="Use auto or person.",
        )
    for rule in settings.on:
        if rule not in RULES:
            raise Invalid(
                "retrain.on",
                f"{where}: `on` names no rule {rule!r}.",
                hint=f"Use some of {', '.join(RULES)}.",
            )
    if settings.days < 1 or settings.attempts < 1:
        raise Invalid("retrain.days", f"{where}: days and attempts must be at least 1.", hint="")
    parse_duration(settings.cooldown, f"{where} cooldown")
    parse_duration(settings.per, f"{where} per")
    return settings


def directory(project: Project, model: str) -> Path:
    return project.state / "monitoring" / model
