"""How well a model is delivered, and what it earns. Pure.

The four figures of delivery are those of Forsgren, Humble and Kim (Accelerate, 2018), for models:
how often the champion changes, how long a version takes from registration to champion, how many
changes were taken back, how long trouble lasts; and how long it lasts before it is noticed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gristmill.monitoring._alerts.alerts import Alert
from gristmill.monitoring._repairs import Repair
from gristmill.monitoring._windows.business import OUTCOMES, value_of
from gristmill.monitoring._windows.report import WindowReport

MONTH = timedelta(days=30.44)


@dataclass(frozen=True)
class Change:
    """The champion changed.

    Attributes
    ----------
    at
        When.
    version
        The new champion.
    registered
        When that version was registered; None when unknown.
    back
        Whether it was a roll-back.
    """

    at: datetime
    version: int
    registered: datetime | None
    back: bool = False


@dataclass(frozen=True)
class Delivery:
    """How well a model is delivered; a figure is None where nothing is known yet.

    Attributes
    ----------
    changes
        How often the champion changed.
    monthly
        Changes a month, roll-backs left out.
    lead, detect, recover
        Median time from registration to champion, from the beginning of a trouble to its window's
        end, and from there to its resolution.
    failed
        Roll-backs for each change that was none.
    earned, spent
        The declared value of predictions, and the declared costs.
    """

    changes: int
    monthly: float | None
    lead: timedelta | None
    failed: float | None
    detect: timedelta | None
    recover: timedelta | None
    earned: float | None
    spent: float | None

    @property
    def roi(self) -> float | None:
        """What a unit of cost gained beyond itself."""
        if self.earned is None or not self.spent:
            return None
        return (self.earned - self.spent) / self.spent


def delivery_metrics(
    changes: Sequence[Change],
    alerts: Sequence[Alert],
    windows: Sequence[WindowReport],
    repairs: Sequence[Repair],
    worth: Mapping[str, float],
) -> Delivery:
    """The figures of delivery. Pure.

    A trouble begins with the first window that shows it and is detected when that window ends; it
    lasts until the alert is resolved, in the time of the data where a later window resolved it.

    Parameters
    ----------
    changes
        The changes of the champion, oldest first.
    alerts
        All alerts of the model.
    windows
        All windows, oldest first.
    repairs
        All repairs of the model.
    worth
        The declared values of outcomes, and the costs of a `month` and a `retraining`.
    """
    ends = {(w.version, w.start): w.end for w in windows}
    seen = [ends[a.version, a.first] - a.first for a in alerts if (a.version, a.first) in ends]
    over = [ends[a.version, a.last] - a.first for a in alerts
            if not a.is_open and (a.version, a.last) in ends]  # fmt: skip
    leads = [c.at - c.registered for c in changes if c.registered and not c.back]
    forward = [c for c in changes if not c.back]
    span = (windows[-1].end - windows[0].start) / MONTH if windows else None
    labelled = [w for w in windows if w.outcomes]
    means = {id(w): value_of(w.outcomes, worth) for w in labelled}
    earned = None
    if any(k in OUTCOMES for k in worth) and labelled:
        earned = sum(w.rows * (means[id(w)] or 0.0) for w in labelled)
    spent = None
    if span is not None and ("month" in worth or "retraining" in worth):
        trained = sum(r.outcome != "rolled-back" for r in repairs)
        spent = worth.get("month", 0.0) * span + worth.get("retraining", 0.0) * trained
    return Delivery(
        changes=len(changes),
        monthly=len(forward) / span if span else None,
        lead=_middle(leads),
        failed=(len(changes) - len(forward)) / len(forward) if forward else None,
        detect=_middle(seen),
        recover=_middle(over),
        earned=earned,
        spent=spent,
    )


def _middle(spans: Sequence[timedelta]) -> timedelta | None:
    return sorted(spans)[len(spans) // 2] if spans else None


def format_duration(span: timedelta | None) -> str:
    """A duration as a person says it: `3 h`, `12 days`.

    Parameters
    ----------
    span
        The duration; "–" when None.
    """
    if span is None:
        return "–"
    hours = span / timedelta(hours=1)
    if hours < 1:
        return f"{max(1, round(hours * 60))} min"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"
