"""The figures of delivery on a model's page: how often, how fast, how safely. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.dashboards._state import ModelState
from gristmill.drawing import format_amount, format_percent
from gristmill.monitoring import Change, Delivery, delivery_metrics, format_duration


@dataclass(frozen=True)
class Tile:
    """A number in large letters.

    Attributes
    ----------
    name
        What it is.
    value
        The number.
    note
        A few words about it.
    """

    name: str
    value: str
    note: str = ""


def delivery_figures(state: ModelState) -> Delivery:
    """The figures of delivery of what is stored."""
    changes = [
        Change(move.at, move.version, state.registered.get(move.version), move.action == "rollback")
        for move in state.moves
    ]
    windows = state.report.windows if state.report else ()
    return delivery_metrics(changes, state.alerts, windows, state.repairs, state.worth)


def delivery_tiles(state: ModelState) -> list[Tile]:
    """The figures of delivery; none before the first champion."""
    if not state.moves:
        return []
    figures = delivery_figures(state)
    tiles = [
        Tile("champions per month", _number(figures.monthly), f"{figures.changes} in total"),
        Tile("from registration to champion", format_duration(figures.lead), "median"),
        Tile(
            "changes rolled back", "–" if figures.failed is None else format_percent(figures.failed)
        ),
        Tile("time to detect", format_duration(figures.detect), "median, in the data's time"),
        Tile("time to recover", format_duration(figures.recover), "median, in the data's time"),
    ]
    if figures.earned is not None:
        costs = (
            "no costs declared"
            if figures.spent is None
            else f"costs {format_amount(figures.spent)}"
        )
        tiles.append(Tile("value of predictions", format_amount(figures.earned), costs))
    if figures.roi is not None:
        tiles.append(Tile("return on cost", format_percent(figures.roi), "at the declared values"))
    return tiles


def _number(value: float | None) -> str:
    return "–" if value is None else format_amount(value)
