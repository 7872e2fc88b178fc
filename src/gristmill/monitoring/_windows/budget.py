"""At most one false alarm in N weeks: what each rule may spend of it in a window. Pure."""

from __future__ import annotations

from datetime import timedelta

from gristmill.monitoring._settings import MonitoringSettings
from gristmill.records import UNITS, parse_duration

MOST = 0.05


def allocate(settings: MonitoringSettings) -> dict[str, float]:
    """The chance of a false alarm that each rule may take in one window.

    Their sum is the window's share of the budget, at most 5 %: half of it to drift (all columns
    together), the rest equally to performance, its control chart, and to segments, the joint test
    and business metrics where they are asked for.
    """
    span = parse_duration(settings.budget, "budget") / timedelta(days=1)
    whole = min(MOST, settings.period.days / span)
    others = ["performance", "chart"]
    others += ["segment"] if settings.segments else []
    others += ["joint"] if settings.joint else []
    others += ["business"] if settings.business or settings.value else []
    return {"drift": whole / 2} | {name: whole / 2 / len(others) for name in others}


def budget_text(settings: MonitoringSettings) -> str:
    """The budget as a sentence."""
    spent = sum(allocate(settings).values())
    return (
        f"At most one false alarm in {_length(settings.budget)} is expected: the chance of one "
        f"in a window of {_length(settings.window)} is at most {100 * spent:.2g} %."
    )


def _length(text: str) -> str:
    if text == "month":
        return "a month"
    number, units = text[:-1].strip(), UNITS[text[-1]]
    if number != "1":
        return f"{number} {units}"
    return f"a{'n' if units == 'hours' else ''} {units[:-1]}"
