"""The one definition of the model's columns, used to train and to serve."""

from __future__ import annotations

import pandas as pd

from flightlib.data import WEATHER

TIME = "scheduled"
TARGET = "late"
LOCAL = "America/New_York"
CATEGORIES = ["carrier", "origin", "dest", "weekday"]
NUMBERS = ["hour", "distance", "dest_lat", "dest_lon", "plane_age", "seats", *WEATHER]
COLUMNS = CATEGORIES + NUMBERS


def features(flights: pd.DataFrame) -> pd.DataFrame:
    """The model's COLUMNS for each joined flight, on the same index: strings, then float64.

    `hour` and `weekday` are those of the timetable in New York (17.5 is half past five),
    `plane_age` is in years. Numbers may be missing, strings may not.
    """
    local = flights[TIME].dt.tz_convert(LOCAL)
    table = flights.assign(
        weekday=local.dt.day_name().str[:3],
        hour=local.dt.hour + local.dt.minute / 60,
        plane_age=local.dt.year - flights["built"],
    )
    types = dict.fromkeys(CATEGORIES, "str") | dict.fromkeys(NUMBERS, "float64")
    return table[COLUMNS].astype(types)


def labelled(flights: pd.DataFrame) -> pd.DataFrame:
    """The features of landed flights with the time of departure and the label beside them."""
    return features(flights).assign(**{TIME: flights[TIME], TARGET: flights[TARGET]})
