"""Windows of time: where one begins and ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gristmill.errors import Invalid
from gristmill.records import parse_duration

MONDAY = datetime(2001, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Period:
    """Windows of one length, end to end: calendar months (`step` None), or `step` from `anchor`."""

    step: timedelta | None
    anchor: datetime = MONDAY

    def start(self, moment: datetime) -> datetime:
        """The beginning of the window that holds `moment`, in UTC."""
        moment = moment.astimezone(UTC)
        if self.step is None:
            return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return self.anchor + ((moment - self.anchor) // self.step) * self.step

    def end(self, start: datetime) -> datetime:
        """The beginning of the next window."""
        if self.step is None:
            return (start + timedelta(days=32)).replace(day=1)
        return start + self.step

    @property
    def days(self) -> float:
        """The length in days; a mean month's for months."""
        return 30.44 if self.step is None else self.step / timedelta(days=1)


def parse_period(text: str, start: str | None = None) -> Period:
    """`month`, or a number of hours, days or weeks: `12h`, `7d`, `2w`.

    Windows are counted from `start` (ISO date or time, UTC when it names no zone), else from a
    Monday midnight. Raises Invalid.
    """
    anchor = parse_time(start, "start") if start else MONDAY
    if text == "month":
        return Period(None)
    problem = Invalid(
        "monitoring.window",
        f"the window {text!r} is neither `month` nor a whole number of hours, days or weeks.",
        hint="For example 12h, 7d or 2w.",
    )
    try:
        step = parse_duration(text, "window")
    except Invalid as error:
        raise problem from error
    if step < HOUR or step % HOUR:
        raise problem
    return Period(step, anchor.replace(minute=0, second=0, microsecond=0))


def parse_time(text: str, where: str) -> datetime:
    """An ISO date or time, in UTC when it names no zone.

    Parameters
    ----------
    text
        For example `2013-04-01` or `2013-04-01T06:00:00Z`.
    where
        What the time is, for the error.

    Raises
    ------
    Invalid
        `monitoring.time`.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Invalid(
            "monitoring.time",
            f"{where}: {text!r} is not an ISO date or time.",
            hint="For example 2013-04-01 or 2013-04-01T06:00:00Z.",
        ) from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
