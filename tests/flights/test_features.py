"""The flights project's features: nothing from the future, and one definition of the columns."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

PROJECT = Path(__file__).parents[2] / "notebooks" / "flights"


@pytest.fixture(scope="module", autouse=True)
def project_on_path() -> Iterator[None]:
    sys.path.insert(0, str(PROJECT))
    yield
    sys.path.remove(str(PROJECT))
    for name in [n for n in sys.modules if n.split(".")[0] == "flightlib"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def data() -> ModuleType:
    from flightlib import data

    return data


@pytest.fixture(scope="module")
def week(data: ModuleType) -> pd.DataFrame:
    return data.departures(date(2013, 3, 4), date(2013, 3, 11))


@pytest.fixture(scope="module")
def weather(data: ModuleType) -> pd.DataFrame:
    return data.observations()


def columns_of(data: ModuleType, flights: pd.DataFrame, weather: pd.DataFrame) -> Any:
    from flightlib.features import features

    return features(data.join(flights, weather, data.planes(), data.airports()))


@pytest.mark.parametrize("hour", ["2013-03-06T12:00Z", "2013-03-08T21:00Z"])
def test_features_do_not_change_when_what_came_later_does(
    data: ModuleType, week: pd.DataFrame, weather: pd.DataFrame, hour: str
) -> None:
    now = pd.Timestamp(hour)
    past = week["scheduled"] < now + pd.Timedelta(hours=1)
    altered_weather = weather.copy()
    later = altered_weather["observed"] >= now
    altered_weather.loc[later, data.WEATHER] = -1.0
    altered = week.copy()
    altered.loc[~past, "dest"] = "LAX"
    altered["arr_delay"] = 999.0

    before = columns_of(data, week, weather)
    after = columns_of(data, altered, altered_weather)

    assert past.sum() > 100
    pd.testing.assert_frame_equal(before[past], after[past])
    assert not before[~past].equals(after[~past])


def test_weather_was_filed_at_least_an_hour_before_the_scheduled_hour(
    data: ModuleType, week: pd.DataFrame, weather: pd.DataFrame
) -> None:
    joined = data.join_weather(week, weather)
    age = joined["scheduled"].dt.floor("h") - joined["observed"]
    assert len(joined) == len(week)
    assert age.min() == pd.Timedelta(hours=1)
    assert age.max() <= pd.Timedelta(hours=7)


def test_old_weather_is_missing_and_not_invented(
    data: ModuleType, week: pd.DataFrame, weather: pd.DataFrame
) -> None:
    old = weather[weather["observed"] < week["scheduled"].min() - pd.Timedelta(hours=12)]
    assert data.join_weather(week, old)["temp"].isna().all()


@pytest.mark.slow
def test_replay_asks_with_exactly_the_training_columns(data: ModuleType) -> None:
    from flightlib.features import COLUMNS, labelled
    from flightlib.replay import replay

    start, end = date(2013, 7, 1), date(2013, 7, 8)
    rows = replay(start, end, sample=500, seed=7)
    flights = data.landed(data.departures(start, end))
    trained_on = labelled(data.join(flights, data.observations(), data.planes(), data.airports()))

    assert list(rows.columns) == [*COLUMNS, "scheduled", "late"]
    assert list(trained_on.columns) == list(rows.columns)
    assert rows.dtypes.equals(trained_on.dtypes)
    assert len(rows) == 500
    assert rows["scheduled"].is_monotonic_increasing
    assert len(rows.merge(trained_on.drop_duplicates())) == len(rows)
    pd.testing.assert_frame_equal(rows, replay(start, end, sample=500, seed=7))
    assert not rows.equals(replay(start, end, sample=500, seed=8))


def test_the_contract_names_each_broken_rule(
    data: ModuleType, week: pd.DataFrame, weather: pd.DataFrame
) -> None:
    from flightlib import contract

    good = data.landed(data.join(week, weather, data.planes(), data.airports()))
    contract.check(contract.FLIGHTS, good)
    bad = good.copy()
    bad.loc[3, "temp"] = 999.0
    bad.loc[5, "observed"] = bad.loc[5, "scheduled"]
    bad.loc[8] = bad.loc[7]
    with pytest.raises(contract.ContractError) as error:
        contract.check(contract.FLIGHTS, bad)
    message = str(error.value)
    assert "temp: in_range(-40, 130), 1 row, for instance 999" in message
    assert "weather was observed before departure, 1 row" in message
    assert "a flight may appear once, 2 rows" in message


def test_an_empty_window_is_refused(data: ModuleType) -> None:
    with pytest.raises(ValueError, match="start 2013-04-01 must come before end 2013-04-01"):
        data.departures(date(2013, 4, 1), date(2013, 4, 1))
    with pytest.raises(ValueError, match="no flight between"):
        data.departures(date(2015, 1, 1), date(2015, 2, 1))
